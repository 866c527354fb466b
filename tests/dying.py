"""Places where a server of a test dies by SIGKILL; its environment names one in `TESTS_DIES_AT`.

They wrap public methods from outside: the program knows nothing of them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from storage.repositories.certificate_requests import CertificateRequests
from storage.repositories.password_rotations import PasswordRotations

VARIABLE = "TESTS_DIES_AT"


class Place(NamedTuple):
    """Before or after a method of a class has done its work."""

    owner: type[Any]
    method: str
    after: bool


PLACES: Mapping[str, Place] = {
    "a new password is stored": Place(PasswordRotations, "begin", after=True),
    "its answer is read": Place(PasswordRotations, "settle", after=False),
    "it is settled": Place(PasswordRotations, "settle", after=True),
    "a request is stored": Place(CertificateRequests, "add", after=True),
    "a certificate is signed": Place(CertificateRequests, "note_signed", after=False),
    "a certificate may be sent": Place(CertificateRequests, "note_signed", after=True),
    "a certificate is taken": Place(CertificateRequests, "note_installed", after=False),
}


def die_where_told(environment: Mapping[str, str]) -> None:
    """Wrap the method of the place that the environment names, if it does."""
    if VARIABLE not in environment:
        return
    owner, method, after = PLACES[environment[VARIABLE]]
    original: Callable[..., Awaitable[Any]] = getattr(owner, method)

    async def dies(self: Any, *args: Any) -> None:
        if after:
            await original(self, *args)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, method, dies)
