"""
Follow the message log from beside the server, whichever database it is.

Where nothing comes it is asked for the newest position now and then, which one step in an index
answers; what has come is read from there.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import date

from csms.log_lines import Lines
from storage.errors import StorageUnavailable
from storage.exchanges import Bounds
from storage.repositories.log import Entry, Log, Wanted

# Between two looks, in s: soon after something came, later where nothing does.
SOONEST, LATEST = 0.1, 1.0
# Where nobody says since when, how many positions are looked through for what came before.
LOOKED_BACK = 1_000_000
# Where a pattern is looked for each message has to be written first: a few seconds.
SEARCHED_BACK = 100_000

Tell = Callable[[str], None]


class Tail:
    """What is followed, and how it is shown; ``complain`` is told what is no line of the log."""

    def __init__(
        self,
        log: Log,
        wanted: Wanted,
        lines: Lines,
        tell: Tell,
        complain: Tell,
        grep: re.Pattern[str] | None = None,
    ) -> None:
        self._log, self._wanted, self._grep = log, wanted, grep
        self._lines, self._say, self._complain = lines, tell, complain
        self._day: date | None = None

    async def past(self, count: int, looked_back: int | None = None) -> int:
        """Show so many of what there is, oldest first; return the position up to which that is."""
        if looked_back is None:
            looked_back = LOOKED_BACK if self._grep is None else SEARCHED_BACK
        bounds = await self._log.bounds(self._wanted)
        head = min(await self._log.newest(), bounds.through)
        begin = await self._begin(Bounds(bounds.after, head), count, looked_back)
        async for page in self._log.forwards(self._wanted, begin, head):
            self._tell(self._shown(page.entries))
        return head

    async def _begin(self, bounds: Bounds, count: int, looked_back: int) -> int:
        """Return the position behind which the last so many are; only those are kept in mind."""
        begin, found = bounds.through, 0
        async for page in self._log.backwards(self._wanted, *bounds):
            if found >= count:
                break
            if self._wanted.since is None and bounds.through - page.reached > looked_back:
                told = f"The newest {looked_back} messages were looked through"
                self._complain(f"{told}; --since looks further.")
                break
            places = [each.message.seq for each in page.entries if self._is_wanted(each)]
            if last := places[found - count :]:
                begin, found = last[0] - 1, found + len(last)
        return begin

    async def follow(self, after: int) -> None:
        """Show what comes behind a position, until cancelled."""
        async for entries in self._coming(after):
            self._tell(self._shown(entries))

    async def _coming(self, after: int) -> AsyncIterator[Iterable[Entry]]:
        rest, away = SOONEST, False
        while True:
            try:
                head = await self._log.newest()
                async for page in self._log.forwards(self._wanted, after, head):
                    after, rest = page.reached, SOONEST
                    yield page.entries
                after, away = max(after, head), False
            except StorageUnavailable as fault:
                if not away:
                    self._complain(f"{fault} It goes on when the database is back.")
                away = True
            await asyncio.sleep(rest)
            rest = min(2 * rest, LATEST)

    def _shown(self, entries: Iterable[Entry]) -> Iterable[tuple[date, str]]:
        for entry in entries:
            if self._is_wanted(entry):
                yield entry.message.timestamp.date(), self._lines.line(entry)

    def _is_wanted(self, entry: Entry) -> bool:
        """Tell whether the pattern is in the line as it would be if it were as long as it is."""
        return self._grep is None or bool(self._grep.search(_PLAIN.line(entry)))

    def _tell(self, shown: Iterable[tuple[date, str]]) -> None:
        for day, line in shown:
            if self._lines.width and day != self._day:
                self._day = day
                self._say(self._lines.day(day))
            self._say(line)


_PLAIN = Lines()
