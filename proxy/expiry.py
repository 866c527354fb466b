"""Warn of client certificates before they expire: a link that lives on would never notice."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from proxy.client_certificates import warning
from storage.errors import StorageError

if TYPE_CHECKING:
    from proxy.parts import RelayParts
    from storage.records import ClientCertificate

log = structlog.get_logger("ringmain.certificates")

_STAGES = tuple(timedelta(days=days) for days in (30, 7, 1, 0))


class Expiry:
    """Warn of each client certificate 30, 7 and 1 days before its end, and at its end."""

    def __init__(self, parts: RelayParts) -> None:
        self._storage, self._clock = parts.storage, parts.clock
        self._pause = parts.timings.sweep
        self._told: dict[str, timedelta] = {}

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            try:
                await self.look()
            except StorageError as failure:
                log.warning("expiry_failed", error=str(failure))
            await asyncio.sleep(self._pause)

    async def look(self) -> None:
        """Warn of what has come closer to its end than was said; raise StorageError."""
        now = self._clock.now()
        ending = await self._storage.client_certificates.ending(now + _STAGES[0])
        stages = {each.certificate_id: _stage(each, now) for each in ending}
        for certificate in ending:
            id = certificate.certificate_id
            if self._told.get(id) != stages[id]:
                log.warning(
                    "client_certificate",
                    organization_uuid=certificate.organization_uuid,
                    certificate_id=id,
                    name=certificate.name,
                    warning=warning(certificate, now),
                )
        self._told = stages  # those that are gone are forgotten


def _stage(certificate: ClientCertificate, now: datetime) -> timedelta:
    left = certificate.not_after - now
    return min((stage for stage in _STAGES if left <= stage), default=_STAGES[0])
