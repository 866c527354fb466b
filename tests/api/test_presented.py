"""One credential says who asks; what a browser adds by itself counts last."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from api.errors import Unauthorized
from api.presented import Presented, presented

Pairs = list[tuple[str, str]]
KEY, TOKEN, COOKIE = ("x-api-key", "K"), ("X-Session-Token", "T"), ("Cookie", "ory=C")
BEARER = ("Authorization", "Bearer K")


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([KEY], Presented("key", "K")),
        ([BEARER], Presented("key", "K")),
        ([KEY, BEARER, KEY], Presented("key", "K")),
        ([TOKEN], Presented("token", "T")),
        ([COOKIE], Presented("cookie", "C")),
        ([("Cookie", "a=1; ory=C==;b")], Presented("cookie", "C==")),
        ([("Cookie", "a=1"), COOKIE], Presented("cookie", "C")),
        ([COOKIE, COOKIE], Presented("cookie", "C")),
        # A browser adds its cookie to whatever a page sends.
        ([KEY, COOKIE], Presented("key", "K")),
        ([TOKEN, COOKIE], Presented("token", "T")),
        ([KEY, ("Cookie", "ory=C; ory=D")], Presented("key", "K")),
        ([("Authorization", "Basic YTpi"), COOKIE], Presented("cookie", "C")),
    ],
    ids=repr,
)
def test_the_one_credential_counts(headers: Pairs, found: Presented) -> None:
    assert presented(CIMultiDict(headers), "ory") == found


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Cookie", "")],
        [("Cookie", "ory")],
        [("Cookie", "ory=")],
        [("Cookie", "ORY=C")],
        [("Cookie", "xory=C")],
        # Two do not say who asks.
        [KEY, ("x-api-key", "L")],
        [KEY, ("Authorization", "Bearer L")],
        [KEY, TOKEN],
        [("Authorization", "Bearer K"), TOKEN],
        [TOKEN, ("X-Session-Token", "U")],
        [("Cookie", "ory=C; ory=D")],
        # A wrong key is not made good by a cookie.
        [("x-api-key", "\u00e9"), COOKIE],
        # What would be more than a value in the header that Kratos gets.
        [("X-Session-Token", "T U")],
        [("X-Session-Token", "")],
        [("X-Session-Token", "T\x00")],
        [("X-Session-Token", "T" * 4097)],
        [("Cookie", 'ory="C"')],
        [("Cookie", "ory=C, other=D")],
        [("Cookie", "ory=\u00e9")],
    ],
    ids=lambda headers: repr(headers)[:60],
)
def test_none_or_two_or_a_crooked_one_let_nobody_in(headers: Pairs) -> None:
    with pytest.raises(Unauthorized):
        presented(CIMultiDict(headers), "ory")


@pytest.mark.parametrize("headers", [[TOKEN], [COOKIE]], ids=repr)
def test_without_a_kratos_sessions_say_nothing(headers: Pairs) -> None:
    with pytest.raises(Unauthorized):
        presented(CIMultiDict(headers), None)
    assert presented(CIMultiDict([KEY, *headers]), None) == Presented("key", "K")


def test_a_credential_is_not_shown() -> None:
    assert "T" not in repr(Presented("cookie", "T")).removeprefix("Presented")
