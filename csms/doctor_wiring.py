"""Build what the doctor knocks with, as the server has it: by the guard that its settings make."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from proxy.addresses import AddressGuard
from proxy.knocking import Knocking
from proxy.store_door import StoreDoor
from storage.sinks.opening import open_sink
from storage.sinks.port import Outside

if TYPE_CHECKING:
    from csms import doctor_network
    from csms.settings import Settings
    from storage.exporting import Open


def knocking(settings: Settings) -> doctor_network.Knocking:
    """Return what knocks at targets."""
    return Knocking(_guard(settings)).at


def sink_opening(settings: Settings) -> Open:
    """Return what opens object stores."""
    outside = Outside(StoreDoor(_guard(settings)), gcp_token_uri=settings.gcp_token_uri)
    return partial(open_sink, outside=outside)


def _guard(settings: Settings) -> AddressGuard:
    return AddressGuard(
        settings.allowed_target_networks, allow_insecure=settings.allow_insecure_targets
    )
