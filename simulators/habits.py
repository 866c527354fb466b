"""How a make of charger behaves: its pace, its faults, and what it does not do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from csms import frames
from csms.frames import Call, CallResult, Reply, Send
from simulators.watched import Fields


@dataclass(frozen=True, slots=True)
class Habits:
    """What this make of charger does its own way; put another one in its place at any time.

    A reset takes ``restart_s``, a boot without an interval is repeated after ``boot_retry_s``, and
    each step of a job takes ``job_step_s``, all in the charger's own time. Long lists go out in
    parts of ``items_per_part``. ``disobedient`` takes profiles and charges as if there were none,
    ``forgets_connectors`` lets a profile replace one of its level and purpose on any connector,
    and ``forgets_profiles`` loses them all with a restart. The first two are built in.

    ``unsupported`` actions are answered NotImplemented, those in ``errors`` with another CALLERROR
    code, those in ``refuses`` with a status or with whole fields, and ``mute`` ones not at all.
    """

    boots_on_reconnect: bool = False
    asks_before_answering: bool = False
    disobedient: bool = False
    forgets_connectors: bool = False
    forgets_profiles: bool = False
    restart_s: float = 5.0
    boot_retry_s: float = 10.0
    job_step_s: float = 0.2
    items_per_part: int = 10
    unsupported: frozenset[str] = frozenset()
    mute: frozenset[str] = frozenset()
    errors: Mapping[str, str] = field(default_factory=dict)
    refuses: Mapping[str, str | Fields] = field(default_factory=dict)

    @property
    def built_in(self) -> dict[str, bool]:
        """Return what is so from the factory on, in the words of the hardware."""
        return {"obeys": not self.disobedient, "knows_connectors": not self.forgets_connectors}

    def instead(self, call: Call | Send) -> Reply | None:
        """Return what is said instead of doing it, None where it is done."""
        if call.action in self.mute:
            return CallResult(call.id, b"", None, b"")  # an empty text is never sent
        missing = "NotImplemented" if call.action in self.unsupported else None
        code = missing or self.errors.get(call.action)
        if code is not None:
            return frames.call_error(call.id, code, "Not here.")
        refusal = self.refuses.get(call.action)
        if refusal is None:
            return None
        fields = {"status": refusal} if isinstance(refusal, str) else refusal
        return frames.call_result(call.id, orjson.dumps(fields))
