"""Which states the CSMS knows, so that each change is told once."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulators.hardware import Hardware
from simulators.voice import Voice
from simulators.watched import Fields, Now, timestamp


@dataclass(frozen=True, slots=True)
class Status:
    """One StatusNotification of an EVSE, 0 for the station."""

    evse_id: int
    action: str
    fields: Fields

    @property
    def meaning(self) -> Fields:
        """Return what it says, without when."""
        return {name: value for name, value in self.fields.items() if name != "timestamp"}


@dataclass(slots=True)
class Statuses:
    """Compare what is with what was told."""

    hardware: Hardware
    voice: Voice
    now: Now
    _told: dict[int, Fields] = field(default_factory=dict)

    def all(self) -> list[Status]:
        """Return the states as they are."""
        at = timestamp(self.now())
        said = ((id, self.voice.status(self.hardware, id, at)) for id in (0, *self.hardware.evses))
        return [Status(id, *message) for id, message in said if message is not None]

    def untold(self) -> list[Status]:
        """Return the states that the CSMS does not know."""
        return [status for status in self.all() if self._told.get(status.evse_id) != status.meaning]

    def tell(self, status: Status) -> None:
        """Remember that a state was told."""
        self._told[status.evse_id] = status.meaning

    def forget(self) -> None:
        """Have everything told again, as after a boot."""
        self._told.clear()
