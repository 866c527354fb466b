"""
The key ring: the file of the data directory with the keys that secrets are sealed with.

One key is current; the others open what was sealed before it, also in old backups. Whoever changes
the ring writes a new file aside and puts it in place of the old one, so that a reader sees the one
or the other, whenever a process is killed.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.clock import timestamp
from storage.errors import SealBroken

KEY_RING = "keyring.json"
SEAL_BYTES = 4  # which name the key

Version = tuple[int, int, int]  # of a file: another one where it was replaced or changed


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a ring by their ids, and when those that are current no more were replaced."""

    current: bytes
    by_id: Mapping[bytes, bytes] = field(repr=False)
    replaced: Mapping[bytes, datetime] = field(default_factory=dict)

    def with_new(self, now: datetime) -> Keys:
        """Return the same with a new current key."""
        key_id = os.urandom(SEAL_BYTES)
        while key_id in self.by_id:
            key_id = os.urandom(SEAL_BYTES)
        return Keys(
            current=key_id,
            by_id={**self.by_id, key_id: AESGCM.generate_key(256)},
            replaced={**self.replaced, self.current: now},
        )

    def without(self, key_ids: Iterable[bytes]) -> Keys:
        """Return the same without some old keys; the current one stays."""
        gone = {*key_ids} - {self.current}
        return replace(
            self,
            by_id={id: key for id, key in self.by_id.items() if id not in gone},
            replaced={id: at for id, at in self.replaced.items() if id not in gone},
        )


class KeyRing:
    """The file, read again only when it has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: Version | None = None

    @classmethod
    def of(cls, data_dir: Path) -> KeyRing:
        """Return the ring of a data directory."""
        return cls(data_dir / KEY_RING)

    def create(self) -> None:
        """Make the file with a first key, unless there is one; raise OSError."""
        if self.path.exists():
            return
        key_id = os.urandom(SEAL_BYTES)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Linked: two processes that begin at once end up with one ring.
        self._put(Keys(key_id, {key_id: AESGCM.generate_key(256)}), _link_unless_there)

    def changed(self) -> bool:
        """Tell whether the file is another one than was read last; raise SealBroken if gone."""
        return self._version() != self._seen

    def read(self) -> Keys:
        """Return the keys; raise SealBroken."""
        seen = self._version()
        try:
            keys = _parsed(json.loads(self.path.read_text()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as cause:
            raise SealBroken(f"The key ring {self.path} cannot be read.") from cause
        self._seen = seen
        return keys

    def write(self, keys: Keys) -> None:
        """Put another ring in place of the file, whole or not at all; raise OSError."""
        self._put(keys, os.replace)

    def _version(self) -> Version:
        try:
            found = self.path.stat()
        except OSError as cause:
            raise SealBroken(f"The key ring {self.path} is gone: put it back.") from cause
        return (found.st_ino, found.st_mtime_ns, found.st_size)

    def _keep_owner(self, draft: int) -> None:
        """Give the draft to whom the ring belongs: root may change it for a server that is not."""
        if os.name == "nt" or not self.path.exists():
            return
        there, ours = self.path.stat(), os.fstat(draft)
        if (there.st_uid, there.st_gid) != (ours.st_uid, ours.st_gid):
            os.fchown(draft, there.st_uid, there.st_gid)

    def _put(self, keys: Keys, into_place: Callable[[Path, Path], None]) -> None:
        draft = self.path.with_name(f".{KEY_RING}.{secrets.token_hex(8)}")
        try:
            with os.fdopen(
                os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w"
            ) as file:
                self._keep_owner(file.fileno())
                file.write(json.dumps(_plain(keys)))
                file.flush()
                os.fsync(file.fileno())
            into_place(draft, self.path)
            _sync(self.path.parent)
        finally:
            draft.unlink(missing_ok=True)


def _link_unless_there(draft: Path, path: Path) -> None:
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)


def _sync(folder: Path) -> None:
    """Have the new name survive a power cut: what is sealed from now on needs it."""
    if os.name == "nt":  # where a folder cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parsed(ring: Any) -> Keys:
    by_id = {bytes.fromhex(id): base64.b64decode(key) for id, key in ring["keys"].items()}
    for key in by_id.values():
        AESGCM(key)  # ValueError for one that is none
    current = bytes.fromhex(ring["current"])
    by_id[current]  # what is sealed from now on must open again
    replaced = ring.get("replaced", {}).items()
    return Keys(
        current, by_id, {bytes.fromhex(id): datetime.fromisoformat(at) for id, at in replaced}
    )


def _plain(keys: Keys) -> dict[str, Any]:
    return {
        "current": keys.current.hex(),
        "keys": {id.hex(): base64.b64encode(key).decode() for id, key in keys.by_id.items()},
        "replaced": {id.hex(): timestamp(at) for id, at in keys.replaced.items()},
    }
