"""Let sinks connect to what targets may have too: the door between owners' object stores and us."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.addresses import STORE, AddressGuard
from proxy.errors import ForbiddenAddress, InvalidTarget, TargetUnreachable
from storage.sinks.errors import SinkRefused, SinkUnavailable
from storage.sinks.port import Endpoint


@dataclass(frozen=True, slots=True)
class StoreDoor:
    """The door of `storage.sinks.port`, kept by the guard of targets."""

    guard: AddressGuard

    def check(self, url: str) -> None:
        """Raise SinkRefused where no request to this URL could ever be permitted."""
        try:
            self.guard.check_url(url, STORE)
        except InvalidTarget as invalid:
            raise SinkRefused(f"endpoint_url cannot work: {invalid.reason}") from invalid
        if "?" in url:  # what is asked of the store is appended to it
            raise SinkRefused("endpoint_url cannot work: The URL must not have a query.")

    async def resolve(self, host: str, port: int) -> Sequence[Endpoint]:
        """Return the addresses of a host, each of which is permitted; raise SinkError."""
        try:
            return await self.guard.resolve(host, port, STORE)
        except ForbiddenAddress as forbidden:
            raise SinkRefused(
                f"{forbidden} Correct endpoint_url, or let the operator open that network "
                "(RINGMAIN_ALLOWED_TARGET_NETWORKS)."
            ) from forbidden
        except TargetUnreachable as unreachable:
            raise SinkUnavailable(
                f"{unreachable} It is tried again; check region, storage_account or endpoint_url."
            ) from unreachable
