from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from structlog.testing import capture_logs

from csms import frames
from csms.errors import (
    AnswerTimeout,
    CallRefused,
    LinkBusy,
    LinkClosed,
    LinkError,
    NotStored,
)
from csms.frames import OCPP16, OCPP21, OCPP201, Call, CallResult, Reply, Send
from csms.link import Link
from tests.doubles import (
    PATIENCE,
    MemorySocket,
    MemoryTap,
    Peer,
    conversation,
    echo,
    settled,
    socket_pair,
    until,
)

Ending = Callable[[Link, Peer], Awaitable[None]]


def begin(call: Any) -> asyncio.Task[Any]:
    return asyncio.ensure_future(call)


# ---- calling the peer ----


async def test_call_returns_the_peer_s_answer() -> None:
    async with conversation() as talk:
        reset = begin(talk.link.call("Reset", b'{"type":"Soft"}'))
        kind, id, action, payload = await talk.peer.hears()
        await talk.peer.says(frames.call_result(id, b'{ "status":"Accepted"}').text)

        assert (kind, action, payload) == (2, "Reset", {"type": "Soft"})
        assert (await reset).payload == b'{ "status":"Accepted"}'


async def test_call_that_is_refused_raises_the_peer_s_error() -> None:
    async with conversation() as talk:
        reset = begin(talk.link.call("Reset", b"{}"))
        id = (await talk.peer.hears())[1]
        await talk.peer.says(frames.call_error(id, "NotSupported", "no", b'{"a":1}').text)

        with pytest.raises(CallRefused, match="NotSupported: no") as refused:
            await reset
        assert refused.value.error.details == b'{"a":1}'


async def test_peer_that_calls_before_it_answers_gets_its_answer_at_once() -> None:
    async with conversation() as talk:
        start = begin(talk.link.call("RequestStartTransaction", b"{}"))
        request = await talk.peer.hears()
        await talk.peer.calls("Authorize", b'{"idToken":1}')

        assert await talk.peer.hears() == [3, "peer-1", {"idToken": 1}]
        await talk.peer.says(frames.call_result(request[1], b"{}").text)
        await start


async def test_what_answers_a_call_may_call_the_peer_itself() -> None:
    async def ask_back(call: Call | Send, _position: int) -> Reply:
        result = await talk.link.call("GetConfiguration", b"{}")
        return frames.call_result(call.id, result.payload)

    async with conversation(ask_back) as talk:
        await talk.peer.calls("BootNotification")
        await talk.peer.answers(b'{"key":7}')

        assert await talk.peer.hears() == [3, "peer-1", {"key": 7}]


async def test_only_one_call_is_unanswered_at_a_time_and_the_others_keep_their_order() -> None:
    async with conversation() as talk:
        calls = [begin(talk.link.call(f"Action{n}", b"{}")) for n in range(20)]
        for n in range(20):
            await settled()
            assert talk.peer.socket.unread == 1
            assert (await talk.peer.answers())[2] == f"Action{n}"
        await asyncio.gather(*calls)


async def test_late_answer_is_recorded_once_and_given_to_nobody() -> None:
    tap = MemoryTap()
    async with conversation(tap=tap) as talk:
        with pytest.raises(AnswerTimeout):
            await talk.link.call("Reset", b"{}", timeout=0)
        late = frames.call_result((await talk.peer.hears())[1], b'{"late":true}')
        unlock = begin(talk.link.call("UnlockConnector", b"{}"))
        call = await talk.peer.hears()

        for _ in range(3):
            await talk.peer.says(late.text)
        await talk.peer.says(frames.call_result(call[1], b"{}").text)

        assert (await unlock).payload == b"{}"
        assert tap.story == [
            ("sent", "Call", "Reset"),
            ("sent", "Call", "UnlockConnector"),
            ("received", "CallResult", "Reset"),
            ("received", "CallResult", "UnlockConnector"),
        ]
        assert talk.link.traffic.unsolicited == 2


async def test_second_answer_to_the_same_call_changes_nothing() -> None:
    tap = MemoryTap()
    async with conversation(tap=tap) as talk:
        reset = begin(talk.link.call("Reset", b"{}"))
        id = (await talk.peer.hears())[1]
        await talk.peer.says(frames.call_result(id, b'{"n":1}').text)
        await talk.peer.says(frames.call_result(id, b'{"n":2}').text)
        await talk.peer.says(frames.call_error(id, "GenericError").text)

        assert (await reset).payload == b'{"n":1}'
        await until(lambda: talk.link.traffic.unsolicited == 2)
        assert len(tap.kept) == 2


async def test_foreign_and_malformed_answers_do_not_complete_a_call() -> None:
    async with conversation() as talk:
        reset = begin(talk.link.call("Reset", b"{}"))
        id = (await talk.peer.hears())[1]
        await talk.peer.says(frames.call_result("somebody-else", b"{}").text)
        await talk.peer.says(f'[3,"{id}"]')
        await talk.peer.says(f'[4,"{id}",null]')
        await talk.peer.says(f'[9,"{id}",{{}}]')
        await settled()

        assert not reset.done()
        await talk.peer.says(frames.call_result(id, b"{}").text)
        await reset


async def test_twenty_thousand_unsolicited_answers_leave_nothing_behind() -> None:
    async with conversation(room=100) as talk:
        unsolicited = frames.call_result("nobody-asked", b"{}").text
        await talk.peer.says(unsolicited)
        await settled()
        gc.collect()
        tracemalloc.start()
        for _ in range(20_000):
            await talk.peer.says(unsolicited)
        await until(lambda: talk.link.traffic.unsolicited == 20_001)
        gc.collect()
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert grown < 50_000
        call = begin(talk.link.call("Reset", b"{}"))
        await talk.peer.answers()
        await call


# ---- the line of callers ----


async def test_line_is_bounded() -> None:
    async with conversation(max_waiting=2) as talk:
        line = [begin(talk.link.call("Reset", b"{}")) for _ in range(2)]
        await settled()

        with pytest.raises(LinkBusy):
            await talk.link.call("Reset", b"{}")
        for call in line:
            await talk.peer.answers()
            await call
        after = begin(talk.link.call("Reset", b"{}"))
        await talk.peer.answers()
        await after


async def test_patience_bounds_the_wait_for_one_s_turn() -> None:
    async with conversation() as talk:
        first = begin(talk.link.call("Reset", b"{}"))
        await settled()

        with pytest.raises(LinkBusy):
            await talk.link.call("Reset", b"{}", patience=0.01)
        await talk.peer.answers()
        await first


async def test_patience_holds_for_who_comes_while_the_turn_is_handed_over() -> None:
    async def twice(link: Link) -> None:
        await link.call("First", b"{}")
        async with asyncio.timeout(PATIENCE):
            await link.call("Third", b"{}", patience=0.01)

    async with conversation() as talk:
        impatient = begin(twice(talk.link))
        await settled()
        begin(talk.link.call("Second", b"{}", timeout=0.2)).add_done_callback(
            asyncio.Task.exception
        )
        await talk.peer.answers()

        with pytest.raises(LinkBusy):
            await impatient


async def test_cancelled_caller_leaves_the_line_intact() -> None:
    tap = MemoryTap()
    async with conversation(tap=tap) as talk:
        out, waiting, last = (begin(talk.link.call(f"Action{n}", b"{}")) for n in range(3))
        first = await talk.peer.hears()
        waiting.cancel()
        out.cancel()

        assert (await talk.peer.hears())[2] == "Action2"
        await talk.peer.says(frames.call_result(first[1], b"{}").text)
        await settled()
        assert not last.done()
        assert tap.story[-1] == ("received", "CallResult", "Action0")
        last.cancel()


async def test_silent_peer_holds_the_line_up_for_the_timeout_only() -> None:
    async with conversation() as talk:
        silent = begin(talk.link.call("Reset", b"{}", timeout=0.01))
        following = begin(talk.link.call("UnlockConnector", b"{}"))

        assert (await talk.peer.hears())[2] == "Reset"
        with pytest.raises(AnswerTimeout):
            await silent
        assert (await talk.peer.answers())[2] == "UnlockConnector"
        await following


# ---- answering the peer ----


async def test_burst_of_calls_is_answered_in_order() -> None:
    async with conversation() as talk:
        for n in range(200):
            await talk.peer.calls("StatusNotification", b'{"n":%d}' % n, f"id-{n}")

        heard = [await talk.peer.hears() for _ in range(200)]

        assert heard == [[3, f"id-{n}", {"n": n}] for n in range(200)]


async def test_same_id_twice_is_answered_twice() -> None:
    async with conversation() as talk:
        await talk.peer.calls("Heartbeat", b'{"n":1}', "1")
        await talk.peer.calls("Heartbeat", b'{"n":2}', "1")

        assert await talk.peer.hears() == [3, "1", {"n": 1}]
        assert await talk.peer.hears() == [3, "1", {"n": 2}]


async def test_malformed_frames_are_answered_in_their_place() -> None:
    async with conversation() as talk:
        await talk.peer.calls("Heartbeat", id="first")
        await talk.peer.says('[2,"second",["Heartbeat"],{}]')
        await talk.peer.says("hello")
        await talk.peer.calls("Heartbeat", id="fourth")

        heard = [(await talk.peer.hears())[:3] for _ in range(4)]

        assert heard == [
            [3, "first", {}],
            [4, "second", "FormationViolation"],
            [4, "-1", "FormationViolation"],
            [3, "fourth", {}],
        ]
        assert talk.link.traffic.malformed == 2


async def test_malformed_answers_are_never_answered_but_recorded() -> None:
    tap = MemoryTap()
    async with conversation(tap=tap) as talk:
        await talk.peer.says('[3,"id-1"]')
        await talk.peer.says('[4,"id-1",null]')
        await talk.peer.calls("Heartbeat")

        assert await talk.peer.hears() == [3, "peer-1", {}]
        assert [kept.kind for kept in tap.kept[:2]] == ["MalformedFrame"] * 2


async def test_unknown_message_type_is_ignored_by_1_6() -> None:
    async with conversation(dialect=OCPP16) as talk:
        await talk.peer.says('[9,"id-1","Heartbeat",{}]')
        await talk.peer.calls("Heartbeat")

        assert await talk.peer.hears() == [3, "peer-1", {}]


async def test_unknown_message_type_is_answered_by_2_0_1() -> None:
    async with conversation(dialect=OCPP201) as talk:
        await talk.peer.says('[9,"id-1","Heartbeat",{}]')

        assert (await talk.peer.hears())[:3] == [4, "id-1", "MessageTypeNotSupported"]


async def test_send_of_2_1_is_served_and_never_answered() -> None:
    served: list[str] = []

    async def serve(message: Call | Send, position: int) -> Reply:
        served.append(message.action)
        return await echo(message, position)

    async with conversation(serve, dialect=OCPP21) as talk:
        await talk.peer.says('[6,"id-1","NotifyPeriodicEventStream",{}]')
        await talk.peer.says('[6,"id-2",null,{}]')
        await talk.peer.calls("Heartbeat")

        assert await talk.peer.hears() == [3, "peer-1", {}]
        assert served == ["NotifyPeriodicEventStream", "Heartbeat"]


async def test_complaint_about_our_answer_of_2_1_is_recorded_and_not_answered() -> None:
    tap = MemoryTap()
    async with conversation(dialect=OCPP21, tap=tap) as talk:
        await talk.peer.says('[5,"id-1","FormatViolation","no",{}]')
        await talk.peer.calls("Heartbeat")

        assert await talk.peer.hears() == [3, "peer-1", {}]
        assert tap.story[0] == ("received", "CallResultError", None)
        assert talk.link.traffic.unsolicited == 1


async def test_too_many_complaints_of_2_1_end_the_link() -> None:
    faults: list[str] = []

    def tolerate(fault: str) -> bool:
        faults.append(fault)
        return len(faults) < 2

    async with conversation(dialect=OCPP21, tolerate=tolerate) as talk:
        for _ in range(2):
            await talk.peer.says('[5,"id-1","FormatViolation","no",{}]')
        closed = await talk.ended()

    assert closed.reason == "too much that is no OCPP"
    assert faults == 2 * ["a complaint about an answer"]


async def test_send_of_ours_leaves_after_its_commit_and_waits_for_no_turn() -> None:
    tap = MemoryTap(by_hand=True)
    async with conversation(dialect=OCPP21, tap=tap) as talk:
        reset = begin(talk.link.call("Reset", b"{}"))
        await settled()
        talk.link.send("NotifyPeriodicEventStream", b'{"id" : 1.0}')
        assert talk.peer.socket.unread == 0
        tap.commit()

        _, id, _, _ = await talk.peer.hears()
        kind, own_id, action, _ = orjson.loads(tap.kept[1].text)
        assert (kind, action) == (6, "NotifyPeriodicEventStream")
        assert await talk.peer.socket.receive() == tap.kept[1].text
        assert tap.kept[1].text.endswith(b'{"id" : 1.0}]')
        assert own_id != id
        await talk.peer.says(frames.call_result(id, b"{}").text)
        tap.commit()
        await reset


async def test_send_of_ours_that_is_not_stored_or_comes_too_late_is_not_sent() -> None:
    tap = MemoryTap(by_hand=True)
    async with conversation(dialect=OCPP21, tap=tap) as talk:
        talk.link.send("NotifyPeriodicEventStream", b"{}")
        tap.commit(OSError("disk full"))
        assert talk.link.closed is None
        await talk.link.close()
        talk.link.send("NotifyPeriodicEventStream", b"{}")

        with pytest.raises(LinkClosed):
            await talk.peer.hears()
        assert len(tap.kept) == 1


async def test_sends_do_not_pile_up_for_a_peer_that_does_not_read() -> None:
    tap = MemoryTap()
    async with conversation(dialect=OCPP21, tap=tap, room=1) as talk:
        for _ in range(100):
            talk.link.send("NotifyPeriodicEventStream", b"{}")
            await settled()

        assert len(tap.kept) == 2  # one fits, one is on its way


async def test_what_makes_no_sense_is_told_and_ends_the_link_when_it_is_too_much() -> None:
    faults: list[str] = []

    def tolerate(fault: str) -> bool:
        faults.append(fault)
        return len(faults) < 3

    async with conversation(tolerate=tolerate) as talk:
        await talk.peer.says("[3")
        await talk.peer.says('[3,"nobody asked",{}]')
        await until(lambda: len(faults) == 2)
        assert talk.link.closed is None
        await talk.peer.says('[4,"nobody asked","InternalError","",{}]')
        closed = await talk.ended()

    assert (closed.code, closed.reason) == (1008, "too much that is no OCPP")
    assert faults[0].startswith("a frame that is no OCPP (not JSON")
    assert faults[1:] == 2 * ["an answer to nothing that was asked"]


async def test_empty_texts_are_keep_alives_of_some_vendors() -> None:
    tap = MemoryTap()
    async with conversation(tap=tap) as talk:
        for text in ("", " ", "\r\n"):
            await talk.peer.says(text)
        await talk.peer.calls("Heartbeat")

        assert await talk.peer.hears() == [3, "peer-1", {}]
        assert len(tap.kept) == 2


async def test_fault_of_ours_is_answered_and_logged_without_the_peer_s_input() -> None:
    async def fail(_call: Call | Send, _position: int) -> Reply:
        raise KeyError("canary-secret")

    async with conversation(fail) as talk:
        with capture_logs() as logged:
            await talk.peer.calls("Authorize", b'{"idTag":"canary-secret"}')
            heard = await talk.peer.hears()

        assert heard[:3] == [4, "peer-1", "InternalError"]
        assert "canary-secret" not in str(heard)
        assert [line["event"] for line in logged] == ["answer_failed"]
        assert "KeyError at " in logged[0]["fault"]
        assert "canary-secret" not in str(logged)
        await talk.peer.calls("Authorize", id="again")
        assert (await talk.peer.hears())[1] == "again"


async def test_answer_that_waited_for_something_cancelled_is_our_fault_not_the_end() -> None:
    async def wait(_call: Call | Send, _position: int) -> Reply:
        other = begin(asyncio.Event().wait())
        other.cancel()
        await other
        raise AssertionError

    async with conversation(wait) as talk:
        await talk.peer.calls("Authorize")

        assert (await talk.peer.hears())[:3] == [4, "peer-1", "InternalError"]
        assert talk.link.closed is None


async def test_full_inbox_stops_the_reading_until_there_is_room() -> None:
    gate = asyncio.Event()

    async def wait(call: Call | Send, position: int) -> Reply:
        await gate.wait()
        return await echo(call, position)

    async with conversation(wait, max_inbox=2) as talk:
        for n in range(10):
            await talk.peer.calls("Heartbeat", id=str(n))
        await settled()

        # One is being answered, two lie in the inbox, what the reader holds is not taken in yet.
        assert talk.link.traffic.frames_received == 3
        gate.set()
        assert [(await talk.peer.hears())[1] for _ in range(10)] == [str(n) for n in range(10)]


# ---- answered means stored ----


async def test_answer_leaves_after_the_commit_of_everything_up_to_it() -> None:
    positions: list[int] = []

    async def note(call: Call | Send, position: int) -> Reply:
        positions.append(position)
        return await echo(call, position)

    tap = MemoryTap(by_hand=True)
    async with conversation(note, tap=tap) as talk:
        await talk.peer.calls("StopTransaction")
        await settled()

        assert tap.story == [
            ("received", "Call", "StopTransaction"),
            ("sent", "CallResult", "StopTransaction"),
        ]
        assert positions == [1]
        assert talk.peer.socket.unread == 0
        tap.commit()
        assert await talk.peer.hears() == [3, "peer-1", {}]


async def test_refusal_leaves_after_its_commit() -> None:
    tap = MemoryTap(by_hand=True)
    async with conversation(tap=tap) as talk:
        await talk.peer.says("hello")
        await settled()

        assert tap.story == [("received", "MalformedFrame", None), ("sent", "CallError", None)]
        assert tap.kept[0].text == b"hello"
        assert talk.peer.socket.unread == 0
        tap.commit()
        assert (await talk.peer.hears())[1] == "-1"


@pytest.mark.parametrize(
    "text", [b'[6,"a","NotifyPeriodicEventStream",{}]', b'[5,"a","InternalError"]', b'[3,"a",']
)
async def test_what_is_never_answered_is_taken_as_fast_as_it_is_stored(text: bytes) -> None:
    tap = MemoryTap(by_hand=True)
    async with conversation(dialect=OCPP21, tap=tap) as talk:
        for stored in (1, 2, 3):
            await talk.peer.says(text)
            await talk.peer.says(text)
            await settled()

            assert len(tap.kept) == stored
            tap.commit()


async def test_call_leaves_after_its_commit() -> None:
    tap = MemoryTap(by_hand=True)
    async with conversation(tap=tap) as talk:
        reset = begin(talk.link.call("Reset", b"{}"))
        await settled()

        assert talk.peer.socket.unread == 0
        tap.commit()
        await talk.peer.answers()
        await reset


async def test_answer_that_cannot_be_stored_is_never_sent_and_closes_the_link() -> None:
    tap = MemoryTap(by_hand=True)
    async with conversation(tap=tap) as talk:
        await talk.peer.calls("StopTransaction")
        await settled()
        tap.commit(OSError("disk full"))

        assert (await talk.ended()).code == 1011
        with pytest.raises(LinkClosed):
            await talk.peer.hears()


async def test_answer_to_a_call_that_alone_was_refused_by_the_store_is_never_sent() -> None:
    tap = MemoryTap(by_hand=True)
    async with conversation(tap=tap) as talk:
        await talk.peer.calls("StopTransaction")
        await settled()
        received, sent = tap.kept
        received.settle(OSError("poison"))
        sent.settle()

        assert (await talk.ended()).code == 1011
        with pytest.raises(LinkClosed):
            await talk.peer.hears()


async def test_call_that_is_lost_as_it_comes_is_not_even_served() -> None:
    served: list[str] = []

    async def answer(call: Call | Send, _position: int) -> Reply:
        served.append(call.action)
        return frames.call_result(call.id, b"{}")

    tap = MemoryTap(lost=OSError("away"))
    async with conversation(answer, tap=tap) as talk:
        await talk.peer.calls("StopTransaction")

        assert (await talk.ended()).code == 1011
    assert served == []


async def test_call_that_could_not_be_stored_by_its_handler_stays_unanswered() -> None:
    async def fail(_call: Call | Send, _position: int) -> Reply:
        raise NotStored

    async with conversation(fail) as talk:
        await talk.peer.calls("StopTransaction")

        with pytest.raises(LinkClosed, match="1011"):
            await talk.peer.hears()


async def test_call_of_ours_that_cannot_be_stored_is_not_sent() -> None:
    tap = MemoryTap(by_hand=True)
    async with conversation(tap=tap) as talk:
        reset = begin(talk.link.call("Reset", b"{}"))
        await settled()
        tap.commit(OSError("disk full"))

        with pytest.raises(NotStored):
            await reset
        assert talk.peer.socket.unread == 0


# ---- the end ----


async def close_ours(link: Link, _peer: Peer) -> None:
    await link.close(1008, "superseded")


async def close_theirs(_link: Link, peer: Peer) -> None:
    await peer.socket.close(1008, "superseded")


@pytest.mark.parametrize("end", [close_ours, close_theirs])
async def test_end_wakes_every_waiter_with_its_reason(end: Ending) -> None:
    async with conversation() as talk:
        waiters = [begin(talk.link.call("Reset", b"{}")) for _ in range(10)]
        await settled()
        await end(talk.link, talk.peer)

        outcomes = await asyncio.wait_for(
            asyncio.gather(*waiters, return_exceptions=True), PATIENCE
        )

        assert [str(outcome) for outcome in outcomes] == [
            "The link is closed (1008 superseded)."
        ] * 10
        assert (await talk.ended()).code == 1008
        with pytest.raises(LinkClosed):
            await talk.link.call("Reset", b"{}")


async def test_close_tells_the_peer_why() -> None:
    async with conversation() as talk:
        await talk.link.close(1012, "restarting")

        with pytest.raises(LinkClosed, match="1012 restarting"):
            await talk.peer.hears()


async def test_close_waits_for_no_answer_that_is_being_made() -> None:
    async def wait(_call: Call | Send, _position: int) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    async with conversation(wait, max_inbox=1) as talk:
        for _ in range(5):
            await talk.peer.calls("Heartbeat")
        await settled()
        await talk.link.close()

        assert (await talk.ended()).code == 1001


async def test_what_answers_a_call_may_close_the_link() -> None:
    async def close(_call: Call | Send, _position: int) -> Reply:
        await talk.link.close(1013, "target lost")
        raise AssertionError

    async with conversation(close) as talk:
        await talk.peer.calls("Authorize")

        with pytest.raises(LinkClosed, match="1013 target lost"):
            await talk.peer.hears()
        assert (await talk.ended()).code == 1013


async def test_answer_that_is_ready_after_the_end_is_neither_sent_nor_recorded() -> None:
    async def hang_up(call: Call | Send, position: int) -> Reply:
        talk.link.hang_up(1013, "target lost")
        return await echo(call, position)

    tap = MemoryTap()
    async with conversation(hang_up, tap=tap) as talk:
        await talk.peer.calls("Authorize")

        with pytest.raises(LinkClosed, match="1013 target lost"):
            await talk.peer.hears()
        assert tap.story == [("received", "Call", "Authorize")]


async def test_link_closed_before_it_runs_ends_at_once() -> None:
    ours, _theirs = socket_pair()
    link = Link(ours, dialect=OCPP16)
    await link.close(1008, "superseded")

    assert (await asyncio.wait_for(link.run(echo), PATIENCE)).code == 1008


async def test_cancelled_link_closes_its_socket() -> None:
    async with conversation() as talk:
        await settled()
        talk.running.cancel()

        with pytest.raises(LinkClosed, match="1001"):
            await talk.peer.hears()
        with pytest.raises(asyncio.CancelledError):
            await talk.running


async def test_hang_up_while_a_call_waits_for_its_commit_is_told_to_its_caller() -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    tap = MemoryTap(by_hand=True)
    async with conversation(tap=tap) as talk:
        reset = begin(talk.link.call("Reset", b"{}"))
        await settled()
        await talk.peer.socket.close(1006, "")
        await talk.ended()
        tap.commit()

        with pytest.raises(LinkClosed):
            await reset
        del reset
        gc.collect()
        assert complaints == []


async def test_peer_that_does_not_read_ends_the_link() -> None:
    class Deaf(MemorySocket):
        async def send(self, _text: bytes) -> None:
            raise LinkClosed(1008, "peer does not read")

    link = Link(Deaf(), dialect=OCPP16)
    running = begin(link.run(echo))

    with pytest.raises(LinkClosed, match="does not read"):
        await link.call("Reset", b"{}")
    assert (await asyncio.wait_for(running, PATIENCE)).code == 1008


async def test_traffic_is_counted() -> None:
    async with conversation() as talk:
        await talk.peer.calls("Heartbeat")
        await talk.peer.hears()
        traffic = talk.link.traffic

        assert (traffic.frames_received, traffic.frames_sent) == (1, 1)
        assert traffic.bytes_received == len(b'[2,"peer-1","Heartbeat",{}]')
        assert traffic.bytes_sent == len(b'[3,"peer-1",{}]')


# ---- any order of events, against a model in plain lists ----


@dataclass
class Asked:
    """A call of ours, as the model sees it."""

    task: asyncio.Task[CallResult]
    action: str
    answered: bytes | None = None
    given_up: bool = False


@dataclass
class Model:
    """What must be true of a conversation."""

    asked: list[Asked] = field(default_factory=list)
    heard: dict[str, str] = field(default_factory=dict)  # id: action, of CALLs the peer heard
    finished: set[str] = field(default_factory=set)  # ids that the peer has answered
    owed: list[Any] = field(default_factory=list)  # answers that the peer must still hear
    unsolicited: int = 0
    hung_up: bool = False

    @property
    def in_line(self) -> list[Asked]:
        waiting = [asked for asked in self.asked if asked.answered is None and not asked.given_up]
        return [] if self.hung_up else waiting


class LinkMachine(RuleBasedStateMachine):
    """Let both sides do what they like; correlation must never go wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        ours, theirs = socket_pair()
        self.tap = MemoryTap()
        self.link = Link(ours, dialect=OCPP201, tap=self.tap)
        self.peer = Peer(theirs)
        self.running = self.loop.create_task(self.link.run(echo))
        self.model = Model()

    def do(self, step: Any = None) -> None:
        """Take one step, let it sink in, and listen to what the link says."""

        async def take() -> None:
            if step is not None:
                await step
            await settled()
            while self.peer.socket.unread and not self.model.hung_up:
                self.listen(await self.peer.hears())

        self.loop.run_until_complete(take())

    def listen(self, frame: Any) -> None:
        if frame[0] == 2:
            self.model.heard[frame[1]] = frame[2]
        else:
            assert frame[:3] == self.model.owed.pop(0)

    def current(self) -> str | None:
        """Return the id of the CALL that the peer owes an answer."""
        line = self.model.in_line
        return next(
            (id for id, action in self.model.heard.items() if line and action == line[0].action),
            None,
        )

    @precondition(lambda self: len(self.model.in_line) < 8)
    @rule()
    def we_call(self) -> None:
        async def call() -> None:
            action = f"Action{len(self.model.asked)}"
            self.model.asked.append(Asked(begin(self.link.call(action, b"{}")), action))

        self.do(call())

    @precondition(lambda self: self.current())
    @rule(payload=st.sampled_from([b'{"a":1}', b'{ "b":6.0}']))
    def peer_answers(self, payload: bytes) -> None:
        id = self.current()
        assert id is not None
        self.model.in_line[0].answered = payload
        self.model.finished.add(id)
        self.do(self.peer.says(frames.call_result(id, payload).text))

    @precondition(lambda self: self.model.in_line)
    @rule(data=st.data())
    def caller_gives_up(self, data: st.DataObject) -> None:
        asked = data.draw(st.sampled_from(self.model.in_line), "who")
        asked.given_up = True
        asked.task.cancel()
        self.do()

    def late(self) -> list[str]:
        """Return ids of CALLs that the peer heard, whose callers have gone, and not answered."""
        gone = {asked.action for asked in self.model.asked if asked.given_up}
        heard = self.model.heard.items()
        return [id for id, action in heard if action in gone and id not in self.model.finished]

    @precondition(lambda self: self.late() and not self.model.hung_up)
    @rule(data=st.data())
    def peer_answers_late(self, data: st.DataObject) -> None:
        late = self.late()
        id = data.draw(st.sampled_from(late[-16:]), "late")
        self.model.finished.add(id)
        self.do(self.peer.says(frames.call_result(id, b"{}").text))
        assert self.tap.story[-1] == ("received", "CallResult", self.model.heard[id])

    @precondition(lambda self: self.model.finished and not self.model.hung_up)
    @rule(data=st.data())
    def peer_repeats_an_answer(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.model.finished)), "again")
        self.model.unsolicited += 1
        self.do(self.peer.says(frames.call_result(id, b'{"again":1}').text))

    @precondition(lambda self: not self.model.hung_up)
    @rule(error=st.booleans())
    def stranger_answers(self, error: bool) -> None:  # noqa: FBT001 - drawn by name
        self.model.unsolicited += 1
        strange = frames.call_error("?", "X") if error else frames.call_result("?", b"{}")
        self.do(self.peer.says(strange.text))

    @precondition(lambda self: not self.model.hung_up)
    @rule(shape=st.sampled_from(['[3,"%s"]', '[4,"%s"]', '[4,"%s",null,"",{}]', '[3,"%s",NaN]']))
    def peer_answers_in_a_wrong_shape(self, shape: str) -> None:
        self.do(self.peer.says(shape % (self.current() or "?")))

    @precondition(lambda self: not self.model.hung_up)
    @rule(id=st.sampled_from(["1", "2", "-1"]))
    def peer_calls(self, id: str) -> None:
        self.model.owed.append([3, id, {"id": id}])
        self.do(self.peer.calls("Heartbeat", b'{"id":"%b"}' % id.encode(), id))

    @precondition(lambda self: not self.model.hung_up)
    @rule(type=st.sampled_from(["9", "5", "6", "0"]))
    def peer_speaks_an_unknown_type(self, type: str) -> None:
        id = self.current() or "?"
        self.model.owed.append([4, id, "MessageTypeNotSupported"])
        self.do(self.peer.says(f'[{type},"{id}","Heartbeat",{{}}]'))

    @precondition(lambda self: not self.model.hung_up and len(self.model.asked) > 2)
    @rule(ours=st.booleans())
    def hang_up(self, ours: bool) -> None:  # noqa: FBT001 - drawn by name
        self.model.hung_up = True
        self.do(self.link.close() if ours else self.peer.socket.close(1000, ""))

    @invariant()
    def every_peer_call_is_answered_once(self) -> None:
        assert self.model.owed == []

    @invariant()
    def one_call_is_out(self) -> None:
        line = [asked.action for asked in self.model.in_line]
        unheard = [action for action in line if action not in self.model.heard.values()]
        assert unheard == line[1:]

    @invariant()
    def every_caller_gets_what_is_his(self) -> None:
        for asked in self.model.asked:
            if asked.answered is not None:
                assert asked.task.result().payload == asked.answered
            elif asked.given_up:
                assert asked.task.cancelled()
            elif self.model.hung_up:
                assert isinstance(asked.task.exception(), LinkError)
            else:
                assert not asked.task.done()

    @invariant()
    def what_nobody_asked_for_is_counted_and_forgotten(self) -> None:
        assert self.link.traffic.unsolicited == self.model.unsolicited

    @invariant()
    def link_lives_until_the_hang_up(self) -> None:
        assert self.running.done() == self.model.hung_up

    def teardown(self) -> None:
        self.model.hung_up = True
        try:
            self.do(self.link.close())
            self.loop.run_until_complete(self.running)
            self.every_caller_gets_what_is_his()
        finally:
            self.loop.close()


TestLinkMachine = LinkMachine.TestCase
TestLinkMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
