"""A stand-in for Ory Kratos: it says what Kratos v26.2.0 was seen to say, and can be ill.

Bodies, codes and headers of `GET /sessions/whoami` are those of the real one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import aiohttp
from aiohttp import web

from api.app import create_app
from api.kratos import Kratos, client
from api.parts import ApiParts
from api.server import listening
from api.sessions import Sessions
from csms.settings import Bind
from storage.clock import Clock
from storage.records import Scope
from storage.security_records import Member
from tests.api.conftest import Answer, Api

COOKIE = "ory_kratos_session"
PASSWORD = "correct-horse-77-battery"
NOBODY = {
    "error": {
        "code": 401,
        "status": "Unauthorized",
        "reason": "No valid session credentials found in the request.",
        "message": "The request could not be authorized",
    }
}
SECOND_FACTOR = {
    "error": {
        "id": "session_aal2_required",
        "code": 403,
        "status": "Forbidden",
        "reason": "An active session was found but it does not fulfill the requested Authenticator "
        "Assurance Level. Please verify yourself with a second factor to resolve this issue.",
        "details": {"redirect_browser_to": "http://127.0.0.1/self-service/login/browser?aal=aal2"},
        "message": "Session does not fulfill the requested Authenticator Assurance Level",
    },
    "redirect_browser_to": "http://127.0.0.1/self-service/login/browser?aal=aal2",
}
Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]
Headers = Mapping[str, str]


@dataclass
class StandIn:
    """A Kratos with people in it; ``behave`` is what it does instead of answering well."""

    clock: Clock
    url: str = ""
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    behave: Behaviour | None = None
    _numbers: Any = field(default_factory=lambda: count(1))

    @contextlib.asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[StandIn]:
        app = web.Application()
        app.router.add_get("/sessions/whoami", self._whoami)
        app.router.add_get("/self-service/login/api", self._login_flow)
        app.router.add_post("/self-service/login", self._login)
        app.router.add_delete("/self-service/logout/api", self._logout)
        # What is in its hands when it goes is dropped: it may be asleep.
        runner = web.AppRunner(app, shutdown_timeout=0.05, handler_cancellation=True)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()

    def log_in(self, of: str, **more: Any) -> str:
        """Return the token, or the value of the cookie, of a new session."""
        number = next(self._numbers)
        token = f"ory_st_{number:032d}"
        now = self.clock.now()
        self.sessions[token] = whoami(of, now, **more)
        return token

    def log_out(self, token: str) -> None:
        del self.sessions[token]

    async def _login_flow(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"ui": {"action": f"{self.url}/self-service/login?flow=1"}})

    async def _login(self, request: web.Request) -> web.StreamResponse:
        """Let in whoever has the password, each with an identity of his own."""
        said = await request.json()
        if said["method"] != "password" or said["password"] != PASSWORD:
            return web.json_response({"ui": {"messages": [{"id": 4000006}]}}, status=400)
        identity = str(uuid5(NAMESPACE_URL, said["identifier"]))
        return web.json_response({"session_token": self.log_in(identity)})

    async def _logout(self, request: web.Request) -> web.StreamResponse:
        self.log_out((await request.json())["session_token"])
        return web.Response(status=204)

    async def _whoami(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(dict(request.headers))
        return await (self.behave or self.well)(request)

    async def well(self, request: web.Request) -> web.StreamResponse:
        """Say whose session it is."""
        token = request.headers.get("X-Session-Token") or next(iter(request.cookies.values()), "")
        said = self.sessions.get(token)
        if said is None:
            return web.json_response(NOBODY, status=401, headers={"Ory-Error-Id": ""})
        if said is SECOND_FACTOR:
            return web.json_response(said, status=403)
        known = {"X-Kratos-Authenticated-Identity-Id": said["identity"]["id"]}
        return web.json_response(said, headers={**known, **self.headers})


def whoami(of: str, now: datetime, **more: Any) -> dict[str, Any]:
    """Return what Kratos says of a session; ``more`` is of the session, with dots in the identity.

    Its moments have nine digits behind the second.
    """
    moment = now.strftime("%Y-%m-%dT%H:%M:%S.347290268Z")
    later = (now + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.347290268Z")
    person = {
        "id": of,
        "schema_id": "default",
        "schema_url": "http://127.0.0.1/schemas/ZGVmYXVsdA",
        "state": "active",
        "state_changed_at": moment,
        "traits": {"email": "anna@example.com"},
        "metadata_public": None,
        "created_at": moment,
        "updated_at": moment,
        "organization_id": None,
    }
    person |= more.pop("identity", {})
    return {
        "id": "635bfe9d-3ec7-4ae6-82c9-74aca76847e8",
        "active": True,
        "expires_at": later,
        "authenticated_at": moment,
        "authenticator_assurance_level": "aal1",
        "authentication_methods": [{"method": "password", "aal": "aal1", "completed_at": moment}],
        "issued_at": moment,
        "identity": person,
        "devices": [{"id": "0f3f18d7-274d-450d-94b4-aa888bbb2ef0", "ip_address": "127.0.0.1:4"}],
        **more,
    }


# ---- ways to be ill ----


async def hang(_request: web.Request) -> web.StreamResponse:
    """Take the request and never answer."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("never")


def answering(status: int, text: str = "", **headers: str) -> Behaviour:
    """Answer everybody so."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def behave(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=named)

    return behave


# ---- an API beside it ----


@dataclass
class Ticks:
    """A monotonic clock that is moved by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Person:
    """Call an API with a session."""

    api: Api
    identity: str
    token: str

    async def __call__(
        self, method: str, path: str, body: Any = None, *, headers: Headers | None = None
    ) -> Answer:
        """Send the session token."""
        said = {"X-Session-Token": self.token, **(headers or {})}
        return await self.api(method, path, body, headers=said)

    async def browser(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        text: str | None = None,
        headers: Headers | None = None,
    ) -> Answer:
        """Send the cookie, as a browser does on behalf of whatever page."""
        said = {"Cookie": f"theme=dark; {COOKIE}={self.token}", **(headers or {})}
        return await self.api(method, path, body, text=text, headers=said)


@dataclass(frozen=True)
class People:
    """An API that takes sessions, and the Kratos that knows them."""

    api: Api
    kratos: StandIn
    ticks: Ticks
    _numbers: Any = field(default_factory=lambda: count(1))

    async def person(self, **more: Any) -> Person:
        """Return somebody who is logged in, and a member of nothing."""
        identity = f"461d5fe1-d705-439e-a541-{next(self._numbers):012x}"
        return Person(self.api, identity, self.kratos.log_in(identity, **more))

    async def member(
        self, role: Scope = "admin", *others: tuple[str, Scope], **more: Any
    ) -> Person:
        """Return a member of the organization, and of others."""
        person = await self.person(**more)
        for organization, as_what in ((self.api.organization_uuid, role), *others):
            await self.admit(person, organization, as_what)
        return person

    async def admit(self, person: Person, organization_uuid: str, role: Scope) -> None:
        await self.api.storage.members.put(
            Member(
                organization_uuid=organization_uuid,
                identity_id=person.identity,
                role=role,
                created_by="command-line",
                created_at=self.api.clock.now(),
            )
        )


@contextlib.asynccontextmanager
async def people_of(
    parts: ApiParts, api: Api, *, answer_seconds: float = 2.0, **more: Any
) -> AsyncIterator[People]:
    """Serve the parts of an API once more, this time with sessions."""
    ticks = Ticks()
    async with StandIn(api.clock).listening() as kratos, client() as http:
        asked = Kratos(http, kratos.url, COOKIE, api.clock, answer_seconds)
        sessions = Sessions(asked, COOKIE, api.clock, monotonic=ticks, **more)
        parts = replace(parts, sessions=sessions, public_http_url="https://ours.example")
        async with (
            listening(create_app(parts), Bind("127.0.0.1", 0)) as bind,
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        ):
            served = replace(api, session=session, base=f"http://{bind}", parts=parts)
            yield People(served, kratos, ticks)
            await sessions.close()
