"""A receiver of OTLP by HTTP, which keeps what it gets."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """What was received of one span."""

    name: str
    id: bytes
    parent: bytes
    trace: bytes
    kind: int
    failed: bool
    attributes: dict[str, Any]


@dataclass
class Receiver:
    """A receiver of OTLP by HTTP."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        told = ExportTraceServiceRequest.FromString(self.bodies[-1])
        for scope in (one for each in told.resource_spans for one in each.scope_spans):
            self.spans += [_span(each) for each in scope.spans]
        return web.Response(content_type="application/x-protobuf")

    def named(self, name: str) -> Span:
        return next(each for each in self.spans if each.name == name)


def _span(told: Any) -> Span:
    attributes = {
        each.key: each.value.string_value or each.value.int_value for each in told.attributes
    }
    failed = told.status.code == 2
    ids = (told.span_id, told.parent_span_id, told.trace_id)
    return Span(told.name, *ids, told.kind, failed, attributes)


@contextlib.asynccontextmanager
async def receiving(port: int = 0) -> AsyncIterator[Receiver]:
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/v1/traces", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/traces"
    yield receiver
    await runner.cleanup()
