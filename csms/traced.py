"""Links and commands that are traced: in the place of ordinary ones where tracing is set up."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from csms.frames import Call, CallResult, Reply, Send
from csms.link import Link
from csms.registry import Registry
from csms.spans import NOWHERE, Linking, Side, Spans, untraced
from csms.tallies import OTHER, known_actions

if TYPE_CHECKING:
    from csms.commands import Command, Outcome
    from csms.errors import LinkClosed
    from csms.ports import Answer
    from storage.records import ChargerKey


class TracedLink(Link):
    """Trace each CALL: from the peer until our answer is ready, and ours until it answers."""

    def __init__(
        self,
        *given: Any,
        spans: Spans,
        side: Side,
        key: ChargerKey,
        known: frozenset[str],
        **more: Any,
    ) -> None:
        super().__init__(*given, **more)
        self._spans, self._side, self._known = spans, side, known
        self._about = {"ringmain.link": side, "ringmain.charge_box_id": key.charge_box_id}

    async def run(self, answer: Answer) -> LinkClosed:
        """Let ``answer`` serve the peer's CALLs, each within a span."""
        return await super().run(partial(self._traced, answer))

    async def call(self, action: str, payload: bytes, **how: Any) -> CallResult:
        """Call the peer within a span; a copy belongs to the CALL that it was made of."""
        note = how.get("note")
        of = getattr(note, "seq", NOWHERE) if self._side == "target" else None
        name, about = self._named(action)
        with self._spans.span(name, "client", about, of=of):
            return await super().call(action, payload, **how)

    async def _traced(self, answer: Answer, call: Call | Send, position: int) -> Reply:
        name, about = self._named(call.action)
        with self._spans.span(name, "server", about, said=position, of=NOWHERE):
            return await answer(call, position)

    def _named(self, action: str) -> tuple[str, dict[str, str | int]]:
        told = action if action in self._known else OTHER
        return f"{self._side} {told}", {**self._about, "ocpp.action": told}


class TracedRegistry(Registry):
    """Trace each command, with its wait for the charger."""

    def __init__(self, spans: Spans) -> None:
        super().__init__()
        self._spans = spans

    async def perform(self, key: ChargerKey, command: Command) -> Outcome:
        """Let the connected charger perform a command, within a span."""
        about: dict[str, str | int] = {"ringmain.charge_box_id": key.charge_box_id}
        with self._spans.span(f"command {_word(command)}", "internal", about) as note:
            outcome = await super().perform(key, command)
            note("ringmain.outcome", outcome.status[:50])
            return outcome


def _word(command: Command) -> str:
    return str(getattr(command, "action", type(command).__name__))


def linking_of(spans: Spans | None, side: Side) -> Linking:
    """Return what makes the links of one side."""
    if spans is None:
        return untraced
    known = known_actions()

    def linking(key: ChargerKey) -> Callable[..., Link]:
        return partial(TracedLink, spans=spans, side=side, key=key, known=known)

    return linking
