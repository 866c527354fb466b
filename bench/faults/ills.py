"""In which ways an object store can be ill, and what cures it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from bench.faults.connectors import Connector
from simulators.buckets import Bucket, Mishap
from simulators.stores import SECRET, Store


@dataclass(frozen=True, slots=True)
class Patient:
    """A connector whose store is ill, and what it stores to."""

    connector: Connector
    store: Store
    bucket: Bucket
    ill: Ill


Deed: TypeAlias = Callable[[Patient], None]


@dataclass(frozen=True, slots=True)
class Ill:
    """One way to be ill; ``told`` is whether its owner is to be told that nothing is stored."""

    begin: Deed
    cure: Deed
    told: bool = True
    # Of a cure that is the owner's: what becomes of the credentials.
    credentials: Callable[[Mapping[str, str]], Mapping[str, str]] | None = None


def _scripted(script: Callable[[], Iterator[Mishap | None]], *, told: bool = True) -> Ill:
    def begin(patient: Patient) -> None:
        patient.bucket.script = script()

    return Ill(begin, _heal, told)


def _heal(patient: Patient) -> None:
    patient.bucket.script = iter(())


def _revoke(patient: Patient) -> None:
    del patient.store.keys[patient.connector.credentials["access_key_id"]]


def _change_secret(patient: Patient) -> None:
    patient.store.keys[patient.connector.credentials["access_key_id"]] += "-changed"


def _issue(patient: Patient) -> None:
    patient.store.keys[f"{patient.connector.name}-NEW"] = SECRET


def _new_key(credentials: Mapping[str, str]) -> Mapping[str, str]:
    return {**credentials, "access_key_id": f"{credentials['access_key_id']}-NEW"}


def _new_secret(credentials: Mapping[str, str]) -> Mapping[str, str]:
    return {**credentials, "secret_access_key": f"{credentials['secret_access_key']}-changed"}


def _remove_bucket(patient: Patient) -> None:
    patient.bucket.there = False


def _create_bucket(patient: Patient) -> None:
    patient.bucket.there = True


def _nothing(_patient: Patient) -> None:
    """Leave the store alone: the owner does what is to be done."""


def _always(mishap: Mishap) -> Callable[[], Iterator[Mishap | None]]:
    return lambda: itertools.repeat(mishap)


def _by_turns() -> Iterator[Mishap | None]:
    return itertools.cycle([Mishap.LOSES, None, Mishap.RESETS, Mishap.FAILS, Mishap.LATE, None])


ILLS: dict[str, Ill] = {
    "500": _scripted(_always(Mishap.FAILS)),
    "slow-down": _scripted(_always(Mishap.SLOW_DOWN)),
    "timeout": _scripted(_always(Mishap.HANGS)),
    "late": _scripted(_always(Mishap.LATE)),
    "reset": _scripted(_always(Mishap.RESETS)),
    "lost-answer": _scripted(_always(Mishap.LOSES)),
    "garbage": _scripted(_always(Mishap.GARBAGE)),
    "slow": _scripted(_always(Mishap.SLOW), told=False),
    "by-turns": _scripted(_by_turns, told=False),
    "revoked-key": Ill(_revoke, _issue, credentials=_new_key),
    "wrong-secret": Ill(_change_secret, _nothing, credentials=_new_secret),
    "no-bucket": Ill(_remove_bucket, _create_bucket),
}
