"""Which station speaks which subprotocol."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from csms.station import Station
from csms.station16 import Station16
from csms.station21 import Station21
from csms.station201 import Station201

STATIONS: Mapping[str, type[Station]] = MappingProxyType(
    {kind.subprotocol: kind for kind in (Station16, Station201, Station21)}
)
