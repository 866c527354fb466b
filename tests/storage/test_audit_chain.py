"""What seals show of rows that were changed, put in or taken out; pure, so all of it is tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from storage import audit_chain
from storage.audit_chain import Chain, Keys, Verdict, Walk, beginning, lengthened
from storage.errors import SealBroken
from storage.secrets import Sealer
from tests.storage.doubles import ORGANIZATION

FORMER, CURRENT = b"\x01" * 4, b"\x02" * 4
Rows = Sequence[Mapping[str, Any]]


def keys_of(*names: bytes) -> Keys:
    sealer = Sealer({name: name * 8 for name in names}, names[-1])
    return lambda key_id: sealer.derived(audit_chain.PURPOSE, key_id)


KEYS = keys_of(FORMER, CURRENT)


def row(id: int, **more: Any) -> dict[str, Any]:
    entry = {
        "id": id,
        "timestamp": 1_700_000_000_000_000 + id,
        "organization_uuid": ORGANIZATION,
        "charge_box_id": "CP-1",
        "category": "api",
        "actor": "key:1",
        "action": "create_site",
        "object": "/api/v1/sites",
        "result": "201 ok",
        "request_id": f"request-{id}",
        "details": '{"given":{"name":"Depot"}}',
        "place": None,
        "seal": None,
    }
    return {**entry, **more}


def chained(number: int = 5, keys: Keys = KEYS) -> tuple[list[dict[str, Any]], Chain]:
    rows = [row(id) for id in range(1, number + 1)]
    sealed, chain = lengthened(beginning(ORGANIZATION), rows, keys(None))
    return [{**r, **s._asdict()} for r, s in zip(rows, sealed, strict=True)], chain


def judged(
    rows: Rows, chain: Chain | None, begun: Chain | None = None, keys: Keys = KEYS
) -> Verdict:
    walk = Walk(keys, begun or beginning(ORGANIZATION))
    for each in rows:
        walk.take(each)
    return walk.verdict(chain)


def test_what_nobody_has_touched_is_whole() -> None:
    rows, chain = chained()

    verdict = judged(rows, chain)

    assert verdict.is_whole
    assert (verdict.rows, verdict.head) == (5, f"5:{rows[-1]['seal'].hex()}")


def test_nothing_at_all_is_whole() -> None:
    assert judged([], None).is_whole
    assert judged([], None).head is None


@pytest.mark.parametrize(
    "column",
    ["timestamp", "charge_box_id", "category", "actor", "action", "object", "result", "request_id"],
)
def test_whatever_is_changed_names_the_row(column: str) -> None:
    rows, chain = chained()
    rows[2][column] = rows[2][column] + 1 if column == "timestamp" else "forged"

    verdict = judged(rows, chain)

    assert (verdict.altered, verdict.removed, verdict.inserted) == ((3,), (), ())
    assert not verdict.is_whole


@pytest.mark.parametrize(
    "change",
    [
        {"details": "{}"},
        {"details": b"\xff"},
        {"seal": b"\x02" * 36},
        {"seal": b"\x02"},
        {"seal": None},
        {"seal": "text"},
    ],
)
def test_details_and_seals_cannot_be_changed_either(change: dict[str, Any]) -> None:
    rows, chain = chained()
    rows[2] |= change

    assert 3 in judged(rows, chain).altered


def test_a_null_is_no_empty_text() -> None:
    rows, chain = chained()
    rows[0]["charge_box_id"] = None

    assert judged(rows, chain).altered == (1,)


def test_rows_cannot_change_places() -> None:
    rows, chain = chained()
    rows[1], rows[2] = (
        {**rows[2], "place": 2, "seal": rows[1]["seal"]},
        {**rows[1], "place": 3, "seal": rows[2]["seal"]},
    )

    assert judged(rows, chain).altered == (3, 2)


def test_a_row_that_is_gone_leaves_its_place_empty() -> None:
    rows, chain = chained()

    assert judged([*rows[:1], *rows[3:]], chain).removed == ((2, 3),)
    assert judged(rows[2:], chain).removed == ((1, 2),)


def test_rows_that_are_gone_from_the_end_are_missed() -> None:
    rows, chain = chained()

    assert judged(rows[:3], chain).removed == ((4, 5),)
    assert judged([], chain).removed == ((1, 5),)


def test_the_end_cannot_be_told_otherwise() -> None:
    rows, chain = chained()
    shorter = replace(chain, last_place=3, last_seal=rows[2]["seal"])

    verdict = judged(rows[:3], shorter)

    assert (verdict.record, verdict.is_whole) == (False, False)
    assert not judged(rows, None).record


def test_the_beginning_cannot_be_told_otherwise() -> None:
    rows, chain = chained()
    later = replace(chain, anchor_place=2, anchor_seal=rows[1]["seal"])

    assert not judged(rows[2:], later, begun=later).record


def test_what_was_cut_off_at_the_beginning_is_not_missed() -> None:
    rows, chain = chained()
    cut = replace(chain, anchor_place=2, anchor_seal=rows[1]["seal"])
    cut = audit_chain.sealed_record(KEYS(None), cut)

    assert judged(rows[2:], cut, begun=cut).is_whole


def test_a_row_that_was_put_in_is_named() -> None:
    rows, chain = chained()
    copied = {**rows[3], "id": 99}
    behind = row(100, place=6, seal=b"\x02" * 36)

    assert judged([*rows[:4], copied, rows[4]], chain).inserted == (99,)
    assert judged([*rows, behind], chain).inserted == (100,)
    moved = judged([*rows[:4], {**rows[4], "place": 9}], chain)
    assert (moved.inserted, moved.removed) == ((5,), ((5, 5),))
    assert judged([*rows, row(101, place="last", seal=b"")], chain).inserted == (101,)


def test_who_has_not_the_key_cannot_seal() -> None:
    guessed = Sealer({CURRENT: b"guessed!" * 4}, CURRENT)
    rows, chain = chained(keys=lambda _: guessed.derived(audit_chain.PURPOSE))

    verdict = judged(rows, chain)

    assert (verdict.altered, verdict.record) == ((1, 2, 3, 4, 5), False)


def test_seals_of_a_former_key_hold_while_the_ring_has_it() -> None:
    before, chain = chained(keys=keys_of(FORMER))
    later = [row(6), row(7)]
    sealed, chain = lengthened(chain, later, KEYS(None))
    rows = before + [{**r, **s._asdict()} for r, s in zip(later, sealed, strict=True)]

    assert judged(rows, chain).is_whole
    lost = judged(rows, chain, keys=keys_of(CURRENT))
    assert (lost.missing_keys, lost.altered, lost.is_whole) == ({FORMER.hex(): 5}, (), False)


def test_a_key_that_the_ring_never_had_is_an_error_to_seal_with() -> None:
    with pytest.raises(SealBroken):
        KEYS(b"else")
