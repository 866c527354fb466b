"""What settings must not be beside each other: each rule names the variable to look at."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from csms.settings import Settings

# A variable, and how the sentence goes on that begins with it.
_Faults: TypeAlias = "Iterator[tuple[str, str]]"


def broken_rules(settings: Settings, without: Container[str] = ()) -> dict[str, str]:
    """Return what is wrong, by the variable; rules about variables that are wrong are left out."""
    found: dict[str, str] = {}
    for names, find in _RULES.items():
        if not any(name in without for name in names):
            for name, told in find(settings):
                found.setdefault(name, f"{name}{told}")
    return found


def _open_door(settings: Settings) -> _Faults:
    bind = settings.ocpp_bind
    if bind.loopback or settings.secured or settings.allow_plain or settings.trusted_proxies:
        return
    told = (
        f": {bind} is reachable from other machines and has no TLS: set RINGMAIN_TLS_CERT and "
        "RINGMAIN_TLS_KEY, or put a TLS proxy in front and name it in RINGMAIN_TRUSTED_PROXIES, "
        "or set RINGMAIN_ALLOW_PLAIN=true."
    )
    yield "RINGMAIN_OCPP_BIND", told


def _one_place_for_both(settings: Settings) -> _Faults:
    http, ocpp = settings.http_bind, settings.ocpp_bind
    hosts = {http.host, ocpp.host}
    one_family = (":" in http.host) == (":" in ocpp.host)
    if http.port == ocpp.port != 0 and one_family and (len(hosts) == 1 or hosts & _ALL):
        told = (
            f": both cannot listen at {ocpp}, where RINGMAIN_HTTP_BIND ({http}) does: "
            "give one of them another port."
        )
        yield "RINGMAIN_OCPP_BIND", told


def _half_tls(settings: Settings) -> _Faults:
    if len(settings.tls_cert) != len(settings.tls_key):
        yield "RINGMAIN_TLS_KEY", ": wanted is one key for each RINGMAIN_TLS_CERT."
    if settings.tls_client_ca and not settings.tls_cert:
        yield "RINGMAIN_TLS_CLIENT_CA", ": without RINGMAIN_TLS_CERT nobody asks for it."


def _nobody_sets_it(settings: Settings) -> _Faults:
    if settings.client_cert_header and not settings.trusted_proxies:
        told = ": name the proxy that sets it in RINGMAIN_TRUSTED_PROXIES."
        yield "RINGMAIN_CLIENT_CERT_HEADER", told


def _two_authorities(settings: Settings) -> _Faults:
    if settings.ca_command and settings.ca_url:
        yield "RINGMAIN_CA_COMMAND", " and RINGMAIN_CA_URL: only one authority can sign."


def _plain_tokens(settings: Settings) -> _Faults:
    endpoint = urlsplit(settings.gcp_token_uri)
    if endpoint.scheme == "http" and not (
        settings.allow_insecure_targets or _loopback(endpoint.hostname or "")
    ):
        told = (
            ": tokens would cross the network in clear: begin it with https://, or set "
            "RINGMAIN_ALLOW_INSECURE_TARGETS=true."
        )
        yield "RINGMAIN_GCP_TOKEN_URI", told


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


# What takes every address of its family; where one does, the other port is taken as well.
_ALL = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, never listened at
_TLS = ("RINGMAIN_TLS_CERT", "RINGMAIN_TLS_KEY", "RINGMAIN_TLS_CLIENT_CA")
_PROXIES = "RINGMAIN_TRUSTED_PROXIES"
# The variables that a rule is about, in the order in which rules are told.
_RULES: Mapping[tuple[str, ...], Callable[[Settings], _Faults]] = {
    ("RINGMAIN_OCPP_BIND", "RINGMAIN_ALLOW_PLAIN", _PROXIES, *_TLS): _open_door,
    ("RINGMAIN_OCPP_BIND", "RINGMAIN_HTTP_BIND"): _one_place_for_both,
    _TLS: _half_tls,
    ("RINGMAIN_CLIENT_CERT_HEADER", _PROXIES): _nobody_sets_it,
    ("RINGMAIN_CA_COMMAND", "RINGMAIN_CA_URL"): _two_authorities,
    ("RINGMAIN_GCP_TOKEN_URI", "RINGMAIN_ALLOW_INSECURE_TARGETS"): _plain_tokens,
}
