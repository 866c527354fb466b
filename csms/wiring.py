"""Build the whole server from its settings, in one place and by plain arguments."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from functools import partial
from random import random

import structlog
from prometheus_client import CollectorRegistry

from api.app import ApiParts, create_app
from api.metering.census import Census
from api.metering.collector import metering
from api.metering.exposition import Metered
from api.metering.sources import Sources
from api.rates import RateLimits
from api.server import listening
from api.sessions import open_sessions
from csms.admission import Admission, no_authorities, records_of
from csms.attempts import Attempts
from csms.authority import authority_of
from csms.books import open_books
from csms.certificates import Take, taking
from csms.door_profiles import door_profiles, warnings
from csms.frames import Limits
from csms.gateway import Door, Gateway
from csms.keeping import kept
from csms.lines import render
from csms.registry import Registry
from csms.reported_events import hearing
from csms.retention import Pace
from csms.security_events import SecurityEvents
from csms.settings import Bind, SettingError, Settings
from csms.signing import SigningParts
from csms.spans import Spans
from csms.tls import ListenerTls, TlsFiles
from csms.traced import TracedRegistry, linking_of
from csms.tracing import tracing
from proxy.addresses import AddressGuard
from proxy.commissioning import Commissioning
from proxy.following import Links
from proxy.parts import RelayParts
from proxy.policy import KEPT
from proxy.provisioning import FIRST, Provisioning
from proxy.relays import Relays
from proxy.rollouts import Rollouts
from proxy.store_door import StoreDoor
from proxy.timings import Timings
from storage.bus import JournalBus
from storage.clock import Clock, SystemClock
from storage.exporter import Exporter
from storage.exporting import ExportParts
from storage.sinks.opening import open_sink
from storage.sinks.port import Outside
from storage.store import Storage, new_uuid

log = structlog.get_logger("ringmain")


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers: where, and what it is made of."""

    http: Bind
    ocpp: Bind
    storage: Storage
    registry: Registry
    # Of the listener for chargers, where it speaks TLS itself.
    tls: ListenerTls | None

    def reload(self) -> None:
        """Take up files that have changed, as SIGHUP asks for; links go on."""
        if self.tls is not None:
            self.tls.ask()


@contextlib.asynccontextmanager
async def running(
    settings: Settings,
    clock: Clock | None = None,
    timings: Timings | None = None,
    answer_seconds: float = 30.0,
    pace: Pace | None = None,
) -> AsyncIterator[Running]:
    """Run the server until the context ends; both listeners are bound when it begins.

    ``answer_seconds`` is how long a charger has to answer the platform; ``pace`` is when what is
    old is removed.
    """
    clock = clock or SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        spans = await enter(tracing(settings.traces_url))
        registry = TracedRegistry(spans) if spans else Registry()
        storage = await enter(kept(settings, clock, pace, KEPT))
        parts = _relay_parts(settings, storage, clock, timings or Timings(), registry, spans)
        relays = await enter(Relays(parts))
        outside = Outside(StoreDoor(parts.guard), gcp_token_uri=settings.gcp_token_uri)
        exporter = await enter(Exporter(export_parts(storage, outside, clock)).running())
        tls = await enter(_tls(settings, clock))
        door = _door(settings, parts.limits, tls, answer_seconds, spans)
        provisioning, rollouts = await enter(commissioned(storage, relays, registry, clock))
        events = SecurityEvents(storage.audit, clock)
        admission = await _admission(storage, events, clock, tls)
        desk = await enter(taking(_signing_parts(settings, parts, registry, events, tls)))
        gateway = _gateway(door, registry, relays, provisioning, events, admission, desk.take)
        ocpp = await enter(_bound("RINGMAIN_OCPP_BIND", settings.ocpp_bind, gateway.listening()))
        sessions = await enter(open_sessions(settings.kratos_url, settings.kratos_cookie, clock))
        api_parts = _api_parts(
            settings, ocpp, registry, relays, events, exporter, outside, provisioning, rollouts
        )
        metered = await enter(_metering(storage, registry, relays, exporter, gateway, events))
        api_parts = replace(api_parts, sessions=sessions, metered=metered)
        http = await enter(_answering(settings, api_parts, spans))
        log.info("ready", http=f"http://{http}", ocpp=f"{settings.ocpp_scheme}://{ocpp}")
        for told in warnings(await storage.chargers.profiles(), api_parts.profiles):
            log.warning("attention", what=told)
        yield Running(http, ocpp, storage, registry, tls)


@contextlib.asynccontextmanager
async def _bound(
    name: str, bind: Bind, listener: AbstractAsyncContextManager[Bind]
) -> AsyncIterator[Bind]:
    """Begin to listen; raise SettingError that names the setting where that cannot be."""
    try:
        bound = await listener.__aenter__()
    except OSError as fault:
        told = f"{name}: {bind} cannot be listened at ({os.strerror(fault.errno or 0)})."
        raise SettingError(f"{told} `ringmain doctor` tells more.") from fault
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_exit(listener)
        yield bound


@contextlib.asynccontextmanager
async def _answering(
    settings: Settings, parts: ApiParts, spans: Spans | None
) -> AsyncIterator[Bind]:
    app = create_app(parts, rates=_rates(settings), spans=spans)
    bind = settings.http_bind
    async with _bound("RINGMAIN_HTTP_BIND", bind, listening(app, bind)) as bound:
        yield bound


def _relay_parts(
    settings: Settings,
    storage: Storage,
    clock: Clock,
    timings: Timings,
    registry: Registry,
    spans: Spans | None,
) -> RelayParts:
    guard = AddressGuard(
        settings.allowed_target_networks, allow_insecure=settings.allow_insecure_targets
    )
    limits = Limits(max_bytes=settings.max_frame_bytes)
    return RelayParts(
        storage=storage,
        guard=guard,
        clock=clock,
        limits=limits,
        timings=timings,
        news=registry.news,
        linking=linking_of(spans, "target"),
    )


async def _admission(
    storage: Storage, events: SecurityEvents, clock: Clock, tls: ListenerTls | None
) -> Admission:
    """Return who decides who is let in, with what is known of who was."""
    attempts = Attempts(asyncio.get_running_loop().time)
    await attempts.recall(storage.chargers, clock.now())
    authorities = tls.authorities if tls else no_authorities
    return Admission(records_of(storage), attempts, events, clock, authorities)


def export_parts(storage: Storage, outside: Outside, clock: Clock) -> ExportParts:
    """Return what exports of the message log work with."""
    return ExportParts(
        sinks=storage.sinks,
        bus=JournalBus(storage.database, storage.journal),
        open_sink=partial(open_sink, outside=outside),
        render=render,
        clock=clock,
        random=random,
    )


@contextlib.asynccontextmanager
async def commissioned(
    storage: Storage, links: Links, registry: Registry, clock: Clock
) -> AsyncIterator[tuple[Provisioning, Rollouts]]:
    """Run what installs connection details: at new chargers, and at sites."""
    async with (
        Commissioning(storage, links, clock).running() as commissioning,
        Provisioning(commissioning, new_uuid).running() as provisioning,
        Rollouts(commissioning, registry.__contains__, new_uuid).running() as rollouts,
    ):
        yield provisioning, rollouts


def _signing_parts(
    settings: Settings,
    parts: RelayParts,
    registry: Registry,
    events: SecurityEvents,
    tls: ListenerTls | None,
) -> SigningParts:
    return SigningParts(
        storage=parts.storage,
        registry=registry,
        events=events,
        clock=parts.clock,
        new_id=new_uuid,
        authority=authority_of(settings),
        door=tls.authorities if tls else no_authorities,
    )


def _gateway(
    door: Door,
    registry: Registry,
    relays: Relays,
    provisioning: Provisioning,
    events: SecurityEvents,
    admission: Admission,
    take: Take,
) -> Gateway:
    parts = relays.parts
    books = open_books(
        parts.storage,
        parts.clock,
        settling=parts.timings.settling,
        hearing={FIRST: provisioning.heard, **hearing(events)},
        take_request=take,
        unknown=events.note_unknown_transaction,
    )
    journal = parts.storage.journal
    return Gateway(
        door,
        registry=registry,
        books=books,
        journal=journal,
        relaying=relays,
        events=events,
        admission=admission,
    )


def _api_parts(
    settings: Settings,
    ocpp: Bind,
    registry: Registry,
    relays: Relays,
    events: SecurityEvents,
    exporter: Exporter,
    outside: Outside,
    provisioning: Provisioning,
    rollouts: Rollouts,
) -> ApiParts:
    return ApiParts(
        storage=relays.parts.storage,
        registry=registry,
        relays=relays,
        events=events,
        guard=relays.parts.guard,
        exports=exporter,
        outside=outside,
        commissioning=rollouts.commissioning,
        provisioning=provisioning,
        rollouts=rollouts,
        clock=relays.parts.clock,
        new_id=new_uuid,
        public_ocpp_url=settings.public_ocpp_url or f"{settings.ocpp_scheme}://{ocpp}",
        public_http_url=settings.public_http_url or "",
        profiles=door_profiles(settings),
    )


def _metering(
    storage: Storage,
    registry: Registry,
    relays: Relays,
    exporter: Exporter,
    gateway: Gateway,
    events: SecurityEvents,
) -> AbstractAsyncContextManager[Metered]:
    """Watch all that is counted, and show it."""
    sources = Sources(
        storage=storage,
        clock=relays.parts.clock,
        registry=registry,
        gateway=gateway,
        relays=relays,
        events=events,
        census=Census(storage, relays, exporter),
    )
    return metering(sources, CollectorRegistry())


def _rates(settings: Settings) -> RateLimits:
    return RateLimits(settings.rate_limit, trusted_proxies=settings.trusted_proxies)


def _tls(settings: Settings, clock: Clock) -> AbstractAsyncContextManager[ListenerTls | None]:
    """Return the TLS of the listener for chargers, if it has any."""
    if not settings.secured:
        return contextlib.nullcontext()
    files = TlsFiles(
        settings.tls_cert, settings.tls_key, settings.tls_client_ca, settings.tls_preset
    )
    return ListenerTls(files, clock).watched()


def _door(
    settings: Settings,
    limits: Limits,
    tls: ListenerTls | None,
    answer_seconds: float,
    spans: Spans | None,
) -> Door:
    return Door(
        bind=settings.ocpp_bind,
        trusted_proxies=settings.trusted_proxies,
        client_cert_header=settings.client_cert_header,
        unknown_charger_status=settings.unknown_charger_status,
        tls=tls.context if tls else None,
        limits=limits,
        answer_seconds=answer_seconds,
        linking=linking_of(spans, "charger"),
    )
