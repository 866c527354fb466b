"""What the doctor looks at of the certificates that chargers are shown, and show."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from csms.doctor_findings import Finding, failure, ok, skipped, warning
from csms.doctor_patient import Patient
from csms.pem import UnusableTls
from csms.tls import WARN_BEFORE, Loaded, TlsFiles, endings, load

_SOON = max(WARN_BEFORE)


async def certificates(patient: Patient) -> Sequence[Finding]:
    """Look at the files of the listener for chargers: whether they match, and until when."""
    settings = patient.settings
    if not settings.secured:
        return [_without_tls(patient)]
    files = TlsFiles(
        settings.tls_cert, settings.tls_key, settings.tls_client_ca, settings.tls_preset
    )
    try:
        loaded = await asyncio.to_thread(load, files, patient.clock.now())
    except UnusableTls as unusable:
        return [failure(str(unusable), "A server would not start with these files.")]
    found = [*_ending(loaded, patient)]
    for path, shown in zip(settings.tls_cert, loaded.shown, strict=True):
        found += [*_chain(path), *_named(path, shown, settings.public_ocpp_url)]
    return found or [ok("Certificates and keys match, and are valid for 30 days and more.")]


def _without_tls(patient: Patient) -> Finding:
    settings = patient.settings
    if settings.ocpp_bind.loopback or settings.trusted_proxies:
        return ok("The listener for chargers speaks no TLS, and only this machine or a proxy asks.")
    if not settings.allow_plain:
        return skipped("There are none, and settings are wrong: a server would not start.")
    told = "Chargers from other machines come in without TLS (RINGMAIN_ALLOW_PLAIN)."
    return warning(told, "Set RINGMAIN_TLS_CERT and RINGMAIN_TLS_KEY (docs/tls.md).")


def _ending(loaded: Loaded, patient: Patient) -> list[Finding]:
    now = patient.clock.now()
    found = []
    for what, name, _, ends in endings(loaded):
        told = f"The {what} {name} ends on {ends:%Y-%m-%d %H:%M} UTC."
        if ends <= now:
            found.append(failure(told, "Chargers are refused by it: renew the file."))
        elif ends - now <= _SOON:
            found.append(warning(told, "Renew the file; a server takes it up by itself."))
    return found


def _chain(path: Path) -> list[Finding]:
    """Look whether each certificate of a file has been issued by the next one."""
    chain = x509.load_pem_x509_certificates(path.read_bytes())
    if chain[0].issuer == chain[0].subject:
        told = f"{path} is self-signed."
        return [warning(told, "Chargers have to be given it as an authority, each of them.")]
    for lower, upper in pairwise(chain):
        try:
            lower.verify_directly_issued_by(upper)
        except (ValueError, TypeError, InvalidSignature):
            name = lower.subject.rfc4514_string()
            told = f"{path}: the certificate behind that of {name} has not issued it."
            advice = "Begin with the server's own, and go on with who has issued the one before."
            return [warning(told, advice)]
    return []


def _named(path: Path, shown: x509.Certificate, public_url: str | None) -> list[Finding]:
    host = urlsplit(public_url).hostname if public_url else None
    if host is None or covers(shown, host):
        return []
    told = f"{path} is not for {host}, which chargers are told (RINGMAIN_PUBLIC_OCPP_URL)."
    return [failure(told, f"Have a certificate issued with the name {host}.")]


def covers(certificate: x509.Certificate, host: str) -> bool:
    """Tell whether a certificate is for a host, by its alternative names (RFC 6125)."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    try:
        return ip_address(host) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        return any(_is(name, host) for name in names.get_values_for_type(x509.DNSName))


def _is(pattern: str, host: str) -> bool:
    pattern, host = pattern.lower(), host.lower().removesuffix(".")
    if pattern.startswith("*."):
        return pattern[1:] == "." + host.partition(".")[2]
    return pattern == host
