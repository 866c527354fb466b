"""Through outages, restarts and targets that repeat themselves, everybody sees his own ids.

The model is a few dicts. The target's numbers are small, ours are not, so each is seen to be whose.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Coroutine
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from csms import frames
from csms.frames import Call, Reply
from csms.numbers import OF_TARGETS, OF_THE_PLATFORM
from tests.doubles import PATIENCE, until
from tests.proxy.stage import MOMENT, OCPP16, OCPP201, Device, Stage, Target, says, staged

ACCEPTED = says({"status": "Accepted"})
REFUSED = ({"status": "Rejected"}, {"status": "Unknown"})
FEW = st.integers(1, 3)  # so that a target repeats itself, and the platform chooses the same
PLATFORMS = st.integers(1, 4)
UNKNOWN = 1_000  # what nobody chose
TRANSACTION, RESERVATION = "transactionId", "reservationId"
SHOWN = {"priority": "InFront", "message": {"format": "UTF8", "content": ""}}
COMMANDS = (
    "CancelReservation",
    "ClearDisplayMessage",
    "GetDisplayMessages",
    "GetReport",
    "RemoteStopTransaction",
    "RequestStartTransaction",
    "ReserveNow",
    "SetDisplayMessage",
)
EXAMPLES = {"sqlite": 10, "postgresql": 4}
SETTINGS = settings(
    stateful_step_count=25,
    suppress_health_check=[HealthCheck.too_slow],
    # Each step is a conversation: to look for the shortest of those that fail takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


class Conversation(RuleBasedStateMachine):
    """A charger, its target and us between them, who may go away and come back."""

    subprotocol: str
    reserves: str  # what a reservation's number is called where it is made

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.lasting, self.passing = contextlib.AsyncExitStack(), contextlib.AsyncExitStack()
        self.target = Target()
        self.stage: Stage
        self.charger: Device
        self.tags = count(1)
        # What the target is to hear: by tag, the name of the id and the id (None: it is left out).
        self.told: dict[int, tuple[str, int | None]] = {}
        self.reserved: dict[int, int] = {}  # the target's: ours
        self.up = True
        self.run(self._begin())

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(coroutine)

    async def _begin(self) -> None:
        await self.lasting.enter_async_context(self.target.up())
        self.target.answers["StartTransaction"] = self._begins
        async with staged(Path(self.folder.name)) as stage:
            self.key = await stage.enrol(self.target.url)
        await self._open()

    async def _open(self) -> None:
        self.stage = await self.passing.enter_async_context(staged(Path(self.folder.name)))
        charging = self.stage.charger(self.key, self.subprotocol)
        self.charger = await self.passing.enter_async_context(charging)
        self.charger.answers.update(dict.fromkeys(COMMANDS, ACCEPTED))
        if self.up:
            await self.stage.reaches(self.key, "ready")

    def _begins(self, call: Call) -> Reply:
        raise NotImplementedError

    # ---- what both sides say ----

    def tells(self, action: str, name: str, id: int | None, **fields: Any) -> Any:
        """Let the charger say something; return our answer."""
        tag = next(self.tags)
        self.told[tag] = (name, id)
        return self._says(action, tag, **fields)

    def _says(self, action: str, tag: int, **fields: Any) -> Any:
        tagged = {**fields, "customData": {"vendorId": "tests", "tag": tag}}
        return self.run(self.charger.call(action, tagged))

    def platform(self, action: str, **fields: Any) -> None:
        """Let the platform ask something, which the charger hears as it is."""
        self.run(self.charger.connection.link.call(action, orjson.dumps(fields)))
        assert self.charger.heard[-1].fields == fields

    def orders(self, action: str, **fields: Any) -> dict[str, Any] | None:
        """Let the target ask something; return what the charger heard, None if it did not."""
        heard = len(self.charger.heard)
        answer = self.run(self.target.link.call(action, orjson.dumps(fields), timeout=PATIENCE))
        if len(self.charger.heard) == heard:
            assert answer.fields in REFUSED
            return None
        return dict(self.charger.heard[-1].fields)

    def mints(self, number: int) -> int:
        """Expect a number to be one of ours for a target."""
        assert number in OF_TARGETS
        return number

    # ---- what happens to links and processes ----

    @rule()
    def the_target_hangs_up(self) -> None:
        if self.up:
            before = self.target.link
            self.run(self.target.hang_up())
            # The proxy is still ready until it hears of it.
            self.run(until(lambda: self.target.link is not before))
            self.run(self.stage.reaches(self.key, "ready"))

    @precondition(lambda self: self.up)
    @rule()
    def the_target_goes_down(self) -> None:
        self.up = False
        self.target.status = HTTPStatus.SERVICE_UNAVAILABLE
        self.run(self.target.hang_up())
        self.run(self.stage.reaches(self.key, "backoff"))

    @precondition(lambda self: not self.up)
    @rule()
    def the_target_comes_back(self) -> None:
        self.up = True
        self.target.status = HTTPStatus.SWITCHING_PROTOCOLS
        self.run(self.stage.reaches(self.key, "ready"))

    @rule()
    def we_are_restarted(self) -> None:
        self.run(self.passing.aclose())
        self.run(self._open())

    # ---- reservations ----

    @precondition(lambda self: self.up)
    @rule(theirs=FEW)
    def the_target_reserves(self, theirs: int) -> None:
        heard = self.orders("ReserveNow", **{self.reserves: theirs})
        assert heard is not None
        ours = self.reserved.setdefault(theirs, self.mints(heard[self.reserves]))
        assert heard == {self.reserves: ours}
        assert len(set(self.reserved.values())) == len(self.reserved)

    @rule(number=PLATFORMS)
    def the_platform_reserves(self, number: int) -> None:
        self.platform("ReserveNow", **{self.reserves: number})

    @precondition(lambda self: self.up)
    @rule(theirs=PLATFORMS)
    def the_target_cancels(self, theirs: int) -> None:
        ours = self.reserved.get(theirs)
        expected = None if ours is None else {RESERVATION: ours}
        assert self.orders("CancelReservation", reservationId=theirs) == expected

    # ---- in the end ----

    def drained(self) -> None:
        """Wait until the target has been told all."""

        async def told() -> None:
            async with asyncio.timeout(PATIENCE):
                while (await self.stage.status(self.key)).queue_length:  # noqa: ASYNC110 - untold
                    await asyncio.sleep(0.002)

        self.run(told())

    def teardown(self) -> None:
        try:
            if not self.up:
                self.the_target_comes_back()
            self.drained()
            self.compare()
        finally:
            self.run(self.passing.aclose())
            self.run(self.lasting.aclose())
            self.runner.close()
            self.folder.cleanup()

    def compare(self) -> None:
        """Hold what the target heard against the model."""
        heard = [call.fields for call in self.target.heard if "customData" in call.fields]
        tags = [fields["customData"]["tag"] for fields in heard]
        assert list(dict.fromkeys(tags)) == list(self.told)  # each, in order, nothing else
        for tag, fields in zip(tags, heard, strict=True):
            name, id = self.told[tag]
            assert {**fields, **fields.get("transactionInfo", {})}.get(name) == id


class Conversation16(Conversation):
    """In 1.6 the target numbers transactions, and its numbers repeat."""

    subprotocol, reserves = OCPP16, RESERVATION

    def __init__(self) -> None:
        self.numbers = count()
        self.given: dict[int, int] = {}  # by the tag of the start: what the target said last
        self.started: dict[int, int] = {}  # ours: the tag of its start
        super().__init__()

    def _begins(self, call: Call) -> Reply:
        theirs = next(self.numbers) % 2 + 1
        self.given[call.fields["customData"]["tag"]] = theirs
        answer = {"transactionId": theirs, "idTagInfo": {"status": "Accepted"}}
        return frames.call_result(call.id, orjson.dumps(answer))

    @rule(reservation=st.none() | PLATFORMS | st.just(UNKNOWN), of_target=st.booleans())
    def a_transaction_begins(self, reservation: int | None, *, of_target: bool) -> None:
        ours = self.reserved.get(reservation or 0) if of_target else None
        named = reservation if ours is None else ours
        fields = {} if named is None else {RESERVATION: named}
        answer = self.tells(
            "StartTransaction",
            RESERVATION,
            None if ours is None else reservation,
            connectorId=1,
            idTag="CARD",
            meterStart=len(self.told),
            timestamp=MOMENT,
            **fields,
        )
        self.started[answer[TRANSACTION]] = max(self.told)

    @precondition(lambda self: self.started)
    @rule(data=st.data(), action=st.sampled_from(["MeterValues", "StopTransaction"]))
    def a_transaction_goes_on(self, data: st.DataObject, action: str) -> None:
        ours = data.draw(st.sampled_from(list(self.started)))
        # Which number it is at the target shows when the target has been told. No two are alike.
        fields = {"timestamp": MOMENT, "meterStop": len(self.told)}
        self.tells(action, TRANSACTION, ours, transactionId=ours, **fields)

    @rule(none=st.sampled_from([-1, 0, UNKNOWN]), action=st.sampled_from(["MeterValues"]))
    def a_transaction_without_an_id_goes_on(self, none: int, action: str) -> None:
        self.tells(action, TRANSACTION, -1, transactionId=none)

    @precondition(lambda self: self.up)
    @rule()
    def the_target_stops_each_transaction(self) -> None:
        self.drained()
        for theirs in (1, 2, -1, UNKNOWN):
            latest = [ours for ours, tag in self.started.items() if self.given[tag] == theirs]
            expected = {TRANSACTION: latest[-1]} if latest else None
            assert self.orders("RemoteStopTransaction", transactionId=theirs) == expected

    def compare(self) -> None:
        for tag, (name, id) in self.told.items():
            if name == TRANSACTION and id in self.started:
                self.told[tag] = (name, self.given[self.started[id]])
        super().compare()


class Conversation201(Conversation):
    """In 2.0.1 whoever asks numbers what he asks, and answers are calls of their own."""

    subprotocol, reserves = OCPP201, "id"

    def __init__(self) -> None:
        self.asked: dict[str, dict[int, int]] = {"requestId": {}, "remoteStartId": {}}
        self.displayed: dict[int, int] = {}  # the target's: ours
        self.listed: dict[int, list[int]] = {}  # by tag: whose messages the target is to see
        super().__init__()

    @precondition(lambda self: self.up)
    @rule(theirs=FEW)
    def the_target_asks_for_a_report(self, theirs: int) -> None:
        self._asks("GetReport", "requestId", theirs)

    @precondition(lambda self: self.up)
    @rule(theirs=FEW)
    def the_target_starts(self, theirs: int) -> None:
        self._asks("RequestStartTransaction", "remoteStartId", theirs)

    def _asks(self, action: str, name: str, theirs: int) -> None:
        heard = self.orders(action, **{name: theirs})
        assert heard is not None
        ours = self.mints(heard[name])
        assert ours not in self.asked[name]
        self.asked[name][ours] = theirs

    @rule(number=PLATFORMS)
    def the_platform_asks_for_a_report(self, number: int) -> None:
        self.platform("GetReport", requestId=number)

    @rule(data=st.data())
    def the_charger_reports(self, data: st.DataObject) -> None:
        number = data.draw(self._numbers("requestId"))
        theirs = self.asked["requestId"].get(number)
        report = {"requestId": number, "generatedAt": MOMENT, "seqNo": 0}
        if theirs is None:
            self._says("NotifyReport", next(self.tags), **report)
        else:
            self.tells("NotifyReport", "requestId", theirs, **report)

    @rule(data=st.data())
    def a_transaction_begins(self, data: st.DataObject) -> None:
        number = data.draw(self._numbers("remoteStartId"))
        self.tells(
            "TransactionEvent",
            "remoteStartId",
            self.asked["remoteStartId"].get(number),
            eventType="Started",
            timestamp=MOMENT,
            triggerReason="RemoteStart",
            seqNo=0,
            transactionInfo={TRANSACTION: f"T-{number}", "remoteStartId": number},
        )

    @rule(number=PLATFORMS, of_target=st.booleans())
    def a_reservation_ends(self, number: int, *, of_target: bool) -> None:
        expired = {"reservationUpdateStatus": "Expired"}
        ours = self.reserved.get(number) if of_target else None
        if ours is None:
            update = {RESERVATION: number, **expired}
            self._says("ReservationStatusUpdate", next(self.tags), **update)
        else:
            update = {RESERVATION: ours, **expired}
            self.tells("ReservationStatusUpdate", RESERVATION, number, **update)

    # ---- display messages ----

    @precondition(lambda self: self.up)
    @rule(theirs=FEW)
    def the_target_shows(self, theirs: int) -> None:
        heard = self.orders("SetDisplayMessage", message={"id": theirs})
        assert heard is not None
        ours = self.displayed.setdefault(theirs, self.mints(heard["message"]["id"]))
        assert heard == {"message": {"id": ours}}
        assert len(set(self.displayed.values())) == len(self.displayed)

    @rule(number=PLATFORMS)
    def the_platform_shows(self, number: int) -> None:
        self.platform("SetDisplayMessage", message={"id": number})

    @precondition(lambda self: self.up)
    @rule(theirs=PLATFORMS)
    def the_target_clears(self, theirs: int) -> None:
        ours = self.displayed.get(theirs)
        expected = None if ours is None else {"id": ours}
        assert self.orders("ClearDisplayMessage", id=theirs) == expected

    @precondition(lambda self: self.up)
    @rule(named=st.lists(PLATFORMS, min_size=1, max_size=4), request=FEW)
    def the_target_asks_what_is_shown(self, named: list[int], request: int) -> None:
        known = [self.displayed[theirs] for theirs in named if theirs in self.displayed]
        heard = self.orders("GetDisplayMessages", id=named, requestId=request)
        assert (heard or {}).get("id", []) == known
        if heard is not None:
            self.asked["requestId"][self.mints(heard["requestId"])] = request

    @precondition(lambda self: self.asked["requestId"])
    @rule(data=st.data(), others=st.lists(PLATFORMS, max_size=2))
    def the_charger_tells_what_is_shown(self, data: st.DataObject, others: list[int]) -> None:
        request = data.draw(st.sampled_from(list(self.asked["requestId"])))
        shown = data.draw(st.permutations([*self.displayed.values(), *others]))
        theirs = {ours: theirs for theirs, ours in self.displayed.items()}
        self.tells(
            "NotifyDisplayMessages",
            "requestId",
            self.asked["requestId"][request],
            requestId=request,
            **({"messageInfo": [{**SHOWN, "id": number} for number in shown]} if shown else {}),
        )
        self.listed[max(self.told)] = [theirs[number] for number in shown if number in theirs]

    def compare(self) -> None:
        super().compare()
        for call in self.target.heard:
            if call.action == "NotifyDisplayMessages":
                seen = [entry["id"] for entry in call.fields.get("messageInfo", [])]
                assert seen == self.listed[call.fields["customData"]["tag"]]

    def _numbers(self, name: str) -> st.SearchStrategy[int]:
        return st.sampled_from([*self.asked[name], *range(1, 5), UNKNOWN])


assert UNKNOWN in OF_THE_PLATFORM


@pytest.mark.both_engines
@pytest.mark.parametrize("machine", [Conversation16, Conversation201])
def test_every_number_means_to_each_side_what_it_meant(
    machine: type[Conversation], engine: str
) -> None:
    run_state_machine_as_test(machine, settings=settings(SETTINGS, max_examples=EXAMPLES[engine]))
