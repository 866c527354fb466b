from __future__ import annotations

from pathlib import Path
from ssl import create_default_context
from typing import Any

import pytest

from csms.errors import AnswerTimeout, CallRefused, LinkClosed
from simulators.charger import Charger
from simulators.target import Conduct, Target
from tests.certificates import authority, certificate, server_side
from tests.simulators.stage import NAME, SUBPROTOCOLS, TOKEN, playing


async def test_a_target_remembers_who_came_and_how(target: Target, version: str) -> None:
    async with playing(target, version, password="secret"):
        pass

    [connection] = target.connections
    assert (connection.charge_box_id, connection.path) == (NAME, f"/{NAME}")
    assert connection.subprotocol == SUBPROTOCOLS[version]
    assert connection.credentials == (NAME, b"secret")
    assert connection.closed is not None
    assert not connection.live


async def test_a_target_remembers_every_call_as_it_came(target: Target) -> None:
    async with playing(target) as charger:
        await charger.call("DataTransfer", {"vendorId": "x", "data": "6.0"})

    [one] = target.calls("DataTransfer", NAME)
    assert one.payload == b'{"vendorId":"x","data":"6.0"}'
    assert one.text == b'[2,"%b","DataTransfer",%b]' % (one.id.encode(), one.payload)
    assert one.connection == 1


async def test_an_id_is_read_from_the_address_as_it_was_meant() -> None:
    async with Target.listening() as target:
        charger = Charger(f"{target.url}/some/where", "A *|@b")
        async with charger.running():
            await charger.wait_connected()

    assert target.connections[0].charge_box_id == "A *|@b"


@pytest.mark.sqlite_only("nothing is stored")
async def test_a_target_speaks_tls_where_it_is_told_how(tmp_path: Path) -> None:
    async with Target.listening(ssl=server_side(certificate(tmp_path, "localhost"))) as target:
        url = target.url.replace("127.0.0.1", "localhost")
        trusting = create_default_context(cadata=authority())
        async with Charger(url, NAME, ssl=trusting).running() as charger:
            await charger.wait_connected()

    assert url.startswith("wss://")


@pytest.mark.parametrize(
    ("passwords", "welcome"),
    [({NAME: "right"}, True), ({"*": "right"}, True), ({"X": "right"}, False)],
)
async def test_a_password_is_a_users_or_everybodys(
    passwords: dict[str, str], *, welcome: bool
) -> None:
    async with Target.listening(passwords=passwords) as target:
        charger = Charger(target.url, NAME, "right", back_off=(0.01, 0.01))
        async with charger.running():
            await charger.until(lambda c: c.connected or c.seen("refused"))

            assert charger.connected is welcome


async def test_a_command_brings_its_answer_or_the_refusal(target: Target) -> None:
    async with playing(target):
        answer = await target.command(NAME, "GetLocalListVersion", {})
        with pytest.raises(CallRefused):
            await target.command(NAME, "NoSuchAction", {})
        with pytest.raises(LookupError):
            await target.command("nobody", "ClearCache", {})

    assert answer == {"listVersion": 0}


async def test_transaction_ids_count_up_from_where_they_are_told_to(target: Target) -> None:
    async with Target.listening(first_transaction_id=500) as other, playing(other) as charger:
        ids = [(await charger.start(evse_id, TOKEN)).id for evse_id in (1, 2)]

    assert ids == ["500", "501"]


async def test_an_unknown_action_is_not_implemented(target: Target) -> None:
    async with playing(target) as charger:
        with pytest.raises(CallRefused) as refused:
            await charger.call("NoSuchAction", {})

    assert refused.value.error.code == "NotImplemented"


# ---- bad conduct ----


async def test_it_answers_late(target: Target) -> None:
    async with playing(target) as charger:
        target.conduct.delay = 0.05
        began = charger.now()
        await charger.call("Heartbeat", {})

        assert (charger.now() - began).total_seconds() >= 0.05


async def test_it_closes_at_once() -> None:
    async with Target.listening(conduct=Conduct(close_at_once=1011)) as target:
        charger = Charger(target.url, NAME, back_off=(0.01, 0.01))
        async with charger.running():
            closed = await charger.until(lambda c: c.seen("closed"))

    assert closed[0]["code"] == 1011


async def test_it_chooses_no_subprotocol_and_speaks_the_offered_one(version: str) -> None:
    async with (
        Target.listening(conduct=Conduct(subprotocol="")) as target,
        playing(target, version) as charger,
    ):
        assert charger.connected

    assert target.connections[0].subprotocol is None


async def test_it_uses_one_id_for_everything(target: Target) -> None:
    target.conduct.one_id = "1"
    async with playing(target) as charger:
        for _ in range(2):
            await target.command(NAME, "ClearCache", {})

        assert charger.counts["asked"] == 2


async def test_it_gives_every_start_the_same_id_and_refuses_it(target: Target) -> None:
    target.conduct.transaction_id = 0
    target.conduct.answers["Authorize"] = {"idTagInfo": {"status": "Accepted"}}
    target.conduct.token_status = "Invalid"
    async with playing(target) as charger:
        own = await charger.start(1, TOKEN)
        await charger.until(lambda c: not own.running and not c.waiting)

    assert own.id == "0"
    assert target.calls("StopTransaction")[0].fields["transactionId"] == 0


async def test_an_answer_can_be_made_from_the_question(target: Target) -> None:
    def echo(fields: dict[str, Any]) -> dict[str, Any]:
        return {"status": "Accepted", "data": fields["data"]}

    target.conduct.answers["DataTransfer"] = echo
    async with playing(target) as charger:
        answer = await charger.call("DataTransfer", {"vendorId": "x", "data": "y"})

    assert answer["data"] == "y"


async def test_it_hangs_up_and_a_call_on_its_way_ends(target: Target) -> None:
    async with playing(target) as charger:
        target.conduct.mute = True
        charger.later(target.hang_up(NAME, 1001))
        with pytest.raises(LinkClosed):
            await charger.call("Heartbeat", {})

    with pytest.raises(LookupError):
        await target.hang_up(NAME)
    assert target.connections[0].closed is not None


async def test_it_comes_back_on_its_port_and_remembers() -> None:
    target = Target()
    await target.listen()
    port = target.port
    await target.close()
    await target.listen(port=port)
    async with playing(target):
        assert target.port == port
    await target.close()


async def test_what_it_keeps_is_bounded() -> None:
    target = Target(keep=10)
    await target.listen()
    async with playing(target) as charger:
        for _ in range(30):
            await charger.call("Heartbeat", {})
    await target.close()

    assert len(target.received) <= 10
    assert target.received[-1].action == "Heartbeat"


async def test_the_record_tells_what_each_call_was_answered(target: Target, version: str) -> None:
    target.conduct.errors["Heartbeat"] = "InternalError"
    async with playing(target, version) as charger:
        with pytest.raises(CallRefused):
            await charger.call("Heartbeat", {})

    (boot,), (heartbeat,) = target.calls("BootNotification"), target.calls("Heartbeat")
    assert boot.answer is not None
    assert (boot.answer["status"], boot.refused) == ("Accepted", False)
    assert (heartbeat.answer, heartbeat.refused) == (None, True)


async def test_any_text_can_take_the_place_of_an_answer(target: Target, version: str) -> None:
    async with playing(target, version) as charger:
        target.conduct.raw = lambda call: b"garbage" if call.action == "Heartbeat" else None
        patience, charger.answer_timeout = charger.answer_timeout, 0.05
        with pytest.raises(AnswerTimeout):
            await charger.call("Heartbeat", {})
        charger.answer_timeout = patience
        target.conduct.raw = lambda call: b'[4,"%b","InternalError"]' % call.id.encode()
        with pytest.raises(CallRefused):
            await charger.call("Heartbeat", {})

    assert [one.refused for one in target.calls("Heartbeat")] == [False, True]
