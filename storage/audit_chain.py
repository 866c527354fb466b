"""
Chain the rows of an organization's audit: each seal is made of the row and of the seal before it.

A seal is the id of a key of the ring (4 bytes) and an HMAC-SHA256 (32 bytes) with a key that is
derived from it. So whoever can write to the database but not read the key ring cannot change a row,
put one in between or take one out without it being seen. The record of a chain, which tells where
it begins and ends, is sealed likewise: else its last rows could be cut off together with its end.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

import orjson

from storage.database import Row
from storage.errors import SealBroken
from storage.key_ring import SEAL_BYTES
from storage.secrets import DerivedKey

PURPOSE = "ringmain/audit/chain"
_FORM = 1  # of what is sealed, should it ever be written otherwise
_NOTHING = b""  # before the first row
FAR = 2**62  # no chain gets there: whatever has such a place was not put there by us
_SEAL_BYTES = SEAL_BYTES + hashlib.sha256().digest_size
_TOLD = (
    "timestamp",
    "charge_box_id",
    "category",
    "actor",
    "action",
    "object",
    "result",
    "request_id",
    "details",
)

# Returns the key for the chain: of a key of the ring, or of its current one; raises SealBroken.
Keys: TypeAlias = Callable[[bytes | None], DerivedKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Where the chain of an organization begins and ends.

    The anchor is the last row that was removed for its age, at place 0 where none was.
    """

    organization_uuid: str
    anchor_place: int = 0
    anchor_seal: bytes = _NOTHING
    last_place: int = 0
    last_seal: bytes = _NOTHING
    seal: bytes = _NOTHING

    @property
    def head(self) -> str:
        """Return its end as text that one may note elsewhere."""
        return f"{self.last_place}:{self.last_seal.hex()}"


class Sealed(NamedTuple):
    """A place in a chain, and the seal that ties a row to it."""

    place: int
    seal: bytes


def canonical(row: Row, place: int) -> bytes:
    """Return what tells a row at a place of its chain from any other, whichever engine has it.

    The moment is in µs since 1970 and the details are a text, both as they are stored.
    """
    told = [_FORM, row["organization_uuid"], place, row["id"], *(row[name] for name in _TOLD)]
    return orjson.dumps(told, default=repr)  # SQLite keeps anything in any column


def sealed_row(key: DerivedKey, before: bytes, row: Row, place: int) -> bytes:
    """Return the seal of a row behind another one."""
    return _sealed(key, _message(before, row, place))


def sealed_record(key: DerivedKey, chain: Chain) -> Chain:
    """Return the record of a chain with its seal."""
    return replace(chain, seal=_sealed(key, _record(chain)))


def is_ours(chain: Chain, keys: Keys) -> bool:
    """Tell whether the record of a chain is as we have left it."""
    return _fits(keys, chain.seal, _record(chain))


def lengthened(chain: Chain, rows: Sequence[Row], key: DerivedKey) -> tuple[list[Sealed], Chain]:
    """Return the places and the seals of rows at the end of a chain, and the longer chain."""
    sealed: list[Sealed] = []
    last = Sealed(chain.last_place, chain.last_seal)
    for row in rows:
        place = last.place + 1
        last = Sealed(place, sealed_row(key, last.seal, row, place))
        sealed.append(last)
    return sealed, sealed_record(key, replace(chain, last_place=last.place, last_seal=last.seal))


def _message(before: bytes, row: Row, place: int) -> bytes:
    return bytes([len(before)]) + before + canonical(row, place)


def _record(chain: Chain) -> bytes:
    told = (chain.anchor_place, chain.anchor_seal.hex(), chain.last_place, chain.last_seal.hex())
    # Begins otherwise than what is sealed of a row: a length.
    return b"record" + orjson.dumps([_FORM, chain.organization_uuid, *told])


def _sealed(key: DerivedKey, message: bytes) -> bytes:
    return key.key_id + hmac.digest(key.key, message, "sha256")


def _fits(keys: Keys, seal: bytes, message: bytes) -> bool:
    try:
        key = keys(seal[:SEAL_BYTES])
    except SealBroken:
        return False
    return hmac.compare_digest(seal, _sealed(key, message))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a chain looks like; rows are named by their id, places that are empty from and to.

    The row behind an empty place cannot be checked against the one that is gone. ``record`` tells
    whether the record of the chain is as we have left it.
    """

    rows: int
    head: str | None
    altered: Sequence[int]
    inserted: Sequence[int]
    removed: Sequence[tuple[int, int]]
    # How many rows are sealed with a key that the ring has not, by the key's id.
    missing_keys: Mapping[str, int]
    record: bool

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is wrong with it."""
        wrong = (self.altered, self.inserted, self.removed, self.missing_keys)
        return self.record and not any(wrong)


@dataclass(slots=True)
class Walk:
    """Go through the rows of a chain, from its beginning and by place."""

    keys: Keys
    begun: Chain
    place: int = field(init=False)
    _seal: bytes = field(init=False)
    _rows: int = 0
    _altered: dict[int, int] = field(default_factory=dict)  # places by id
    _unchecked: dict[int, int] = field(default_factory=dict)  # the same, behind empty places
    _inserted: dict[int, None] = field(default_factory=dict)
    _removed: list[tuple[int, int]] = field(default_factory=list)
    _missing: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.place, self._seal = self.begun.anchor_place, self.begun.anchor_seal[:_SEAL_BYTES]

    def take(self, row: Row) -> None:
        """Look at the next row."""
        self._rows += 1
        place, seal = row["place"], row["seal"]
        if not isinstance(place, int) or place <= self.place:
            self._inserted[row["id"]] = None
            return
        if not isinstance(seal, bytes) or len(seal) != _SEAL_BYTES:
            self._altered[row["id"]], seal = place, _NOTHING
        elif place == self.place + 1 and self._is_known(seal) and not self._fits(row):
            self._altered[row["id"]] = place
        if place > self.place + 1:
            self._removed.append((self.place + 1, place - 1))
            self._unchecked[row["id"]] = place
        self.place, self._seal = place, seal

    def _is_known(self, seal: bytes) -> bool:
        """Tell whether a seal can be checked, and count it where it cannot."""
        key_id = seal[:SEAL_BYTES]
        try:
            self.keys(key_id)
        except SealBroken:
            self._missing[key_id.hex()] += 1
            return False
        return True

    def _fits(self, row: Row) -> bool:
        return _fits(self.keys, row["seal"], _message(self._seal, row, row["place"]))

    def verdict(self, chain: Chain | None) -> Verdict:
        """Say what was found, given the chain's record as it is behind the last row."""
        if chain is None:
            return self._said(self._altered, [*self._inserted], self._removed, None)
        last = chain.last_place
        unproven = {**self._altered, **self._unchecked}
        behind = [id for id, place in unproven.items() if place > last]
        altered = {id: place for id, place in self._altered.items() if place <= last}
        removed = [(first, min(end, last)) for first, end in self._removed if first <= last]
        if last > self.place:
            removed.append((self.place + 1, last))
        return self._said(altered, [*self._inserted, *behind], removed, chain)

    def _said(
        self,
        altered: Mapping[int, int],
        inserted: Sequence[int],
        removed: Sequence[tuple[int, int]],
        chain: Chain | None,
    ) -> Verdict:
        at_its_end = chain is None or chain.last_place != self.place
        return Verdict(
            rows=self._rows,
            head=chain.head if chain and chain.last_place else None,
            altered=tuple(altered),
            inserted=tuple(inserted),
            removed=tuple(removed),
            missing_keys=dict(self._missing),
            record=(
                not self._rows
                if chain is None
                else is_ours(chain, self.keys) and (at_its_end or chain.last_seal == self._seal)
            ),
        )


def found_chain(row: Row) -> Chain:
    """Return the record of a chain as it is stored; where its like was never ours, as not ours.

    SQLite keeps anything in any column: what somebody has put there must end nobody's sealing.
    """
    nothing = beginning(row["organization_uuid"])
    sane = {name: value for name, value in row.items() if _is_sane(value, getattr(nothing, name))}
    return replace(nothing, **(sane if len(sane) == len(row) else {**sane, "seal": _NOTHING}))


def _is_sane(value: Any, like: object) -> bool:
    return type(value) is type(like) and (not isinstance(value, int) or 0 <= value < FAR)


def beginning(organization_uuid: str) -> Chain:
    """Return the chain in which nothing is yet."""
    return Chain(organization_uuid=organization_uuid)
