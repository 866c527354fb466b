"""
Files that chargers send, in the data directory.

A file is written beside its place and put there whole: what is there is complete, also after a
kill. Its name is the id that we gave it, never what a charger calls it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import AsyncIterable, Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from storage.errors import StorageUnavailable

T = TypeVar("T")

DIRECTORY = "files"
MOST_BYTES = 100 << 20
_PART = ".part"
_OF_THE_SENDER = (ConnectionError, TimeoutError)  # which are kinds of OSError
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


class TooLong(Exception):
    """The file is longer than a file may be."""


class Written(NamedTuple):
    """A file that lies beside its place: its bytes and the digest of them, in hex."""

    path: Path
    size: int
    sha256: str


class Files:
    """Keep one file for each id."""

    def __init__(self, data_dir: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder = data_dir / DIRECTORY
        self.most_bytes = most_bytes

    async def write(self, id: str, chunks: AsyncIterable[bytes]) -> Written:
        """Write a file beside its place; raise TooLong or StorageUnavailable.

        Nothing is left of one that does not come to its end.
        """
        part = self._folder / f"{_checked(id)}.{secrets.token_hex(8)}{_PART}"
        size, digest = 0, hashlib.sha256()
        try:
            descriptor = await _apart(self._open, part)
            try:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > self.most_bytes:
                        raise TooLong
                    digest.update(chunk)
                    await _apart(_write_all, descriptor, chunk)
                await _apart(os.fsync, descriptor)
            finally:
                os.close(descriptor)
        except BaseException as fault:
            part.unlink(missing_ok=True)
            if isinstance(fault, OSError) and not isinstance(fault, _OF_THE_SENDER):
                raise StorageUnavailable(f"The file cannot be written: {fault}.") from fault
            raise
        return Written(part, size, digest.hexdigest())

    def keep(self, id: str, written: Written) -> None:
        """Put a written file in its place, where it is after a loss of power too; this blocks."""
        written.path.replace(self.path(id))
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def discard(self, written: Written) -> None:
        """Remove a file that was written and is not wanted."""
        written.path.unlink(missing_ok=True)

    def path(self, id: str) -> Path:
        """Return where a file lies, or would."""
        return self._folder / _checked(id)

    def remove(self, id: str) -> None:
        """Remove a file, if it is there."""
        self.path(id).unlink(missing_ok=True)

    def sweep(self, known: Collection[str]) -> None:
        """Remove what no id of those known has, and what did not come to its end."""
        with contextlib.suppress(FileNotFoundError):
            for path in list(self._folder.iterdir()):
                if path.name not in known:
                    path.unlink(missing_ok=True)

    def _open(self, path: Path) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


async def _apart(work: Callable[..., T], *arguments: Any) -> T:
    """Work in a thread; who is cancelled waits for its end: what it writes to is to be closed.

    Else its last bytes could go into another file, which has got the number of this one.
    """
    working = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise


def _write_all(descriptor: int, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        left = left[os.write(descriptor, left) :]


def _checked(id: str) -> str:
    if not _ID.fullmatch(id):
        raise ValueError(f"{id!r} is no id of a file.")
    return id
