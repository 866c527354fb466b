"""Which security profiles chargers can come in with at all, as the listener is set up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from csms.settings import Settings

_TLS = (
    "it needs TLS: set RINGMAIN_TLS_CERT and RINGMAIN_TLS_KEY, or name the TLS proxy in front "
    "in RINGMAIN_TRUSTED_PROXIES"
)
_CERTIFICATES = (
    "it needs client certificates: set RINGMAIN_TLS_CLIENT_CA, or name the TLS proxy that "
    "verifies them in RINGMAIN_TRUSTED_PROXIES and its header in RINGMAIN_CLIENT_CERT_HEADER"
)
_PLAIN = "chargers reach this server by TLS only"


@dataclass(frozen=True, slots=True)
class DoorProfiles:
    """What a charger gets that is enrolled without a word about it, and why others are none."""

    default: int = 1
    # Why nobody could come in with a profile, as the end of a sentence.
    impossible: Mapping[int, str] | None = None

    def hindrance(self, profile: int) -> str | None:
        """Return why nobody could come in with a profile, None where one can."""
        return (self.impossible or {}).get(profile)


def door_profiles(settings: Settings) -> DoorProfiles:
    """Return which profiles the settings allow.

    Without a trusted proxy it cannot be seen that one in front speaks TLS: a public address of
    wss:// alone is no profile 2.
    """
    proxied, secured = bool(settings.trusted_proxies), settings.secured
    impossible: dict[int, str] = {}
    if secured and not proxied:
        impossible |= {0: _PLAIN, 1: _PLAIN}
    if not secured and not proxied:
        impossible |= {2: _TLS}
    if not settings.tls_client_ca and not settings.client_cert_header:
        impossible |= {3: _CERTIFICATES}
    by_tls = secured or (proxied and settings.chargers_use_tls)
    return DoorProfiles(2 if by_tls else 1, impossible)


def warnings(chargers: Mapping[int, int], profiles: DoorProfiles) -> list[str]:
    """Return what an operator should know of how many chargers have each profile."""
    told = []
    if count := chargers.get(0, 0):
        told.append(f"Chargers that come in without a password (security profile 0): {count}.")
    for profile, count in sorted(chargers.items()):
        if count and (hindrance := profiles.hindrance(profile)):
            told.append(f"Chargers of profile {profile} that cannot come in: {count}; {hindrance}.")
    return told
