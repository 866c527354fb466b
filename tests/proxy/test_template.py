"""Placeholders are filled, and no value of one can move the URL elsewhere."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.addresses import AddressGuard
from proxy.errors import InvalidTarget
from proxy.template import check, render

GUARD = AddressGuard()


def rendered(url: str, charge_box_id: str = "CP-1", target_charge_box_id: str | None = None) -> str:
    return render(url, "9aae4c65-d97f-4bd5-9138-9ed67e8db6b6", charge_box_id, target_charge_box_id)


def test_the_three_placeholders_are_filled() -> None:
    url = "wss://h/{organization_uuid}/{charge_box_id}?as={target_charge_box_id}"

    assert rendered(url, "CP-1", "CSMS-555") == (
        "wss://h/9aae4c65-d97f-4bd5-9138-9ed67e8db6b6/CP-1?as=CSMS-555"
    )


def test_without_an_own_id_at_the_target_the_charger_keeps_its_id() -> None:
    assert rendered("wss://h/{target_charge_box_id}") == "wss://h/CP-1"


def test_a_url_without_placeholders_stays_as_it_stands() -> None:
    url = "wss://h:8443/a%20b//c/?q=%7B1%7D&x="

    assert rendered(url) == url


@pytest.mark.parametrize(
    ("id", "encoded"),
    [
        ("a/../b", "a%2F..%2Fb"),
        ("x@evil.example", "x%40evil.example"),
        ("x#y", "x%23y"),
        ("x?y=z&w", "x%3Fy%3Dz%26w"),
        ("a b", "a%20b"),
        ("100%41", "100%2541"),
        ("{organization_uuid}", "%7Borganization_uuid%7D"),
        ("{}", "%7B%7D"),
        ("*_=+|@. -", "%2A_%3D%2B%7C%40.%20-"),
    ],
)
def test_an_id_is_encoded_once_and_stays_one_piece(id: str, encoded: str) -> None:
    assert rendered("wss://h/ocpp/{charge_box_id}", id) == f"wss://h/ocpp/{encoded}"


@given(id=st.text(st.characters(codec="utf-8"), min_size=1, max_size=48))
def test_any_id_comes_back_whole_and_moves_nothing(id: str) -> None:
    if id in {".", ".."}:
        return
    url = rendered("wss://h:8443/ocpp/{charge_box_id}/x?id={charge_box_id}", id)
    parts = urlsplit(url)

    assert url.isascii()
    assert (parts.netloc, parts.fragment) == ("h:8443", "")
    assert [unquote(piece) for piece in parts.path.split("/")] == ["", "ocpp", id, "x"]
    assert parse_qs(parts.query) == {"id": [id]}


@pytest.mark.parametrize("id", [".", ".."])
def test_an_id_that_walks_up_the_path_is_refused(id: str) -> None:
    with pytest.raises(InvalidTarget, match="cannot be"):
        rendered("wss://h/ocpp/{charge_box_id}", id)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("wss://h/{charger}", r"\{charger\} is unknown; known are \{organization_uuid\}"),
        ("wss://h/{}", r"\{\} is unknown"),
        ("wss://h/{Charge_Box_Id}", "is unknown"),
        ("wss://h/{ charge_box_id }", "is unknown"),
        ("wss://h/{charge_box_id!r}", "is unknown"),
        ("wss://h/{charge_box_id", r"stray \{"),
        ("wss://h/charge_box_id}", r"stray \}"),
        ("wss://h/{{charge_box_id}}", r"stray \{"),
        ("wss://{charge_box_id}/", "path or query"),
        ("wss://{charge_box_id}.example.com/", "path or query"),
        ("wss://h:{charge_box_id}/", "path or query"),
        ("wss://{charge_box_id}@h/", "path or query"),
        ("{charge_box_id}://h/", "path or query"),
        ("{charge_box_id}", "path or query"),
        ("wss://h/#{charge_box_id}", "fragment"),
        ("ws://h/{charge_box_id}", "RINGMAIN_ALLOW_INSECURE_TARGETS"),
        ("wss://127.1/{charge_box_id}", "is closed to targets"),
    ],
)
def test_a_template_that_cannot_work_is_refused_with_its_reason(url: str, reason: str) -> None:
    with pytest.raises(InvalidTarget, match=reason) as refused:
        check(url, GUARD)
    assert refused.value.field == "target_websocket_url"


@pytest.mark.parametrize(
    "url",
    [
        "wss://third-party.com/ocpp/{target_charge_box_id}",
        "wss://h/{organization_uuid}/{charge_box_id}?{target_charge_box_id}",
        "wss://h?id={charge_box_id}",
        "wss://h/plain",
    ],
)
def test_a_template_that_can_work_passes(url: str) -> None:
    check(url, GUARD)
