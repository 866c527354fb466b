"""Send spans by OTLP over HTTP, with the OpenTelemetry SDK: an extra that need not be installed.

They are sent in a thread of their own; where nobody takes them they are dropped.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from threading import Thread

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import SpanKind, StatusCode

from csms.spans import Kind, Note

_KINDS: Mapping[Kind, SpanKind] = {
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "internal": SpanKind.INTERNAL,
}
MOST_SAID = 10_000  # positions in mind: what was said there may yet be told to a target
MOST_WAITING = 2048  # spans that are to be sent
SENT_WITHIN = 5.0  # s
_PAUSE_MS = 1000
THREAD = "traces"


class _OneLine(logging.Filter):
    """Let the first line of an outage through, and none until the next one."""

    def __init__(self) -> None:
        super().__init__()
        self.told = False

    def filter(self, _record: logging.LogRecord) -> bool:
        """Tell whether it is the first."""
        first, self.told = not self.told, True
        return first


class Exporter(OTLPSpanExporter):
    """Send spans; an outage of the receiver is one line of the log, however long it lasts."""

    def __init__(self, url: str, timeout: float) -> None:
        super().__init__(endpoint=url, timeout=timeout)
        self._outage = _OneLine()
        self._log = logging.getLogger(OTLPSpanExporter.__module__)
        self._log.addFilter(self._outage)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them; where that works an outage is over."""
        result = super().export(spans)
        if result is SpanExportResult.SUCCESS:
            self._outage.told = False
        return result

    def shutdown(self) -> None:
        """End, and leave the log as it was."""
        super().shutdown()  # type: ignore[no-untyped-call]  # the library says no types
        self._log.removeFilter(self._outage)


class OtlpSpans:
    """Trace to one receiver."""

    def __init__(self, url: str) -> None:
        told = {"service.name": "ringmain", "service.version": version("ringmain")}
        # At the end of the process it would wait for the receiver, however long that takes.
        self._provider = TracerProvider(resource=Resource.create(told), shutdown_on_exit=False)
        exporter = Exporter(url, SENT_WITHIN)
        self._provider.add_span_processor(
            BatchSpanProcessor(
                exporter, max_queue_size=MOST_WAITING, schedule_delay_millis=_PAUSE_MS
            )
        )
        self._tracer = self._provider.get_tracer("ringmain")
        self._said: OrderedDict[int, Context] = OrderedDict()

    @contextmanager
    def span(
        self,
        name: str,
        kind: Kind,
        attributes: Mapping[str, str | int],
        *,
        said: int | None = None,
        of: int | None = None,
    ) -> Iterator[Note]:
        """Trace what lasts as long as the context; of what it raises only the kind is told."""
        within = None if of is None else self._said.get(of, Context())
        with self._tracer.start_as_current_span(
            name,
            context=within,
            kind=_KINDS[kind],
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            if said is not None:
                self._keep(said, trace.set_span_in_context(span, Context()))
            try:
                yield span.set_attribute
            except BaseException as fault:
                span.set_status(StatusCode.ERROR, type(fault).__name__)
                raise

    def _keep(self, position: int, context: Context) -> None:
        self._said[position] = context
        if len(self._said) > MOST_SAID:
            self._said.popitem(last=False)

    def close(self, ended: Callable[[], object]) -> None:
        """Begin to send what is left and to end; ``ended`` is called in another thread."""

        def end() -> None:
            self._provider.shutdown()
            ended()

        # Not one of the loop's threads: its end would wait for it.
        Thread(target=end, name=THREAD, daemon=True).start()
