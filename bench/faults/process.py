"""A server that is started, killed and started again on the same data and the same ports."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench.faults.ground import Ground

READY_S = 30.0
_MIB = 1024


class ServerProcess:
    """One data directory's server; ``peak_mib`` is the most memory that any life of it had."""

    def __init__(
        self,
        ground: Ground,
        timings: dict[str, float],
        command_s: float | None = None,
        module: str = "bench.faults.server",
    ) -> None:
        self._module = module
        self.http, self.ocpp = (f"127.0.0.1:{free_port()}" for _ in range(2))
        self.environment = {
            "PATH": os.environ["PATH"],
            "RINGMAIN_DATA_DIR": str(ground.data_dir),
            "RINGMAIN_DATABASE_URL": ground.url.render_as_string(hide_password=False),
            "RINGMAIN_HTTP_BIND": self.http,
            "RINGMAIN_OCPP_BIND": self.ocpp,
            "RINGMAIN_LOG_FORMAT": "json",
            "RINGMAIN_ALLOW_INSECURE_TARGETS": "true",
            "RINGMAIN_ALLOWED_TARGET_NETWORKS": "127.0.0.0/8",
            "FAULTS_TIMINGS": json.dumps(timings),
        }
        if command_s is not None:
            self.environment["FAULTS_COMMAND_TIMEOUT"] = str(command_s)
        self._process: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None
        self.peak_mib = 0.0
        self.slowest_start_s = 0.0
        self.logged: Counter[str] = Counter()  # events by name
        self.errors: list[dict[str, Any]] = []
        self.returns: list[float] = []  # when storage could be written to again
        self.lags: list[tuple[float, float]] = []  # (when, how late the event loop was), in s

    async def start(self, crash: str = "") -> None:
        """Start and wait until it is ready; ``crash`` is ``point:n``."""
        began = time.monotonic()
        environment = {**self.environment, **({"FAULTS_CRASH": crash} if crash else {})}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            env=environment,
            stderr=asyncio.subprocess.PIPE,
            limit=1 << 22,
        )
        ready = asyncio.Event()
        self._watching = asyncio.create_task(self._watch(self._process, ready))
        waiting = asyncio.ensure_future(ready.wait())
        await asyncio.wait(
            (waiting, self._watching), timeout=READY_S, return_when=asyncio.FIRST_COMPLETED
        )
        waiting.cancel()
        if not ready.is_set() and not crash:
            raise RuntimeError(f"the server did not start: {self.errors[-3:]}")
        self.slowest_start_s = max(self.slowest_start_s, time.monotonic() - began)

    async def kill(self) -> None:
        """End it with SIGKILL and wait for that."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self.ended()

    async def stop(self) -> None:
        """End it with SIGTERM."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                async with asyncio.timeout(30):
                    await self.ended()
            except TimeoutError:
                await self.kill()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    async def ended(self) -> None:
        """Wait until it is dead."""
        assert self._process is not None
        await self._process.wait()
        if self._watching is not None:
            await self._watching

    async def _watch(self, process: asyncio.subprocess.Process, ready: asyncio.Event) -> None:
        measuring = asyncio.create_task(self._measure(process.pid))
        assert process.stderr
        while line := await process.stderr.readline():
            self._note(line)
            if b'"event": "ready"' in line:
                ready.set()
        measuring.cancel()
        await asyncio.gather(measuring, return_exceptions=True)

    def _note(self, line: bytes) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            event = {"event": "not json", "level": "error", "line": line.decode(errors="replace")}
        self.logged[event.get("event", "")] += 1
        if event.get("event") == "storage_available":
            self.returns.append(time.monotonic())
        self.lags += map(tuple, event.get("lags", ()))
        if event.get("level") in ("error", "critical"):
            self.errors.append(event)

    async def _measure(self, pid: int) -> None:
        while True:
            with contextlib.suppress(OSError):
                self.peak_mib = max(self.peak_mib, memory_mib(pid, "VmHWM"))
            await asyncio.sleep(0.1)

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Tell whether it runs."""
        return self._process is not None and self._process.returncode is None

    def memory_mib(self) -> float:
        """Return the memory it has now."""
        return memory_mib(self.pid, "VmRSS")


def memory_mib(pid: int, what: str) -> float:
    """Return what the kernel says of a process's memory, as VmRSS or VmHWM."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / _MIB for line in lines if line.startswith(what)), 0.0)


def cpu_s(pid: int) -> float:
    """Return how many s of CPU a process has spent."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def forget_peak(pid: int) -> None:
    """Let the kernel's VmHWM of a process begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def free_port() -> int:
    """Name a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
