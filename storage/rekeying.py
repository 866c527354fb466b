"""
Change the key that secrets are sealed with, also beside a running server.

The ring with the new key is in place before the first row is sealed with it, and the old key stays
in it: so whenever this is killed everything opens, and to do it again finishes it. A server takes
up the new key with the next thing that it seals or has to open.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from storage.clock import EPOCH, Clock
from storage.database import Database, Row, Write
from storage.errors import SealBroken, StorageError, StorageUnavailable
from storage.key_ring import KeyRing, Keys
from storage.sealed_columns import SEALED, SIGNED, SealedColumn
from storage.secrets import Sealer
from storage.statements.sealed import ANEW, KEY_IDS

BATCH = 100  # rows in one transaction: others write in between
# What a server sealed just before the key was replaced may be written only after we have looked.
RESTING = timedelta(hours=1)
_LOCK = "keyring.lock"
_LONG_AGO = EPOCH  # what was replaced before that was noted


class KeysInUse(StorageError):
    """Another process is changing the keys: wait until it has ended."""


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """What became of a change of keys, which are named by their ids."""

    current: str
    kept: Sequence[str]
    forgotten: Sequence[str]
    # How many values were sealed anew, by table and column.
    sealed_anew: dict[str, int]
    # The places of those that no key of the ring opens: they are as they were.
    not_opened: Sequence[str]


# ---- which keys are needed ----


async def key_ids(database: Database, columns: Sequence[SealedColumn] = SEALED) -> set[bytes]:
    """Return the ids of all keys that something is sealed with in these columns."""
    found = [row for column in columns for row in await database.fetch(KEY_IDS[column])]
    # A chain may begin with nothing, of which SQLite says that the first bytes are NULL.
    return {bytes(row["key_id"]) for row in found if row["key_id"]}


async def require_keys(database: Database, data_dir: Path) -> Sealer:
    """Open the key ring of a data directory, made on first use.

    Raises SealBroken where secrets are stored and the ring is not there, or lacks a key of theirs,
    StorageUnavailable where it cannot be made.
    """
    needed = await key_ids(database)
    if needed and not KeyRing.of(data_dir).path.exists():
        raise SealBroken(_missing(needed))
    try:
        sealer = Sealer.open(data_dir)
    except OSError as error:
        raise StorageUnavailable(f"The key ring in {data_dir} cannot be made: {error}.") from error
    if missing := {id for id in needed if not sealer.holds(id)}:
        raise SealBroken(_missing(missing))
    return sealer


def _missing(key_ids: Iterable[bytes]) -> str:
    names = ", ".join(sorted(id.hex() for id in key_ids))
    return (
        f"Secrets in the database are sealed with the key {names}, which the key ring lacks: "
        "put the keyring.json that belongs to this database back into the data directory."
    )


# ---- changing them ----


class Rekeying:
    """Change the keys of an installation, one process at a time."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        ring: KeyRing,
        clock: Clock,
        batch: int = BATCH,
        tell: Callable[[int, str], None] = lambda _values, _where: None,
    ) -> None:
        """Begin nothing yet; ``tell`` is told how many values more were sealed, and where."""
        self._database = database
        self._sealer = sealer
        self._ring = ring
        self._clock = clock
        self._batch = batch
        self._tell = tell

    async def rotate(self) -> Rekeyed:
        """Make a new key and seal everything with it; raise KeysInUse, SealBroken."""
        with self._alone():
            self._ring.write(self._ring.read().with_new(self._clock.now()))
            return self._told(await self._seal_anew(), ())

    async def forget(self) -> Rekeyed:
        """Seal what is left under old keys and drop those that nothing needs any more.

        Kept are keys that were replaced less than an hour ago, and those of seals that cannot be
        made anew (`SIGNED`). Raises KeysInUse, SealBroken.
        """
        with self._alone():
            done = await self._seal_anew()
            needed = await key_ids(self._database, (*SEALED, *SIGNED))
            keys = self._ring.read()
            gone = [id for id in _rested(keys, self._clock.now()) if id not in needed]
            if gone:
                self._ring.write(keys.without(gone))
            return self._told(done, gone)

    async def _seal_anew(self) -> _Done:
        done = _Done()
        for column in SEALED:
            # Until nothing is found: a server may have written behind us with the former key.
            while await self._pass(column, done):
                pass
        return done

    async def _pass(self, column: SealedColumn, done: _Done) -> int:
        """Go through a column once and return how many values were sealed anew."""
        statements, changed = ANEW[column], 0
        name = f"{column.table.name}.{column.column.name}"
        rows = await self._database.fetch(statements.first, self._page())
        while rows:
            writes = [write for row in rows if (write := self._anew(column, row, done))]
            await self._database.write([Write(statements.change, writes)])
            changed += len(writes)
            self._tell(len(writes), name)
            after = _key(column, rows[-1], "after_")
            rows = await self._database.fetch(statements.after, {**self._page(), **after})
        done.sealed_anew[name] = done.sealed_anew.get(name, 0) + changed
        return changed

    def _page(self) -> Row:
        return {"current": self._sealer.current, "limit": self._batch}

    def _anew(self, column: SealedColumn, row: Row, done: _Done) -> Row | None:
        sealed, place = bytes(row["sealed"]), column.place(row)
        try:
            anew = self._sealer.seal(self._sealer.unseal(sealed, place), place)
        except SealBroken:
            done.not_opened.add(place)
            return None
        return {**_key(column, row, "of_"), "before": sealed, "anew": anew}

    def _told(self, done: _Done, gone: Iterable[bytes]) -> Rekeyed:
        keys = self._ring.read()
        return Rekeyed(
            current=keys.current.hex(),
            kept=sorted(id.hex() for id in keys.by_id if id != keys.current),
            forgotten=sorted(id.hex() for id in gone),
            sealed_anew=done.sealed_anew,
            not_opened=sorted(done.not_opened),
        )

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with FileLock(self._ring.path.with_name(_LOCK), blocking=False):
                yield
        except Timeout:
            raise KeysInUse from None


@dataclass(slots=True)
class _Done:
    """How far it is."""

    sealed_anew: dict[str, int] = field(default_factory=dict)
    not_opened: set[str] = field(default_factory=set)


def _key(column: SealedColumn, row: Row, prefix: str) -> dict[str, Any]:
    return {f"{prefix}{each.name}": row[each.name] for each in column.table.primary_key}


def _rested(keys: Keys, now: datetime) -> list[bytes]:
    """Return the old keys that nobody can be about to write with."""
    replaced = {id: keys.replaced.get(id, _LONG_AGO) for id in keys.by_id if id != keys.current}
    return [id for id, at in replaced.items() if now - at >= RESTING]
