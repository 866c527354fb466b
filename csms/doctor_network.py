"""What the doctor looks at outside: addresses of the settings, targets, stores, and clocks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import aiohttp

from csms.doctor_findings import Finding, failure, ok, skipped, warning
from csms.doctor_patient import Patient
from storage.exporting import Open
from storage.repositories.proxy_configurations import Destination
from storage.sink_probe import probe

_AT_ONCE, _MOST = 8, 50
_SECONDS = 5.0
_NOTICED, _TOO_FAR = 5.0, 60.0  # s between two clocks
_DEFAULT_PORTS = {"https": 443, "http": 80, "wss": 443, "ws": 80}
# Addresses that a server of ours asks or tells something.
_URLS: Mapping[str, str] = {
    "ca_url": "RINGMAIN_CA_URL",
    "kratos_url": "RINGMAIN_KRATOS_URL",
    "traces_url": "RINGMAIN_TRACES_URL",
}

T = TypeVar("T")


class Knock(Protocol):
    """What came of a knock at a target."""

    @property
    def ok(self) -> bool:
        """Tell whether it opened."""

    @property
    def told(self) -> str:
        """Say what came of it."""

    @property
    def ahead(self) -> float | None:
        """Tell how far the clock there is ahead."""


Knocking = Callable[[str, str | None, str | None], Awaitable[Knock]]


async def _each(
    work: Callable[[T], Awaitable[Sequence[Finding]]], items: Sequence[T]
) -> list[Finding]:
    """Look at many, some at a time."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(item: T) -> Sequence[Finding]:
        async with places:
            return await work(item)

    return [each for found in await asyncio.gather(*map(one, items)) for each in found]


# ---- addresses of the settings ----


async def urls(patient: Patient) -> Sequence[Finding]:
    """Look whether somebody listens at each address that a setting names."""
    given = [
        (variable, str(url))
        for name, variable in _URLS.items()
        if (url := getattr(patient.settings, name, None))
    ]
    if not given:
        return []
    if not patient.network:
        return [skipped("--no-network")]

    async def look(each: tuple[str, str]) -> Sequence[Finding]:
        return [await _reached(*each)]

    return await _each(look, given)


async def _reached(variable: str, url: str) -> Finding:
    """Connect without asking for anything; the address may hold a password, and is not told."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]
    try:
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=parts.scheme == "https")
        writer.transport.abort()
    except TimeoutError:
        reason = f"no connection within {_SECONDS:g} s"
    except OSError as fault:
        reason = getattr(fault, "verify_message", None) or fault.strerror or type(fault).__name__
    else:
        return ok(f"{variable}: {host}:{port} answers.")
    told = f"{variable}: {host}:{port} cannot be reached: {reason}."
    return failure(told, "See whether it runs, and whether a firewall is in between.")


# ---- targets ----


async def targets(patient: Patient, knock: Knocking) -> Sequence[Finding]:
    """Knock at each host that enabled proxy configurations lead to."""
    if patient.storage is None:
        return [skipped(f"They cannot be looked up: {patient.closed}.")]
    if not patient.network:
        return [skipped("--no-network")]
    found = await patient.storage.proxy_configurations.destinations()
    hosts = list({_host(each): each for each in found}.values())

    async def look(each: Destination) -> Sequence[Finding]:
        return [await _knocked(patient, each, knock)]

    told = await _each(look, hosts[:_MOST])
    if len(hosts) > _MOST:
        told.append(skipped(f"{len(hosts) - _MOST} further hosts were not looked at."))
    return told or [ok("No charger is proxied.")]


def _host(each: Destination) -> tuple[Any, ...]:
    parts = urlsplit(each.target_websocket_url)
    return parts.scheme, parts.hostname, parts.port, each.ca_certificate, each.domain


async def _knocked(patient: Patient, each: Destination, knock: Knocking) -> Finding:
    parts = urlsplit(each.target_websocket_url)
    name = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
    came = await knock(each.target_websocket_url, each.ca_certificate, each.domain)
    if came.ahead is not None:
        patient.heard[str(parts.hostname)] = came.ahead
    if came.ok:
        return ok(f"{name}: {came.told}")
    advice = (
        "`POST …/proxy_configurations/{id}/test` tells each step as the charger's link takes it."
    )
    return failure(f"{name}: {came.told}", advice)


# ---- stores ----


async def sinks(patient: Patient, open_sink: Open) -> Sequence[Finding]:
    """Store and remove one object by each enabled data connector, where that was asked for."""
    if patient.storage is None:
        return [skipped(f"They cannot be looked up: {patient.closed}.")]
    found = await patient.storage.sinks.enabled()
    if not found:
        return [ok("No data connector is enabled.")]
    if not (patient.probe_sinks and patient.network):
        return [skipped(f"{len(found)} enabled; --probe-sinks writes and deletes an object each.")]

    async def look(sink: Any) -> Sequence[Finding]:
        failed = [step for step in await probe(open_sink, sink, _SECONDS * 2) if not step.ok]
        if not failed:
            return [ok(f"{sink.name}: an object was stored and removed.")]
        told = f"{sink.name} ({sink.type}): {failed[0].detail}"
        return [failure(told, "Correct the connector, or its rights there (docs/connectors.md).")]

    return await _each(look, found)


# ---- clocks ----


async def clock(patient: Patient) -> Sequence[Finding]:
    """Compare our clock with those that were heard of meanwhile; nobody else is asked."""
    heard = dict(patient.heard)
    if (kratos := patient.settings.kratos_url) and patient.network:
        ahead = await _ahead(kratos)
        heard |= {} if ahead is None else {"Ory Kratos": ahead}
    if not heard:
        return [skipped("Nobody was heard of who tells the time.")]
    found = []
    for whose, ahead in heard.items():
        if abs(ahead) > _NOTICED:
            word = "behind" if ahead > 0 else "ahead of"
            told = f"This machine's clock is {abs(ahead):.0f} s {word} that of {whose}."
            advice = "See whether both keep time (`timedatectl`, chrony)."
            find = failure if abs(ahead) > _TOO_FAR else warning
            found.append(find(told, advice))
    return found or [ok(f"It agrees with {', '.join(sorted(heard))}.")]


async def _ahead(url: str) -> float | None:
    """Return how far the clock behind an address is ahead, None where it does not say."""
    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=_SECONDS), trust_env=False
            ) as session,
            session.head(url, allow_redirects=False) as answer,
        ):
            told = parsedate_to_datetime(answer.headers.get("Date", ""))
            return (told - datetime.now(UTC)).total_seconds()
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, TypeError):
        return None
