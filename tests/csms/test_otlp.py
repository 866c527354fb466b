from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from opentelemetry.sdk.trace.export import SpanExportResult

from csms import otlp, tracing
from csms.spans import NOWHERE
from tests.csms.receiver import receiving


async def test_what_fails_is_told_by_its_kind_alone() -> None:
    async with receiving() as receiver, tracing.tracing(receiver.url) as spans:
        assert spans is not None
        with pytest.raises(ValueError, match="SECRET"), spans.span("x", "internal", {}):
            raise ValueError("SECRET")

    [told] = receiver.spans
    assert told.failed
    assert b"SECRET" not in receiver.bodies[0]
    assert b"ValueError" in receiver.bodies[0]


async def test_only_so_much_is_kept_in_mind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "MOST_SAID", 2)
    async with receiving() as receiver, tracing.tracing(receiver.url) as spans:
        assert spans is not None
        for position in (1, 2, 3):
            with spans.span(f"said {position}", "server", {}, said=position, of=NOWHERE):
                pass
        for position in (1, 3):
            with spans.span(f"copy {position}", "client", {}, of=position):
                pass

    assert receiver.named("copy 3").parent == receiver.named("said 3").id
    assert receiver.named("copy 1").parent == b""


async def sent(exporter: otlp.Exporter) -> bool:
    return await asyncio.to_thread(exporter.export, []) is SpanExportResult.SUCCESS


async def test_an_outage_is_one_line_however_long_it_lasts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with receiving() as receiver:
        exporter = otlp.Exporter(receiver.url, 0.5)  # too short for another try after a pause
        assert await sent(exporter)
    assert [await sent(exporter) for _ in range(3)] == [False] * 3
    assert len(caplog.records) == 1
    async with receiving(urlsplit(receiver.url).port or 0):
        assert await sent(exporter)
    assert not await sent(exporter)
    exporter.shutdown()

    assert len(caplog.records) == 2
