"""Join what several owners wish of a charger's metering: nobody gets less than it asked for.

One charger has one interval and one list of measurands. It gets the finest of the wishes, and
each owner reads its own back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

Wishes: TypeAlias = Mapping[int, Mapping[str, str]]  # by owner and key

_LONGEST_LIST = 2500  # characters, the most of any version
_SECONDS = re.compile(r"\s*[0-9]{1,9}\s*", re.ASCII)


def _shortest(wishes: Iterable[str]) -> str:
    """Return the shortest interval; 0 is never."""
    seconds = [int(wish) for wish in wishes]
    return str(min((each for each in seconds if each), default=0))


def _all(wishes: Iterable[str]) -> str:
    """Return every measurand once, in the order in which they were named."""
    named = [word.strip() for wish in wishes for word in wish.split(",")]
    return ",".join(dict.fromkeys(word for word in named if word))


_JOINS: Mapping[str, Callable[[Iterable[str]], str]] = {
    "MeterValueSampleInterval": _shortest,
    "ClockAlignedDataInterval": _shortest,
    "MeterValuesSampledData": _all,
    "MeterValuesAlignedData": _all,
    "StopTxnSampledData": _all,
    "StopTxnAlignedData": _all,
    "SampledDataCtrlr.TxUpdatedInterval": _shortest,
    "SampledDataCtrlr.TxEndedInterval": _shortest,
    "SampledDataCtrlr.TxStartedMeasurands": _all,
    "SampledDataCtrlr.TxUpdatedMeasurands": _all,
    "SampledDataCtrlr.TxEndedMeasurands": _all,
    "AlignedDataCtrlr.Interval": _shortest,
    "AlignedDataCtrlr.TxEndedInterval": _shortest,
    "AlignedDataCtrlr.Measurands": _all,
    "AlignedDataCtrlr.TxEndedMeasurands": _all,
}
_NAMES = {name.casefold(): name for name in _JOINS}


def metering_key(name: str) -> str | None:
    """Return the name by which a metering key is stored, None if it is none."""
    return _NAMES.get(name.casefold())


def is_legal(key: str, value: str) -> bool:
    """Tell whether a value can be joined with others."""
    if _JOINS[key] is _all:
        return len(value) <= _LONGEST_LIST
    return _SECONDS.fullmatch(value) is not None


def joined(wishes: Wishes, key: str) -> str | None:
    """Return the finest of all owners' wishes of a key, None where nobody has one."""
    named = [wish[key] for _, wish in sorted(wishes.items()) if key in wish]
    return _JOINS[key](named) if named else None


def with_wish(wishes: Wishes, owner: int, key: str, value: str) -> Wishes:
    """Return the wishes with another one of an owner."""
    return {**wishes, owner: {**wishes.get(owner, {}), key: value}}
