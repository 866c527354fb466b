"""Write the message log as JSON Lines, as data connectors export it: to a file, or to a stream."""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from csms.errors import RingmainError
from csms.lines import render
from csms.progress import Advance
from storage.repositories.log import Log, Wanted

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_LEVEL = 6  # of gzip


class NotWritten(RingmainError):
    """The file could not be written."""


class Span(NamedTuple):
    """Positions behind one and through another one: what there was when the export began."""

    after: int
    through: int


async def span_of(log: Log, wanted: Wanted) -> Span:
    """Return where what is wanted lies by now; what comes later is not of this export."""
    bounds = await log.bounds(wanted)
    return Span(bounds.after, min(bounds.through, await log.newest()))


async def export(
    log: Log,
    wanted: Wanted,
    span: Span,
    to: BinaryIO,
    advance: Advance,
    grep: re.Pattern[str] | None = None,
) -> int:
    """Write all lines in order and return how many; what is held in memory is one page."""
    written, reached = 0, span.after
    async for page in log.forwards(wanted, *span):
        lines = [render(entry.message) for entry in page.entries]
        if grep is not None:
            lines = [line for line in lines if grep.search(line.decode())]
        to.writelines(b"%b\n" % line for line in lines)
        written += len(lines)
        advance(page.reached - reached, f"{written} lines")
        reached = page.reached
    return written


@contextlib.contextmanager
def into(path: Path) -> Iterator[BinaryIO]:
    """Open a file that is in its place when all is written, else as it was; .gz is compressed."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        # What chargers said is for who exported it.
        with os.fdopen(os.open(draft, _NEW, 0o600), "wb") as file:
            with _compressed(file) if path.suffix == ".gz" else contextlib.nullcontext(file) as to:
                yield to
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as fault:
        reason = fault.strerror or type(fault).__name__
        raise NotWritten(f"{path} cannot be written: {reason}.") from fault
    finally:
        draft.unlink(missing_ok=True)


def _compressed(file: BinaryIO) -> contextlib.AbstractContextManager[BinaryIO]:
    # Without a name or a time in it: the same lines are the same file.
    made = gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=file, mtime=0)
    return cast("contextlib.AbstractContextManager[BinaryIO]", made)
