"""Each side sees its own transaction ids, and every other byte passes (1.6)."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.ledger import TransactionIdMap, transaction_id
from storage.repositories.id_pairs import IdKind


class Book:
    """Keep pairs in memory; they are there once `commit` was called."""

    def __init__(self) -> None:
        self.pairs: dict[tuple[int, str], str] = {}
        self.waiting: list[tuple[asyncio.Future[None], int, str, str]] = []

    def note(
        self, proxy_configuration_id: int, kind: IdKind, ours: str, theirs: str
    ) -> asyncio.Future[None]:
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append((committed, proxy_configuration_id, ours, theirs))
        return committed

    async def theirs(self, proxy_configuration_id: int, kind: IdKind, ours: str) -> str | None:
        return self.pairs.get((proxy_configuration_id, ours))

    async def ours(self, proxy_configuration_id: int, kind: IdKind, theirs: str) -> str | None:
        newest_first = reversed(self.pairs.items())
        return next(
            (
                pair[1]
                for pair, id in newest_first
                if (pair[0], id) == (proxy_configuration_id, theirs)
            ),
            None,
        )

    async def commit(self) -> None:
        for committed, proxy_configuration_id, ours, theirs in self.waiting:
            self.pairs[proxy_configuration_id, ours] = theirs
            committed.set_result(None)
        self.waiting.clear()
        await asyncio.sleep(0)  # let the done callbacks run


async def known(ours: str = "815", theirs: str = "42") -> TransactionIdMap:
    book = Book()
    ids = TransactionIdMap(book, 1)
    ids.learn(ours, theirs)
    await book.commit()
    return ids


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


# ---- learning ----


async def test_whether_the_target_has_begun_a_transaction_can_be_asked() -> None:
    ids = await known()

    assert await ids.theirs("815") == "42"
    assert await ids.theirs("816") is None


async def test_an_id_is_known_from_the_moment_it_is_learnt() -> None:
    book = Book()
    ids = TransactionIdMap(book, 1)

    committed = ids.learn("815", "42")

    assert not committed.done()
    assert (
        await ids.to_target("StopTransaction", b'{"transactionId":815}') == b'{"transactionId":42}'
    )
    assert await ids.to_charger("RemoteStopTransaction", b'{"transactionId":42}') == (
        b'{"transactionId":815}'
    )


async def test_what_storage_has_is_no_longer_kept_in_memory() -> None:
    book = Book()
    ids = TransactionIdMap(book, 1)
    ids.learn("815", "42")
    await book.commit()
    book.pairs.clear()

    assert (
        await ids.to_target("StopTransaction", b'{"transactionId":815}') == b'{"transactionId":-1}'
    )


async def test_what_storage_did_not_take_is_kept_for_the_running_session() -> None:
    book = Book()
    ids = TransactionIdMap(book, 1)
    committed = ids.learn("815", "42")
    committed.set_exception(OSError("disk full"))
    with pytest.raises(OSError, match="disk full"):
        await committed

    assert (
        await ids.to_target("StopTransaction", b'{"transactionId":815}') == b'{"transactionId":42}'
    )


async def test_another_target_knows_nothing_of_it() -> None:
    book = Book()
    TransactionIdMap(book, 1).learn("815", "42")
    await book.commit()
    other = TransactionIdMap(book, 2)

    assert await other.to_target("StopTransaction", b'{"transactionId":815}') == (
        b'{"transactionId":-1}'
    )
    assert await other.to_charger("RemoteStopTransaction", b'{"transactionId":42}') is None


@pytest.mark.parametrize("committed", [False, True])
async def test_an_id_that_the_target_gives_twice_means_the_latest_transaction(
    *, committed: bool
) -> None:
    book = Book()
    ids = TransactionIdMap(book, 1)
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
    ids = TransactionIdMap(book, 1)
    ids.learn("815", "42")
    ids.learn("815", "43")
    await book.commit()

    assert (
        await ids.to_target("StopTransaction", b'{"transactionId":815}') == b'{"transactionId":43}'
    )


async def test_the_commit_of_an_earlier_id_does_not_forget_the_later_one() -> None:
    ids = TransactionIdMap(Book(), 1)
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
        ids = TransactionIdMap(book, 1)
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
    ("fields", "id"),
    [
        ({"transactionId": 42}, "42"),
        ({"transactionId": 42.0}, "42"),
        ({"transactionId": "042"}, "42"),
        ({"transactionId": -1}, "-1"),
        ({"transactionId": 42.5}, None),
        ({"transactionId": 1e300}, None),
        ({"transactionId": True}, None),
        ({"transactionId": "\u0664\u0662"}, None),
        ({"transactionId": "9" * 5000}, None),
        ({"transactionId": None}, None),
        ({}, None),
        ([], None),
    ],
)
def test_the_transaction_id_of_an_answer(fields: object, id: str | None) -> None:
    assert transaction_id(fields) == id
