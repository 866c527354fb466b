"""Each side sees the ids it knows, and every other byte passes."""

from __future__ import annotations

import asyncio
from itertools import count

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.numbers import OF_TARGETS
from proxy.ledger import IdMap, decimal, transaction_id
from storage.repositories.id_pairs import IdKind


class Book:
    """Keep pairs in memory; they are there once `commit` was called."""

    def __init__(self) -> None:
        self.pairs: dict[tuple[int, IdKind, str], str] = {}
        self.waiting: list[tuple[asyncio.Future[None], tuple[int, IdKind, str], str]] = []

    def note(
        self, proxy_configuration_id: int, kind: IdKind, ours: str, theirs: str
    ) -> asyncio.Future[None]:
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append((committed, (proxy_configuration_id, kind, ours), theirs))
        return committed

    async def theirs(self, proxy_configuration_id: int, kind: IdKind, ours: str) -> str | None:
        return self.pairs.get((proxy_configuration_id, kind, ours))

    async def ours(self, proxy_configuration_id: int, kind: IdKind, theirs: str) -> str | None:
        wanted = (proxy_configuration_id, kind, theirs)
        newest_first = reversed(self.pairs.items())
        found = (pair[2] for pair, known in newest_first if (*pair[:2], known) == wanted)
        return next(found, None)

    async def commit(self) -> None:
        for committed, pair, theirs in self.waiting:
            self.pairs[pair] = theirs
            committed.set_result(None)
        self.waiting.clear()
        await asyncio.sleep(0)  # let the done callbacks run


def id_map(book: Book, id: int = 1, version: str = "1.6") -> IdMap:
    """Return a map whose fresh numbers are 1001, 1002 …"""
    fresh = count(1001)
    return IdMap(book, id, version, lambda _: next(fresh))


async def known(ours: str = "815", theirs: str = "42") -> IdMap:
    book = Book()
    ids = id_map(book)
    ids.learn(ours, theirs)
    await book.commit()
    return ids


async def test_what_was_looked_up_once_is_looked_up_no_more_until_it_changes() -> None:
    book = Book()
    book.pairs[1, "transaction", "815"] = "42"
    ids = id_map(book)
    assert await ids.theirs("815") == "42"
    book.pairs.clear()
    assert await ids.theirs("815") == "42"

    ids.learn("815", "43")
    assert await ids.theirs("815") == "43"
    await book.commit()
    assert await ids.theirs("815") == "43"


async def test_what_changes_while_it_is_looked_up_is_known_as_it_is_now() -> None:
    slow = asyncio.Event()

    class Slow(Book):
        async def theirs(self, *_: object) -> str:
            await slow.wait()
            return "42"

    book = Slow()
    ids = id_map(book)
    looking = asyncio.create_task(ids.theirs("815"))
    await asyncio.sleep(0)
    ids.learn("815", "43")
    await book.commit()
    slow.set()
    await looking

    assert await ids.theirs("815") == "43"


async def test_only_some_pairs_are_kept_in_memory() -> None:
    book = Book()
    ids = id_map(book)
    for ours in range(100):
        ids.learn(str(ours), str(1000 + ours))
    await book.commit()
    book.pairs[1, "transaction", "99"] = book.pairs[1, "transaction", "0"] = "7"

    assert (await ids.theirs("99"), await ids.theirs("0")) == ("1099", "7")


# ---- towards the target ----


async def test_a_stop_carries_the_targets_id_and_is_otherwise_untouched() -> None:
    ids = await known()
    stop = b'{ "meterStop":6.0, "transactionId" : 815,"transactionData":[{"x":1e3}],"x":null}'

    assert await ids.to_target("StopTransaction", stop) == stop.replace(b"815", b"42")


async def test_a_meter_value_carries_the_targets_id() -> None:
    ids = await known()

    assert await ids.to_target("MeterValues", b'{"connectorId":1,"transactionId":815}') == (
        b'{"connectorId":1,"transactionId":42}'
    )


async def test_a_transaction_without_an_id_at_the_target_goes_as_minus_one() -> None:
    ids = await known()

    assert await ids.to_target("StopTransaction", b'{"transactionId":9}') == b'{"transactionId":-1}'
    assert await ids.to_target("MeterValues", b'{"transactionId":"x"}') == b'{"transactionId":-1}'


@pytest.mark.parametrize("spelled", [b"815", b"815.0", b'"815"', b"8.15e2"])
async def test_an_id_is_known_however_it_is_spelled(spelled: bytes) -> None:
    ids = await known()

    assert await ids.to_target("MeterValues", b'{"transactionId":%b}' % spelled) == (
        b'{"transactionId":42}'
    )


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("MeterValues", b'{"connectorId":0,"meterValue":[{"transactionId":815}]}'),
        ("MeterValues", b'{"transactionId":null}'),
        ("StatusNotification", b'{"info":"815","transactionId":815}'),
        ("DataTransfer", b'{"data":"{\\"transactionId\\":815}","transactionId":815}'),
        ("TransactionEvent", b'{"transactionInfo":{"transactionId":"815"}}'),
    ],
)
async def test_what_carries_no_mapped_id_is_the_same_object(action: str, payload: bytes) -> None:
    ids = await known()

    assert await ids.to_target(action, payload) is payload


# ---- towards the charger ----


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("RemoteStopTransaction", b' {"transactionId": 42 }'),
        (
            "SetChargingProfile",
            b'{"connectorId":1,"csChargingProfiles":{"transactionId":42,"stackLevel":0}}',
        ),
        (
            "RemoteStartTransaction",
            b'{"idTag":"A","chargingProfile":{"stackLevel":1,"transactionId":42}}',
        ),
    ],
)
async def test_a_command_carries_our_id(action: str, payload: bytes) -> None:
    ids = await known()

    assert await ids.to_charger(action, payload) == payload.replace(b"42", b"815")


@pytest.mark.parametrize("foreign", [b"815", b"43", b"-1", b"0", b'"x"', b"true", b"{}"])
async def test_a_command_with_a_foreign_id_does_not_reach_the_charger(foreign: bytes) -> None:
    ids = await known()
    stop = b'{"transactionId":%b}' % foreign

    assert await ids.to_charger("RemoteStopTransaction", stop) is None


async def test_a_foreign_id_hidden_behind_a_known_one_does_not_reach_the_charger() -> None:
    ids = await known()
    stop = b'{"transactionId":7,"transactionId":42}'

    assert await ids.to_charger("RemoteStopTransaction", stop) is None


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("SetChargingProfile", b'{"connectorId":0,"csChargingProfiles":{"stackLevel":0}}'),
        ("SetChargingProfile", b'{"evseId":1,"chargingProfile":{"transactionId":"42"}}'),
        ("RemoteStartTransaction", b'{"idTag":"A"}'),
        ("RequestStopTransaction", b'{"transactionId":"42"}'),
        ("Reset", b'{"type":"Soft"}'),
    ],
)
async def test_a_command_without_a_mapped_id_is_the_same_object(
    action: str, payload: bytes
) -> None:
    ids = await known()

    assert await ids.to_charger(action, payload) is payload


# ---- numbers that a side chooses for a request ----

CHOSEN = [
    ("1.6", "ReserveNow", "reservationId", "StartTransaction", b'{"reservationId":%s}'),
    ("1.6", "GetLog", "requestId", "LogStatusNotification", b'{"requestId":%s}'),
    (
        "1.6",
        "SignedUpdateFirmware",
        "requestId",
        "SignedFirmwareStatusNotification",
        b'{"requestId":%s}',
    ),
    ("2.0.1", "ReserveNow", "id", "TransactionEvent", b'{"reservationId":%s}'),
    ("2.0.1", "ReserveNow", "id", "ReservationStatusUpdate", b'{"reservationId":%s}'),
    (
        "2.0.1",
        "RequestStartTransaction",
        "remoteStartId",
        "TransactionEvent",
        b'{"transactionInfo":{"remoteStartId":%s}}',
    ),
    *(
        ("2.0.1", asked, "requestId", answered, b'{"requestId":%s}')
        for asked, answered in {
            "CustomerInformation": "NotifyCustomerInformation",
            "GetBaseReport": "NotifyReport",
            "GetChargingProfiles": "ReportChargingProfiles",
            "GetDisplayMessages": "NotifyDisplayMessages",
            "GetLog": "LogStatusNotification",
            "GetMonitoringReport": "NotifyMonitoringReport",
            "GetReport": "NotifyReport",
            "PublishFirmware": "PublishFirmwareStatusNotification",
            "UpdateFirmware": "FirmwareStatusNotification",
        }.items()
    ),
]
ASKED = pytest.mark.parametrize(("version", "asks", "key", "tells", "told"), CHOSEN)


@ASKED
async def test_a_number_of_the_target_is_another_at_the_charger(
    version: str, asks: str, key: str, tells: str, told: bytes
) -> None:
    ids = id_map(Book(), version=version)
    asked = b'{ "%b" : 42,"x":6.0}' % key.encode()

    assert await ids.to_charger(asks, asked) == asked.replace(b"42", b"1001")
    assert await ids.to_target(tells, told % b"1001") == told % b"42"


@ASKED
async def test_what_was_agreed_outlives_us(
    version: str, asks: str, key: str, tells: str, told: bytes
) -> None:
    book = Book()
    await id_map(book, version=version).to_charger(asks, b'{"%b":42}' % key.encode())
    await book.commit()

    assert await id_map(book, version=version).to_target(tells, told % b"1001") == told % b"42"


@ASKED
async def test_what_the_platform_chose_does_not_reach_the_target(
    version: str, asks: str, key: str, tells: str, told: bytes
) -> None:
    ids = id_map(Book(), version=version)
    await ids.to_charger(asks, b'{"%b":42}' % key.encode())

    for ours in (b"42", b"7", b'"x"', b'{"x":1}'):
        found = await ids.to_target(tells, told % ours)
        assert found is None or ours not in found


@pytest.mark.parametrize(
    ("version", "action", "told", "heard"),
    [
        ("1.6", "StartTransaction", b'{"reservationId": 7, "idTag":"A"}', b'{"idTag":"A"}'),
        (
            "2.0.1",
            "TransactionEvent",
            b'{"seqNo":0, "transactionInfo":{"seqNo":1,"remoteStartId":7}, "reservationId":8}',
            b'{"seqNo":0, "transactionInfo":{"seqNo":1}}',
        ),
        ("2.0.1", "NotifyReport", b'{"requestId":7}', None),
        ("2.0.1", "NotifyReport", b'{"requestId":7,"requestId":1001}', None),
        ("2.0.1", "ReservationStatusUpdate", b'{"reservationId":7}', None),
        ("1.6", "LogStatusNotification", b'{"requestId":7}', None),
    ],
)
async def test_a_message_is_told_without_a_number_of_others_or_not_at_all(
    version: str, action: str, told: bytes, heard: bytes | None
) -> None:
    ids = id_map(Book(), version=version)
    await ids.to_charger("GetReport", b'{"requestId":42}')

    assert await ids.to_target(action, told) == heard


@pytest.mark.parametrize(
    ("version", "action", "payload"),
    [
        ("2.0.1", "LogStatusNotification", b'{"status":"Idle"}'),
        ("2.0.1", "FirmwareStatusNotification", b'{"requestId":null,"status":"Idle"}'),
        ("1.6", "FirmwareStatusNotification", b'{"status":"Idle","requestId":7}'),
        ("1.6", "StartTransaction", b'{"reservationId":null}'),
        ("2.0.1", "TransactionEvent", b'{"transactionInfo":{"transactionId":"T"}}'),
        ("2.0.1", "StatusNotification", b'{"requestId":7}'),
    ],
)
async def test_what_answers_nobody_is_the_same_object(
    version: str, action: str, payload: bytes
) -> None:
    assert await id_map(Book(), version=version).to_target(action, payload) is payload


# ---- display messages, whose numbers come in lists ----

SET = b'{ "message":{"priority":"InFront" , "id": %b,"message":{"format":"UTF8","content":"6.0"}}}'


async def displayed(book: Book) -> IdMap:
    """Return the map of a target whose messages 5 and 6 are 1001 and 1002 at the charger."""
    ids = id_map(book, version="2.0.1")
    for number, ours in ((b"5", b"1001"), (b"6", b"1002")):
        assert await ids.to_charger("SetDisplayMessage", SET % number) == SET % ours
    await ids.to_charger("GetDisplayMessages", b'{"requestId":9}')
    return ids


async def test_a_message_that_replaces_another_keeps_its_number() -> None:
    ids = await displayed(Book())

    assert await ids.to_charger("SetDisplayMessage", SET % b"5.0") == SET % b"1001"


async def test_only_a_message_of_its_own_is_cleared() -> None:
    ids = await displayed(Book())

    assert await ids.to_charger("ClearDisplayMessage", b'{"id":6, "x":1e3}') == (
        b'{"id":1002, "x":1e3}'
    )
    for foreign in (b"7", b"1002", b'"x"', b"{}"):
        assert await ids.to_charger("ClearDisplayMessage", b'{"id":%b}' % foreign) is None


@pytest.mark.parametrize(
    ("asked", "heard"),
    [
        (b'{"id":[5, 6],"requestId":8}', b'{"id":[1001, 1002],"requestId":1004}'),
        (b'{"requestId":8,"id":[1, 6 ,1001]}', b'{"requestId":1004,"id":[1002]}'),
        (b'{"id":[null,5,"x",[6]],"requestId":8}', b'{"id":[1001],"requestId":1004}'),
        (b'{"id":5,"requestId":8}', b'{"id":1001,"requestId":1004}'),
        (b'{"priority":"InFront","requestId":8}', b'{"priority":"InFront","requestId":1004}'),
        (b'{"id":[1001],"requestId":8}', None),
        (b'{"id":[null],"requestId":8}', None),
        (b'{"id":7,"requestId":8}', None),
        (b'{"id":[%b5],"requestId":8}' % (b"5," * 1000), None),
    ],
)
async def test_of_the_messages_asked_for_the_charger_hears_the_target_s(
    asked: bytes, heard: bytes | None
) -> None:
    ids = await displayed(Book())

    assert await ids.to_charger("GetDisplayMessages", asked) == heard


@pytest.mark.parametrize(
    ("told", "heard"),
    [
        (b'[{"id":1002, "x":6.0} ,{"id":1001}]', b'[{"id":6, "x":6.0} ,{"id":5}]'),
        (b'[{"id":5},{"a":[1e3],"ID" : 1001},{"id":3}]', b'[{"a":[1e3],"ID" : 5}]'),
        (b'[{"id":1001,"id":5},{"x":1},{"id":null},{"id":[1001]},7,{"id":1001}]', b'[{"id":5}]'),
        (rb'[{"\u0069d":3},{"\u0069d":1001}]', rb'[{"\u0069d":5}]'),
        (b'{"id":1001}', b'{"id":5}'),
    ],
)
async def test_of_the_messages_that_are_shown_the_target_sees_its_own(
    told: bytes, heard: bytes
) -> None:
    ids = await displayed(Book())
    shown = b'{"requestId":%b, "messageInfo" : %b, "tbc":false}'

    assert await ids.to_target("NotifyDisplayMessages", shown % (b"1003", told)) == (
        shown % (b"9", heard)
    )


@pytest.mark.parametrize("told", [b'[{"id":5}]', b'{"id":5}', b"[7]", b'"5"'])
async def test_where_none_is_its_own_the_target_sees_none(told: bytes) -> None:
    ids = await displayed(Book())
    shown = b'{"messageInfo":%b,"requestId":1003}' % told

    assert await ids.to_target("NotifyDisplayMessages", shown) == b'{"requestId":9}'


async def test_the_messages_of_an_earlier_target_are_nobody_s() -> None:
    book = Book()
    await displayed(book)
    await book.commit()
    other = id_map(book, 2, "2.0.1")
    await other.to_charger("GetDisplayMessages", b'{"requestId":9}')

    shown = b'{"messageInfo":[{"id":1001}],"requestId":1001}'
    assert await other.to_target("NotifyDisplayMessages", shown) == b'{"requestId":9}'
    assert await other.to_charger("ClearDisplayMessage", b'{"id":5}') is None


async def test_the_numbers_of_messages_outlive_us() -> None:
    book = Book()
    await displayed(book)
    await book.commit()
    again = id_map(book, version="2.0.1")

    assert await again.to_charger("ClearDisplayMessage", b'{"id":6}') == b'{"id":1002}'


async def test_a_request_repeated_under_one_number_has_two_of_ours() -> None:
    ids = id_map(Book(), version="2.0.1")

    assert await ids.to_charger("GetReport", b'{"requestId":1}') == b'{"requestId":1001}'
    assert await ids.to_charger("GetBaseReport", b'{"requestId":1}') == b'{"requestId":1002}'
    assert await ids.to_target("NotifyReport", b'{"requestId":1001}') == b'{"requestId":1}'
    assert await ids.to_target("NotifyReport", b'{"requestId":1002}') == b'{"requestId":1}'


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize(("version", "key"), [("1.6", b"reservationId"), ("2.0.1", b"id")])
async def test_a_reservation_keeps_its_number_when_it_is_changed_or_cancelled(
    version: str, key: bytes, *, committed: bool
) -> None:
    book = Book()
    ids = id_map(book, version=version)
    for _ in range(2):
        assert await ids.to_charger("ReserveNow", b'{"%b":5}' % key) == b'{"%b":1001}' % key
        if committed:
            await book.commit()

    assert await ids.to_charger("CancelReservation", b'{"reservationId":5}') == (
        b'{"reservationId":1001}'
    )


@pytest.mark.parametrize("foreign", [b"1001", b"6", b"-1", b'"x"'])
async def test_a_reservation_that_is_not_the_target_s_is_not_cancelled(foreign: bytes) -> None:
    ids = id_map(Book())
    await ids.to_charger("ReserveNow", b'{"reservationId":5}')

    assert await ids.to_charger("CancelReservation", b'{"reservationId":%b}' % foreign) is None


@pytest.mark.parametrize("nonsense", [b'"x"', b"{}", b"true", b"1.5", b"-1"])
async def test_a_number_that_is_none_is_not_passed_on(nonsense: bytes) -> None:
    ids = id_map(Book(), version="2.0.1")

    assert await ids.to_charger("GetReport", b'{"requestId":%b}' % nonsense) is None


async def test_a_number_that_stands_for_something_is_not_drawn_again() -> None:
    book = Book()
    drawn = iter([1001, 1001, 1001, 1002, 1002, 1003])
    ids = IdMap(book, 1, "2.0.1", lambda _: next(drawn))

    for ours in (b"1001", b"1002", b"1003"):
        assert await ids.to_charger("GetReport", b'{"requestId":1}') == b'{"requestId":%b}' % ours
        await book.commit()


async def test_a_number_is_drawn_from_the_range_of_targets() -> None:
    ids = IdMap(Book(), 1, "2.0.1")

    asked = await ids.to_charger("GetReport", b'{"requestId":1}')

    assert asked is not None
    assert orjson.loads(asked)["requestId"] in OF_TARGETS


@pytest.mark.parametrize("key", [b"RequestID", rb"\u0072equestId", b"requestid"])
async def test_a_key_in_other_letters_hides_no_number(key: bytes) -> None:
    ids = id_map(Book(), version="2.0.1")

    assert await ids.to_charger("GetReport", b'{"%b":1}' % key) == b'{"%b":1001}' % key
    assert await ids.to_target("NotifyReport", b'{"%b":7}' % key) is None


@pytest.mark.parametrize(
    ("event", "remote"),
    [
        (b'{"transactionInfo":{"remoteStartId":1001}}', True),
        (b'{"transactionInfo":{"remoteStartId":9}}', False),
        (b'{"transactionInfo":{"remoteStartId":1001,"remoteStartId":9}}', False),
        (b'{"transactionInfo":{}}', False),
        (b'{"remoteStartId":1001}', False),
    ],
)
async def test_an_event_tells_whose_remote_start_it_is(event: bytes, *, remote: bool) -> None:
    ids = id_map(Book(), version="2.0.1")
    await ids.to_charger("RequestStartTransaction", b'{"remoteStartId":9}')

    assert await ids.started("TransactionEvent", event) is remote
    assert not await ids.started("NotifyReport", event)


# ---- learning ----


async def test_whether_the_target_has_begun_a_transaction_can_be_asked() -> None:
    ids = await known()

    assert await ids.theirs("815") == "42"
    assert await ids.theirs("816") is None


async def test_an_id_is_known_from_the_moment_it_is_learnt() -> None:
    book = Book()
    ids = id_map(book)

    committed = ids.learn("815", "42")

    assert not committed.done()
    assert (
        await ids.to_target("StopTransaction", b'{"transactionId":815}') == b'{"transactionId":42}'
    )
    assert await ids.to_charger("RemoteStopTransaction", b'{"transactionId":42}') == (
        b'{"transactionId":815}'
    )


async def test_what_storage_did_not_take_is_kept_for_the_running_session() -> None:
    book = Book()
    ids = id_map(book)
    committed = ids.learn("815", "42")
    committed.set_exception(OSError("disk full"))
    with pytest.raises(OSError, match="disk full"):
        await committed

    assert (
        await ids.to_target("StopTransaction", b'{"transactionId":815}') == b'{"transactionId":42}'
    )


async def test_another_target_knows_nothing_of_it() -> None:
    book = Book()
    id_map(book).learn("815", "42")
    await book.commit()
    other = id_map(book, 2)

    assert await other.to_target("StopTransaction", b'{"transactionId":815}') == (
        b'{"transactionId":-1}'
    )
    assert await other.to_charger("RemoteStopTransaction", b'{"transactionId":42}') is None


@pytest.mark.parametrize("committed", [False, True])
async def test_an_id_that_the_target_gives_twice_means_the_latest_transaction(
    *, committed: bool
) -> None:
    book = Book()
    ids = id_map(book)
    ids.learn("815", "1")
    if committed:
        await book.commit()
    ids.learn("816", "1")

    assert await ids.to_charger("RemoteStopTransaction", b'{"transactionId":1}') == (
        b'{"transactionId":816}'
    )
    assert (
        await ids.to_target("StopTransaction", b'{"transactionId":815}') == b'{"transactionId":1}'
    )


async def test_a_start_delivered_twice_goes_by_its_second_id() -> None:
    book = Book()
    ids = id_map(book)
    ids.learn("815", "42")
    ids.learn("815", "43")
    await book.commit()

    assert (
        await ids.to_target("StopTransaction", b'{"transactionId":815}') == b'{"transactionId":43}'
    )


async def test_the_commit_of_an_earlier_id_does_not_forget_the_later_one() -> None:
    ids = id_map(Book())
    earlier = ids.learn("815", "42")
    ids.learn("815", "43")
    earlier.set_result(None)
    await asyncio.sleep(0)

    assert await ids.to_target("StopTransaction", b'{"transactionId":815}') == (
        b'{"transactionId":43}'
    )


PAIRS = st.dictionaries(
    st.integers(1, 2**31 - 1).map(str), st.integers(-(2**31), 2**63).map(str), max_size=8
).filter(lambda pairs: len(set(pairs.values())) == len(pairs) and "-1" not in pairs.values())


@given(pairs=PAIRS)
def test_there_and_back_is_the_same_id(pairs: dict[str, str]) -> None:
    async def conversation() -> None:
        book = Book()
        ids = id_map(book)
        for number, (ours, theirs) in enumerate(pairs.items()):
            ids.learn(ours, theirs)
            if number % 2:
                await book.commit()
        for ours, theirs in pairs.items():
            payload = b'{"transactionId":%b}' % ours.encode()
            mapped = await ids.to_target("MeterValues", payload)
            assert mapped == b'{"transactionId":%b}' % theirs.encode()
            assert await ids.to_charger("RemoteStopTransaction", mapped) == payload

    asyncio.run(conversation())


# ---- reading ----


@pytest.mark.parametrize(
    ("payload", "id"),
    [
        (b'{"transactionId": 42}', "42"),
        (b'{"transactionId": 42.0}', "42"),
        (b'{"transactionId": 4.2e1}', "42"),
        (b'{"transactionId": "042"}', "42"),
        (rb'{"transactionId": "\u00342"}', "42"),
        (b'{"transactionId": -1}', "-1"),
        (b'{"transactionId": 12345678901234567891}', "12345678901234567891"),
        (b'{"transactionId": 42.5}', None),
        (b'{"transactionId": 1e99}', None),
        (b'{"transactionId": true}', None),
        ('{"transactionId": "\u0664\u0662"}'.encode(), None),
        (b'{"transactionId": %b}' % (b"9" * 5000), None),
        (b'{"transactionId": null}', None),
        (b'{"transactionId": {}}', None),
        (b"{}", None),
        (b"[]", None),
    ],
)
def test_the_transaction_id_of_an_answer(payload: bytes, id: str | None) -> None:
    assert transaction_id(payload) == id


@given(number=st.integers(-(10**20) + 1, 10**20 - 1))
def test_a_number_of_twenty_digits_is_not_rounded(number: int) -> None:
    assert decimal(b"%d" % number) == str(number)
    assert decimal(b'"%d"' % number) == str(number)
