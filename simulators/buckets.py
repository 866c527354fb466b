"""What a simulated object store keeps: buckets, what is in them, and every attempt to store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import md5


class Mishap(StrEnum):
    """What happens to a request instead of, or beside, what it asks for."""

    FAILS = "fails"  # 500
    SLOW_DOWN = "slow_down"  # 503
    GARBAGE = "garbage"  # 200 with a web page: who answers is no store
    HANGS = "hangs"  # no answer, nothing is stored
    LATE = "late"  # no answer; it is stored when the client has given up
    RESETS = "resets"  # the connection is reset in the middle of the body
    LOSES = "loses"  # it is stored, and the connection is reset before the answer
    SLOW = "slow"  # it works, after a while


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it lies in a bucket."""

    body: bytes
    content_type: str
    modified: datetime

    @property
    def etag(self) -> str:
        """Return what the protocol calls it: the quoted MD5 of the bytes."""
        return f'"{md5(self.body, usedforsecurity=False).hexdigest()}"'


@dataclass(slots=True)
class Put:
    """One attempt to store an object, whatever became of it.

    ``body`` is what came of it, ``whole`` tells whether that is all. ``answer`` is ``ok``, the code
    of an error, what happened instead of an answer, or that the client cut it off.
    """

    at: datetime
    bucket: str
    name: str
    body: bytes = b""
    whole: bool = False
    stored: bool = False
    answer: str = "cut off"


@dataclass(slots=True)
class Bucket:
    """One bucket: its objects, and what will happen to the next requests, in turn.

    ``script`` is asked once for each request; where it is at its end all goes well. A bucket that
    is not ``there`` is told missing.
    """

    name: str
    there: bool = True
    objects: dict[str, Stored] = field(default_factory=dict)
    puts: list[Put] = field(default_factory=list)
    script: Iterator[Mishap | None] = field(default_factory=lambda: iter(()))

    def listed(self, prefix: str = "", after: str = "", most: int = 1000) -> tuple[list[str], bool]:
        """Return so many names in order, and whether there are more."""
        names = sorted(name for name in self.objects if name.startswith(prefix) and name > after)
        return names[:most], len(names) > most

    def changed(self) -> list[str]:
        """Return the names that were to be stored with other bytes than before."""
        whole: dict[str, bytes] = {}
        parts = [put for put in self.puts if not put.whole]
        changed = {
            put.name
            for put in self.puts
            if put.whole and whole.setdefault(put.name, put.body) != put.body
        }
        changed |= {
            part.name for part in parts if not whole.get(part.name, part.body).startswith(part.body)
        }
        return sorted(changed)
