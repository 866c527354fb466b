"""The program in a process of its own, without a second of imports: see `tests.nursery`."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent


class Program:
    """A process of the program: of asyncio's own, what the tests use."""

    def __init__(
        self,
        pid: int,
        stdout: asyncio.StreamReader,
        stderr: asyncio.StreamReader,
        told: asyncio.StreamReader,
    ) -> None:
        self.pid = pid
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None
        self._ended = asyncio.create_task(self._end(told))

    async def _end(self, told: asyncio.StreamReader) -> int:
        self.returncode = int(await told.readline())
        await told.read()
        return self.returncode

    async def wait(self) -> int:
        """Wait for its end and return the exit code; below zero it is the signal that ended it."""
        return await asyncio.shield(self._ended)

    async def communicate(self) -> tuple[bytes, bytes]:
        """Return all that it has still to say."""
        out, err, _ = await asyncio.gather(self.stdout.read(), self.stderr.read(), self.wait())
        return out, err

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal; raise ProcessLookupError where it has ended."""
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


async def start(*arguments: str, environment: Mapping[str, str]) -> Program:
    """Start `ringmain` with these arguments in this environment, and nothing of ours."""
    pipes = [os.pipe() for _ in range(3)]
    request = json.dumps({"arguments": arguments, "environment": dict(environment)}).encode()
    socket.send_fds(nursery(), [request], [write for _, write in pipes])
    for _, write in pipes:
        os.close(write)
    out, err, told = [await _reader(read) for read, _ in pipes]
    return Program(int(await told.readline()), out, err, told)


@cache
def nursery() -> socket.socket:
    """Return where to ask for programs; who listens there ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener = subprocess.Popen(
        [sys.executable, "-m", "tests.nursery", str(theirs.fileno())],
        cwd=ROOT,
        pass_fds=[theirs.fileno()],
        start_new_session=True,  # Ctrl-C is meant for pytest
    )
    theirs.close()
    atexit.register(listener.wait)
    atexit.register(ours.close)  # the last one comes first
    return ours


async def _reader(file: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(file, "rb", 0)
    )
    return reader
