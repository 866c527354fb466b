"""Which pages are ours: the same host and port, or what the operator says browsers reach us by."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from api.errors import Forbidden, NotJson
from api.origins import Place, place_of, refuse_forged

PUBLIC = "https://charging.example/ringmain"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://a.example", Place("a.example", 80)),
        ("https://A.example", Place("a.example", 443)),
        ("https://a.example:8443/page?x#y", Place("a.example", 8443)),
        ("http://[::1]:8080", Place("::1", 8080)),
        ("null", None),
        ("", None),
        ("file:///etc/passwd", None),
        ("chrome-extension://abc", None),
        ("http://a.example:99999", None),
        ("http://a.example:x", None),
        ("http://ours@evil.example", None),
        ("http://", None),
        ("http://[::1", None),
    ],
)
def test_where_a_page_is_from(url: str, place: Place | None) -> None:
    assert place_of(url) == place


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://api.example:8080"},
        {"Referer": "https://api.example:8080/console/?page=1"},
        {"Origin": "https://charging.example"},
        {"Referer": "https://charging.example/console"},
    ],
    ids=repr,
)
def test_our_own_pages_may_write(headers: dict[str, str]) -> None:
    refuse_forged(_request("POST", **headers, **JSON), PUBLIC)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://evil.example"},
        # In clear, while browsers reach us by TLS.
        {"Origin": "http://api.example:8080"},
        {"Referer": "http://api.example:8080/console"},
        {"Origin": "http://api.example"},
        {"Origin": "http://api.example:8081"},
        {"Origin": "http://api.example:8080.evil.example"},
        {"Origin": "http://evil.api.example:8080"},
        {"Origin": "http://charging.example"},
        {"Referer": "http://evil.example/?http://api.example:8080"},
        # The origin counts, whatever else is said.
        {"Origin": "null", "Referer": "http://api.example:8080/"},
    ],
    ids=repr,
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_no_other_page_may(method: str, headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden):
        refuse_forged(_request(method, **headers, **JSON), PUBLIC)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "text/plain; application/json", ""]
)
def test_what_a_form_could_send_is_refused_also_from_our_own_pages(kind: str) -> None:
    said = {"Origin": "https://api.example:8080", "Content-Type": kind}
    with pytest.raises(NotJson):
        refuse_forged(_request("DELETE", **said), PUBLIC)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_who_reads_need_not_say_where_he_is(method: str) -> None:
    refuse_forged(_request(method), PUBLIC)


@pytest.mark.parametrize("public", ["", "http://charging.example"])
def test_in_clear_is_ours_where_nothing_else_is_said(public: str) -> None:
    for said in ({"Origin": "http://api.example:8080"}, {"Referer": "https://api.example:8080/a"}):
        refuse_forged(_request("POST", **said, **JSON), public)


def test_without_a_public_address_only_the_host_counts() -> None:
    with pytest.raises(Forbidden):
        refuse_forged(_request("POST", Origin="https://charging.example", **JSON), "")


def _request(method: str, **headers: str) -> web.Request:
    return make_mocked_request(method, "/", headers={"Host": "api.example:8080", **headers})
