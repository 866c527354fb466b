"""What Kratos says is believed as far as it is documented, and it hears nothing but the session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from api.errors import Forbidden, Unauthorized
from api.kratos import ANSWER_SECONDS, MAX_ANSWER_BYTES, Kratos, KratosSilent, KratosUnclear, client
from api.presented import Presented
from tests.api.conftest import HandClock
from tests.kratos import COOKIE, SECOND_FACTOR, Behaviour, StandIn, answering, hang, whoami

pytestmark = pytest.mark.sqlite_only("stores nothing")

ANNA = "461d5fe1-d705-439e-a541-8b888b991b9b"


@pytest.fixture
async def stand_in(clock: HandClock) -> AsyncIterator[StandIn]:
    async with StandIn(clock).listening() as stand_in:
        yield stand_in


@pytest.fixture
async def kratos(stand_in: StandIn, clock: HandClock) -> AsyncIterator[Kratos]:
    async with client() as http:
        yield Kratos(http, stand_in.url, COOKIE, clock)


def token(secret: str) -> Presented:
    return Presented("token", secret)


async def test_a_session_is_of_an_identity_until_it_expires(
    stand_in: StandIn, kratos: Kratos, clock: HandClock
) -> None:
    secret = stand_in.log_in(ANNA)

    by_token, by_cookie = [
        await kratos.whoami(Presented(kind, secret)) for kind in ("token", "cookie")
    ]

    assert by_token == by_cookie
    assert by_token.identity_id == ANNA
    assert by_token.expires_at == clock.now() + timedelta(days=1, microseconds=347290)


async def test_kratos_gets_the_one_credential_and_no_other(
    stand_in: StandIn, kratos: Kratos
) -> None:
    for kind, name, said in (
        ("token", "X-Session-Token", "S"),
        ("cookie", "Cookie", f"{COOKIE}=S"),
    ):
        with pytest.raises(Unauthorized):
            await kratos.whoami(Presented(kind, "S"))  # type: ignore[arg-type] # of the two kinds
        heard = stand_in.asked.pop()
        assert heard.pop(name) == said
        assert set(heard) == {"Host", "Accept", "Accept-Encoding", "User-Agent"}


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (None, 5.0),
        ("7", 7.0),
        ("30", 30.0),
        ("86400", 30.0),
        ("0", 0.0),
        ("-1", 0.0),
        ("soon", 0.0),
        ("1e9", 0.0),
    ],
)
async def test_a_session_is_believed_as_long_as_kratos_says_but_never_long(
    stand_in: StandIn, kratos: Kratos, said: str | None, seconds: float
) -> None:
    stand_in.headers = {"Ory-Session-Cache-For": said} if said is not None else {}

    session = await kratos.whoami(token(stand_in.log_in(ANNA)))

    assert session.cache_seconds == seconds


@pytest.mark.parametrize(
    "more",
    [
        {"active": False},
        {"identity": {"state": "inactive"}},
        {"expires_at": "2026-11-21T10:00:00Z"},
        {"expires_at": "2026-11-21T10:59:59+01:00"},
    ],
    ids=repr,
)
async def test_a_session_that_counts_no_longer_lets_nobody_in(
    stand_in: StandIn, kratos: Kratos, more: dict[str, Any]
) -> None:
    with pytest.raises(Unauthorized):
        await kratos.whoami(token(stand_in.log_in(ANNA, **more)))


async def test_who_has_a_second_factor_is_told_to_use_it(stand_in: StandIn, kratos: Kratos) -> None:
    stand_in.sessions["half"] = SECOND_FACTOR

    with pytest.raises(Forbidden, match="second factor"):
        await kratos.whoami(token("half"))


@pytest.mark.parametrize(
    "more",
    [
        {"active": None},
        {"active": "true"},
        {"expires_at": None},
        {"expires_at": "tomorrow"},
        {"expires_at": "2026-11-22T10:00:00"},
        {"identity": None},
        {"identity": {"id": "anna"}},
        {"identity": {"id": 7}},
        {"identity": {"id": None}},
        {"identity": {"state": None}},
    ],
    ids=repr,
)
async def test_a_half_session_is_no_answer(
    stand_in: StandIn, kratos: Kratos, clock: HandClock, more: dict[str, Any]
) -> None:
    whole = whoami(ANNA, clock.now())
    identity = {**whole["identity"], **more["identity"]} if more.get("identity") else None
    said = {**whole, **more} if identity is None else {**whole, "identity": identity}

    async def behave(_request: web.Request) -> web.StreamResponse:
        return web.json_response(said)

    stand_in.behave = behave
    with pytest.raises(KratosUnclear):
        await kratos.whoami(token("any"))


ILL: dict[str, Behaviour] = {
    "500": answering(500, "{}"),
    "503": answering(503),
    "404": answering(404, "404 page not found"),
    "429": answering(429),
    "400": answering(400, "{}"),
    "a redirect": answering(302, Location="http://127.0.0.1:1/sessions/whoami"),
    "a page": answering(200, "<html>Welcome</html>", Content_Type="text/html"),
    "no object": answering(200, '["active"]'),
    "nothing": answering(200),
    "another refusal": answering(403, '{"error": {"id": "security_csrf_violation"}}'),
    "a refusal that is a page": answering(403, "<html>"),
    "a refusal that is no object": answering(403, '{"error": "no"}'),
    "too much": answering(200, " " * (MAX_ANSWER_BYTES + 1)),
    "too deep": answering(200, "[" * 100_000),
    "another identity": answering(
        200,
        str(whoami(ANNA, HandClock().now()))
        .replace("'", '"')
        .replace("True", "true")
        .replace("None", "null"),
        X_Kratos_Authenticated_Identity_Id="461d5fe1-d705-439e-a541-000000000000",
    ),
}


@pytest.mark.parametrize("behave", ILL.values(), ids=ILL)
async def test_what_is_not_documented_is_no_answer(
    stand_in: StandIn, kratos: Kratos, behave: Behaviour
) -> None:
    stand_in.behave = behave

    with pytest.raises(KratosUnclear):
        await kratos.whoami(token("any"))


async def test_a_redirect_is_not_followed(stand_in: StandIn, kratos: Kratos) -> None:
    async with StandIn(stand_in.clock).listening() as elsewhere:
        secret = elsewhere.log_in(ANNA)
        stand_in.behave = answering(307, Location=f"{elsewhere.url}/sessions/whoami")
        with pytest.raises(KratosUnclear):
            await kratos.whoami(token(secret))
        assert elsewhere.asked == []


async def test_a_proxy_of_the_surroundings_is_not_asked(
    stand_in: StandIn, kratos: Kratos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    assert (await kratos.whoami(token(stand_in.log_in(ANNA)))).identity_id == ANNA


async def test_a_cookie_that_kratos_sets_is_not_sent_for_the_next_person(
    stand_in: StandIn, kratos: Kratos
) -> None:
    stand_in.headers = {"Set-Cookie": f"{COOKIE}=annas; Path=/"}
    await kratos.whoami(token(stand_in.log_in(ANNA)))
    await kratos.whoami(token(stand_in.log_in(ANNA)))

    assert "Cookie" not in stand_in.asked[-1]


async def drip(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    await answer.write(b"{")
    return await hang(request)


async def cut(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@pytest.mark.parametrize("behave", [hang, drip, cut])
async def test_silence_ends(stand_in: StandIn, clock: HandClock, behave: Behaviour) -> None:
    stand_in.behave = behave
    async with client() as http, asyncio.timeout(10):
        with pytest.raises(KratosSilent):
            await Kratos(http, stand_in.url, COOKIE, clock, answer_seconds=0.05).whoami(
                token("any")
            )


async def test_where_nobody_listens_is_silence(clock: HandClock) -> None:
    async with client() as http:
        with pytest.raises(KratosSilent):
            await Kratos(http, "http://127.0.0.1:1", COOKIE, clock).whoami(token("any"))


def test_nobody_waits_longer_than_two_seconds() -> None:
    assert ANSWER_SECONDS == 2.0
