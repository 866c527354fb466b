"""Installations for the doctor: opened as the command does it, in a folder of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from csms.doctor_findings import Finding
from csms.doctor_patient import Patient, admitted
from storage.clock import SystemClock
from storage.store import open_storage
from tests.installations import variables


async def begun(data_dir: Path) -> None:
    """Make what a first start makes."""
    async with open_storage(data_dir, SystemClock()):
        pass


@asynccontextmanager
async def patient(data_dir: Path, **more: str) -> AsyncIterator[Patient]:
    """Open an installation of these settings for the doctor."""
    async with AsyncExitStack() as stack:
        environ = variables(data_dir, **more)
        yield await admitted(stack, SystemClock(), environ)


def states(found: Sequence[Finding]) -> list[str]:
    """Return how things are, in order."""
    return [each.state for each in found]


def told(found: Sequence[Finding]) -> str:
    """Return all that is told and advised."""
    return "\n".join(f"{each.told} {each.advice}" for each in found)
