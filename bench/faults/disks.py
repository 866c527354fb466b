"""Disks that are full when a fault says so."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from bench.faults.ground import NotHere
from bench.faults.process import ServerProcess

SMALL_MIB = 256
_PIECE = 1 << 16


class Disk(Protocol):
    """A disk that can be filled."""

    name: str

    def fill(self) -> None:
        """Leave no room."""

    def empty(self) -> None:
        """Give the room back."""


class Pages:
    """SQLite's own bound on the pages of a file; it needs no rights."""

    name = "max_page_count"

    def __init__(self, server: ServerProcess) -> None:
        self._server = server

    def fill(self) -> None:
        """Let the file grow no further."""
        self._server.signal(signal.SIGUSR1)

    def empty(self) -> None:
        """Let it grow again."""
        self._server.signal(signal.SIGUSR2)


class SmallDisk:
    """A file system of its own, filled by a file that nobody needs."""

    name = "a full tmpfs"

    def __init__(self, folder: Path) -> None:
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Write until there is no room."""
        with contextlib.suppress(OSError), self._filler.open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(_PIECE))

    def empty(self) -> None:
        """Remove what fills it."""
        self._filler.unlink()


@contextlib.contextmanager
def small_disk(folder: Path, mib: int = SMALL_MIB) -> Iterator[SmallDisk]:
    """Mount a small disk on a folder; raise NotHere where that is not allowed."""
    folder.mkdir(exist_ok=True)
    mounted = _ran("mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=755", "ringmain", str(folder))
    if not mounted:
        raise NotHere("to mount a small tmpfs is not allowed here")
    try:
        yield SmallDisk(folder)
    finally:
        _ran("umount", "--lazy", str(folder))


def _ran(*command: str) -> bool:
    try:
        return not subprocess.run(command, check=False, capture_output=True).returncode
    except OSError:
        return False
