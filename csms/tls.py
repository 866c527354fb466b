"""
How the listener for chargers speaks TLS: its certificates, its suites, and who may show one.

OCPP wants TLS 1.2 and above without compression (A00.FR.312, 320), and suites that take both an
RSA and an ECDSA certificate (A00.FR.317). Each handshake is led by the files as they are then:
links that are up go on, and files that cannot be used leave the ones before them in place.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from csms.client_authorities import Authorities, read_authorities
from csms.errors import place_of
from csms.pem import UnusableTls, kind_of, read_file, weakness_of
from storage.clock import Clock

log = structlog.get_logger("ringmain.tls")

CERT, KEY = "RINGMAIN_TLS_CERT", "RINGMAIN_TLS_KEY"
_EPHEMERAL = "ECDHE+AESGCM:ECDHE+CHACHA20"
# TLS 1.3 is in all of them. The conformance tests want two suites without forward secrecy too.
PRESETS: Mapping[str, str] = {
    "strict": _EPHEMERAL,
    "ocpp-conformance": f"{_EPHEMERAL}:AES128-GCM-SHA256:AES256-GCM-SHA384",
}
# X509_V_FLAG_NO_CHECK_TIME: `Authorities.fault_of` looks at the times, where it can be told whose
# certificate it was.
_LEAVE_TIMES = ssl.VerifyFlags(0x200000)
_PARTIAL_CHAIN = ssl.VerifyFlags(0x80000)  # the authority that issues is enough
WARN_BEFORE = tuple(timedelta(days=days) for days in (0, 1, 7, 30))
CHECK_SECONDS = 5.0

Stamps: TypeAlias = "tuple[tuple[int, int, int] | None, ...]"


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the certificates lie, each with its key, and which preset counts."""

    certificates: tuple[Path, ...]
    keys: tuple[Path, ...]
    client_authorities: tuple[Path, ...] = ()
    preset: str = "strict"

    def stamps(self) -> Stamps:
        """Return what changes when one of the files does."""
        return tuple(
            _stamp(path) for path in (*self.certificates, *self.keys, *self.client_authorities)
        )


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the files held when they were read."""

    context: ssl.SSLContext
    shown: tuple[x509.Certificate, ...]
    authorities: Authorities | None


def load(files: TlsFiles, now: datetime) -> Loaded:
    """Read all files; raise UnusableTls with one sentence about the first that will not do."""
    pairs = list(zip(files.certificates, files.keys, strict=True))
    shown = tuple(_checked(certificate, key, now) for certificate, key in pairs)
    kinds = [kind_of(each.public_key()) for each in shown]
    if len(set(kinds)) < len(kinds):
        told = f"{CERT}: both certificates are {kinds[0]}, wanted is one RSA and one ECDSA."
        raise UnusableTls(told)
    authorities = None
    if files.client_authorities:
        authorities = read_authorities(files.client_authorities, now)
    return Loaded(_context(files, pairs), shown, authorities)


def _checked(path: Path, key_path: Path, now: datetime) -> x509.Certificate:
    """Return the certificate of a file that can be shown, together with its key."""
    try:
        certificate = x509.load_pem_x509_certificates(read_file(CERT, path))[0]
    except ValueError:
        raise UnusableTls(f"{CERT}: {path} holds no PEM certificate.") from None
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > ends:
        raise UnusableTls(f"{CERT}: {path} expired on {ends:%Y-%m-%d %H:%M} UTC: renew it.")
    if now < begins:
        told = f"{CERT}: {path} is not valid before {begins:%Y-%m-%d %H:%M} UTC."
        raise UnusableTls(told)
    if weakness := weakness_of(certificate.public_key()):
        raise UnusableTls(f"{CERT}: the key of {path} is {weakness}.")
    if _public_key_of(key_path) != _spki(certificate.public_key()):
        raise UnusableTls(f"{KEY}: {key_path} is not the key of the certificate in {path}.")
    return certificate


def _public_key_of(path: Path) -> bytes:
    try:
        key = serialization.load_pem_private_key(read_file(KEY, path), None)
    except TypeError:
        raise UnusableTls(f"{KEY}: {path} is locked: store it without a password.") from None
    except ValueError:
        raise UnusableTls(f"{KEY}: {path} holds no PEM key.") from None
    return _spki(key.public_key())


def _spki(key: Any) -> bytes:
    octets: bytes = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return octets


def _context(files: TlsFiles, pairs: Iterable[tuple[Path, Path]]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = _Talk
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers(PRESETS[files.preset])
    try:
        for certificate, key in pairs:
            context.load_cert_chain(certificate, key)
        for authority in files.client_authorities:
            context.load_verify_locations(authority)
    except (ssl.SSLError, OSError) as cause:
        told = f"{CERT}: OpenSSL cannot use the files for TLS ({cause})."
        raise UnusableTls(told) from cause
    if files.client_authorities:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags |= _LEAVE_TIMES | _PARTIAL_CHAIN
    return context


class _Talk(ssl.SSLObject):
    """Log why a handshake failed: asyncio drops the connection without a word."""

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLCertVerificationError as refused:
            log.warning("tls_client_certificate_refused", reason=refused.verify_message)
            raise
        except ssl.SSLError as failed:
            log.info("tls_handshake_failed", reason=failed.reason)
            raise


class _Newest(ssl.SSLContext):
    """Lead each new handshake by the newest context, so that the listener goes on listening."""

    newest: ssl.SSLContext

    def wrap_bio(self, *bios: Any, **more: Any) -> ssl.SSLObject:
        return self.newest.wrap_bio(*bios, **more)


class ListenerTls:
    """Keep the listener's TLS as its files are; ``context`` is what it listens with."""

    def __init__(
        self, files: TlsFiles, clock: Clock, *, check_seconds: float = CHECK_SECONDS
    ) -> None:
        self._files, self._clock, self._check_seconds = files, clock, check_seconds
        self._seen = self._taken = files.stamps()
        self._loaded = load(files, clock.now())
        self._warned: dict[bytes, timedelta] = {}
        self._asked = asyncio.Event()
        self.context = _Newest(ssl.PROTOCOL_TLS_SERVER)
        self.context.newest = self._loaded.context
        self.warn()

    def authorities(self) -> Authorities | None:
        """Return whose client certificates count now."""
        return self._loaded.authorities

    def reload(self) -> bool:
        """Read the files again; where they cannot be used, log it and go on with the old ones."""
        self._seen = self._taken = self._files.stamps()
        try:
            self._loaded = load(self._files, self._clock.now())
        except UnusableTls as fault:
            log.error("tls_not_reloaded", fault=str(fault), still="the certificates before")
            return False
        self.context.newest = self._loaded.context
        ends = [f"{each.not_valid_after_utc:%Y-%m-%d %H:%M} UTC" for each in self._loaded.shown]
        log.info("tls_reloaded", valid_until=ends)
        self.warn()
        return True

    def check(self) -> None:
        """Read the files again where they have changed, and have rested since the last look."""
        stamps = self._files.stamps()
        rested, self._seen = stamps == self._seen, stamps
        if rested and stamps != self._taken:
            self.reload()
        self.warn()

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[ListenerTls]:
        """Keep it as its files are until the context ends."""
        watching = asyncio.create_task(self.watch())
        try:
            yield self
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def watch(self) -> None:
        """Check again and again until cancelled; never in the loop, where keys would hold it up.

        To read an RSA key of 4096 bits, and see that it is one, takes 0.1 s.
        """
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._check_seconds):
                    await self._asked.wait()
            look = self.reload if self._asked.is_set() else self.check
            self._asked.clear()
            try:
                await asyncio.to_thread(look)
            except Exception as fault:  # noqa: BLE001 - else no file is ever taken up again
                log.error("chore_failed", chore=type(self).__name__, fault=place_of(fault))

    def ask(self) -> None:
        """Have the files read again soon, by whoever watches."""
        self._asked.set()

    def warn(self) -> None:
        """Log once 30, 7 and 1 days before something ends, and when it has."""
        now = self._clock.now()
        for what, name, place, ends in endings(self._loaded):
            left = ends - now
            reached = next((each for each in WARN_BEFORE if left <= each), None)
            if reached is not None and self._warned.get(place) != reached:
                self._warned[place] = reached
                days = max(0, -(-left // timedelta(days=1)))
                log.warning("tls_ends_soon", what=what, of=name, days_left=days, ends=f"{ends}")


def endings(loaded: Loaded) -> Iterable[tuple[str, str, bytes, datetime]]:
    """Yield what ends: what it is, whose, how it is told from others, and when."""
    for each in loaded.shown:
        yield _ending("certificate", each)
    authorities = loaded.authorities or Authorities(())
    for each in authorities.certificates:
        yield _ending("client authority", each)
    for crl in authorities.revoked:
        if crl.next_update_utc is not None:
            yield "revocation list", crl.issuer.rfc4514_string(), crl.signature, crl.next_update_utc


def _ending(what: str, certificate: x509.Certificate) -> tuple[str, str, bytes, datetime]:
    name = certificate.subject.rfc4514_string()
    return what, name, certificate.signature, certificate.not_valid_after_utc
