"""How a simulated charger speaks TLS: whom it trusts, and which certificate it shows."""

from __future__ import annotations

import ssl
from pathlib import Path

from csms.errors import RingmainError


class UnusableFiles(RingmainError):
    """The files for TLS cannot be used."""


def charger_tls(
    ca: Path | None = None, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext | None:
    """Return how a charger speaks TLS, None where nothing is said of it; raise UnusableFiles.

    Without ``ca`` it trusts whom the machine trusts; without ``key`` the certificate's file holds
    the key too.
    """
    if ca is None and certificate is None:
        if key is not None:
            raise UnusableFiles("--tls-key is of no use without --tls-cert.")
        return None
    file: Path | None = ca
    try:
        context = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            file = certificate
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as fault:
        reason = fault.strerror or getattr(fault, "reason", "") or "no PEM"
        alone = file == certificate and key is None
        hint = " Without --tls-key it has to hold its key too." if alone else ""
        raise UnusableFiles(f"{file} cannot be used for TLS: {reason}.{hint}") from fault
    return context
