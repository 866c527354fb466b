"""Whatever two chargers say in whatever order: each has its own ledger, and no end ends twice.

Time goes on with each step and is told truly, so that of an EVSE no more than one may run.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections import Counter
from collections.abc import Coroutine
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from csms import endings
from csms.transactions import TransactionLedger
from storage.clock import timestamp
from storage.operation_records import AskedStart
from storage.records import ChargerKey, Transaction
from tests.csms.desk import Desk, open_desk
from tests.storage.doubles import ALICE, BOB

CHARGERS = st.sampled_from([ALICE, BOB])
EXAMPLES = {"sqlite": 25, "postgresql": 10}
EVSES = st.integers(1, 2)
METERS = st.one_of(st.none(), st.integers(0, 20_000), st.sampled_from([-5, 10**10, "x"]))
TOKENS = st.sampled_from(["A", "B", None])
STATIONS_OWN = st.sampled_from(["tx-1", "tx-2", "tx-3"])
# So few that chargers name what is the other's, and what nobody gave.
SERVER_GIVEN = st.one_of(st.none(), st.integers(1, 6).map(str))


class Ledger(RuleBasedStateMachine):
    """Two chargers of every version at once, and a platform that is restarted now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.open = contextlib.AsyncExitStack()
        self.desk: Desk = self.run(self.open.enter_async_context(open_desk(Path(self.folder.name))))
        self.ledger = self.desk.books.transactions
        self.ids = iter(range(1, 10_000))
        self.before: dict[ChargerKey, dict[str, Transaction]] = {ALICE: {}, BOB: {}}
        self.acting: ChargerKey | None = None

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(coroutine)

    def says(self, key: ChargerKey, coroutine: Coroutine[Any, Any, Any]) -> Any:
        self.acting = key
        return self.run(coroutine)

    @property
    def now(self) -> str:
        return timestamp(self.desk.clock.now())

    def measured(self, meter: Any) -> list[Any]:
        return [{"timestamp": self.now, "sampledValue": [{"value": meter}]}]

    @rule(key=CHARGERS, evse=EVSES, token=TOKENS, meter=METERS, times=st.integers(1, 2))
    def starts(self, key: ChargerKey, evse: int, token: Any, meter: Any, times: int) -> None:
        start = {"evse_id": evse, "id_token": token, "timestamp": self.now, "meter_start": meter}
        assert len({self.says(key, self.ledger.start(key, **start)) for _ in range(times)}) == 1

    @rule(key=CHARGERS, id=SERVER_GIVEN, meter=METERS)
    def measures(self, key: ChargerKey, id: str | None, meter: Any) -> None:
        if id is not None:
            self.says(key, self.ledger.meter(key, id, self.measured(meter), 1))

    @rule(key=CHARGERS, id=SERVER_GIVEN, meter=METERS, times=st.integers(1, 2))
    def stops(self, key: ChargerKey, id: str | None, meter: Any, times: int) -> None:
        stop = {"timestamp": self.now, "meter_stop": meter, "reason": None}
        for _ in range(times):
            self.says(key, self.ledger.stop(key, id, **stop, transaction_data=None))

    @rule(
        key=CHARGERS,
        id=STATIONS_OWN,
        kind=st.sampled_from(["Started", "Updated", "Ended"]),
        evse=st.one_of(st.none(), EVSES),
        meter=METERS,
        remote=st.sampled_from([None, 1]),
    )
    def tells(
        self, key: ChargerKey, id: str, kind: str, evse: int | None, meter: Any, remote: int | None
    ) -> None:
        self.says(
            key,
            self.ledger.event(
                key,
                event_type=kind,
                timestamp=self.now,
                transaction_info={"transactionId": id, "remoteStartId": remote},
                evse=None if evse is None else {"id": evse},
                id_token={"idToken": "A"},
                meter_value=self.measured(meter),
            ),
        )

    @rule(key=CHARGERS)
    def boots(self, key: ChargerKey) -> None:
        self.says(key, self.ledger.booted(key))

    @rule(key=CHARGERS, evse=EVSES)
    def is_idle(self, key: ChargerKey, evse: int) -> None:
        async def idle() -> None:
            self.ledger.idle(key, evse, 1)

        self.says(key, idle())

    @rule(key=CHARGERS, id=st.one_of(SERVER_GIVEN, STATIONS_OWN), refused=st.booleans())
    def is_asked_to_stop(self, key: ChargerKey, id: str | None, refused: bool) -> None:  # noqa: FBT001 - drawn
        self.says(key, self.ledger.note_stop_asked(key, str(id)))
        if refused:
            self.says(key, self.ledger.note_stop_refused(key, str(id)))

    @rule(key=CHARGERS, evse=EVSES)
    def is_asked_to_start(self, key: ChargerKey, evse: int) -> None:
        asked = AskedStart(
            key=key,
            remote_start_id=next(self.ids),
            evse_id=evse,
            id_token="A",
            details={},
            created_at=self.desk.clock.now(),
        )

        async def note() -> None:
            await self.desk.storage.remote_starts.note(asked)

        self.says(key, note())

    @rule()
    def we_restart(self) -> None:
        storage, given = self.desk.storage, iter(range(100 + next(self.ids) * 10, 10**6))
        self.run(storage.group.flush())
        self.ledger = TransactionLedger(
            storage.transactions, storage.remote_starts, self.desk.clock, lambda: next(given), 3
        )

    @invariant()
    def each_charger_has_its_own_and_what_is_over_stays(self) -> None:
        now = {
            key: {one.transaction_id: one for one in self.run(self.desk.transactions(key))}
            for key in (ALICE, BOB)
        }
        for key, found in now.items():
            assert key == self.acting or found == self.before[key]
            for id, old in self.before[key].items():
                assert found[id] == old or not endings.over(old)
        self.before, self.acting = now, None
        self.desk.clock.pass_time(minutes=1)

    @invariant()
    def no_record_says_what_cannot_be(self) -> None:
        for one in chain(*(found.values() for found in self.before.values())):
            assert one.energy_wh is None or one.energy_wh >= 0
            assert one.stopped_at is None or one.stopped_at >= one.started_at
            assert (one.state == "running") <= (one.ended_by is None and one.stopped_at is None)
            assert (one.state == "ended") <= (one.ended_by is not None)

    @invariant()
    def no_more_than_one_runs_on_an_evse(self) -> None:
        running = [
            (one.key, one.evse_id)
            for found in self.before.values()
            for one in found.values()
            if one.state == "running" and one.evse_id
        ]
        assert [place for place, count in Counter(running).items() if count > 1] == []

    @invariant()
    def the_ledger_says_what_is_stored(self) -> None:
        for key, found in self.before.items():
            stored = {one.transaction_id for one in found.values() if one.state == "running"}
            told = {one.transaction_id for one in self.run(self.ledger.running(key))}
            assert told == stored

    def teardown(self) -> None:
        self.run(self.open.aclose())
        self.runner.close()
        self.folder.cleanup()


@pytest.mark.both_engines
def test_whatever_chargers_say_the_ledger_stays_in_order(engine: str) -> None:
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=EXAMPLES[engine],
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
