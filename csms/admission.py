"""
Who is let in: what is presented at the door, held against what is stored of the charger (S-01).

Each charger has one security profile and comes in with no other (A00.FR.001 to 003). Every refusal
looks the same from outside; what was wrong is told to the charger's owner, in a security event. An
unknown charger, a wrong password and an attempt that is not evaluated ask the same questions of
the database, so that the time taken tells nothing either (CWE-204, CWE-208).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from cryptography import x509

from csms.advice import Why, advice
from csms.attempts import Attempts
from csms.certificate_binding import Binding, fault_of, sha256_of
from csms.client_authorities import Authorities
from csms.rotation import rotation_of
from csms.security_events import SecurityEvents
from storage.clock import Clock
from storage.errors import StorageError
from storage.records import Charger, ChargerKey, Organization
from storage.secrets import digest_secret, secret_matches
from storage.security_records import ChargerCertificate, PasswordRotation

if TYPE_CHECKING:
    from storage.store import Storage

_BY_PASSWORD = (1, 2)  # these profiles
_BY_CERTIFICATE = 3


class ChargersOf(Protocol):
    """Chargers as they are stored."""

    async def get(self, key: ChargerKey) -> Charger | None:
        """Return one charger."""

    async def update(self, key: ChargerKey, **changes: Any) -> Charger | None:
        """Change named fields of a charger."""


class RotationsOf(Protocol):
    """Passwords that chargers may have taken over."""

    async def of(self, key: ChargerKey) -> list[PasswordRotation]:
        """Return a charger's rotations."""

    async def settle(self, key: ChargerKey, rotation_id: str) -> bool:
        """Make the password of a rotation the charger's only one."""


class CertificatesOf(Protocol):
    """Client certificates, and whose they are."""

    async def of_charger(self, key: ChargerKey) -> list[ChargerCertificate]:
        """Return a charger's certificates, those that are revoked or expired too."""

    async def find(self, organization_uuid: str, sha256: str) -> ChargerCertificate | None:
        """Return a certificate of an organization, whichever charger's it is."""


class OrganizationsOf(Protocol):
    """Organizations as they are stored."""

    async def get(self, organization_uuid: str) -> Organization | None:
        """Return one organization."""

    async def how_many_are(self, name: str) -> int:
        """Return how many organizations have this name."""


@dataclass(frozen=True, slots=True)
class Records:
    """Where it is looked up who may come in."""

    chargers: ChargersOf
    rotations: RotationsOf
    certificates: CertificatesOf
    organizations: OrganizationsOf


def records_of(storage: Storage) -> Records:
    """Return what a storage knows of chargers."""
    return Records(
        chargers=storage.chargers,
        rotations=storage.password_rotations,
        certificates=storage.charger_certificates,
        organizations=storage.organizations,
    )


@dataclass(frozen=True, slots=True)
class Knock:
    """What is presented at the door.

    ``basic`` tells that there is an Authorization header, ``password`` what it holds where it is
    that of the charger in the path. ``vouched`` tells that a proxy has verified the certificate.
    """

    address: str
    key: ChargerKey | None
    basic: bool = False
    password: bytes | None = field(default=None, repr=False)
    tls: bool = False
    certificate: x509.Certificate | None = None
    vouched: bool = False

    @property
    def profile(self) -> int:
        """Return the security profile that is offered."""
        if not self.tls:
            return 1 if self.basic else 0
        return 2 if self.certificate is None else 3

    @property
    def readings(self) -> tuple[bytes, bytes]:
        """Return the password as it is, and as the hex digits of one (both empty without)."""
        password = self.password or b""
        try:
            return password, bytes.fromhex(password.decode("ascii"))
        except ValueError:
            return password, b""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The charger that is let in, if it is; ``known`` tells whether it is enrolled at all.

    ``reason`` is for whoever counts: why it is not, in one word.
    """

    charger: Charger | None = None
    known: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Match:
    """Whose password it is: the charger's own, one that it may have taken over, or nearly one."""

    own: bool = False
    rotated: PasswordRotation | None = None
    # Hex: its digits, where the charger has to send the bytes. Ran out: it counted once.
    nearly: Literal["", "hex", "ran out"] = ""


def no_authorities() -> None:
    """Return whose client certificates count where the listener asks for none."""


class Admission:
    """Decide who is let in, and tell owners who was not."""

    def __init__(
        self,
        records: Records,
        attempts: Attempts,
        events: SecurityEvents,
        clock: Clock,
        authorities: Callable[[], Authorities | None] = no_authorities,
    ) -> None:
        self._records, self._attempts, self._events = records, attempts, events
        self._clock, self._authorities = clock, authorities
        # Compared against where there is nothing to compare with, so that it costs the same: of
        # what nobody presents, else an empty password would find what a wrong one does not.
        self._nobody = digest_secret(os.urandom(32))

    async def judge(self, knock: Knock) -> Verdict:
        """Tell whether this charger comes in; raise StorageError where that cannot be known."""
        evaluated = self._attempts.allows(knock.address, knock.key)
        try:
            verdict = await self._evaluate(knock, evaluated=evaluated)
        except StorageError:
            if evaluated:
                self._attempts.undecided(knock.address, knock.key)
            raise
        if verdict.charger is not None:
            self._attempts.succeeded(knock.address, verdict.charger.key)
        elif evaluated:
            self._attempts.failed(knock.address, knock.key)
        return verdict

    async def is_still_in(self, charger: Charger, sha256: str | None) -> bool:
        """Tell whether a charger may stay that came in a moment ago, and with which certificate."""
        now = await self._records.chargers.get(charger.key)
        if now is None or now.entrance != charger.entrance:
            return False
        if sha256 is None:
            return True
        held = await self._records.certificates.find(charger.key.organization_uuid, sha256)
        return held is None or held.revoked_at is None

    def saw_leave(self, key: ChargerKey, address: str) -> None:
        """Take note that a charger was in until now."""
        self._attempts.succeeded(address, key)

    async def _evaluate(self, knock: Knock, *, evaluated: bool) -> Verdict:
        """Go the same way for everybody; without ``evaluated`` no password is the right one."""
        charger = await self._records.chargers.get(knock.key) if knock.key else None
        match = await self._match(knock, charger, evaluated=evaluated)
        why = await self._fault(knock, charger, match)
        if evaluated and charger is not None and why is None:
            if await self._settled(knock, charger, match):
                return Verdict(await self._as_it_comes_in(knock, charger, match), known=True)
            why = Why("password")
        await self._tell(knock, charger, why if evaluated else None)
        return Verdict(known=charger is not None, reason=_reason(knock, why, evaluated=evaluated))

    async def _match(self, knock: Knock, charger: Charger | None, *, evaluated: bool) -> _Match:
        """Hold the password against the charger's, and those that it may have taken over."""
        digest = charger.password_digest if charger and evaluated else self._nobody
        plain, hexed = (secret_matches(each, digest) for each in knock.readings)
        flagged = charger is not None and charger.hex_password
        here = charger is not None and knock.password is not None
        if here and (plain or (hexed and flagged)):
            return _Match(own=True)
        if knock.key is None or knock.password is None:
            return _Match()
        found, now = await self._records.rotations.of(knock.key), self._clock.now()
        rotated = rotation_of(knock.readings if flagged else knock.readings[:1], found, now)
        if hexed or rotation_of(knock.readings[1:], found, now):
            return _Match(rotated=rotated, nearly="hex")
        ran_out = rotation_of(knock.readings, found, None) is not None
        return _Match(rotated=rotated, nearly="ran out" if ran_out else "")

    async def _fault(self, knock: Knock, charger: Charger | None, match: _Match) -> Why | None:
        """Return why this charger is not let in, None where it is; a wrong password comes first."""
        if charger is None:
            return Why("unknown")
        offered = knock.profile
        if offered in _BY_PASSWORD and not (match.own or match.rotated):
            return _without_password(knock, charger, match)
        if offered not in (charger.security_profile, charger.next_security_profile):
            return Why("profile")
        if knock.certificate is not None and offered not in _BY_PASSWORD:
            wrong = await self._wrong_with(knock.certificate, charger, vouched=knock.vouched)
            return Why("certificate", wrong) if wrong else None
        return None

    async def _settled(self, knock: Knock, charger: Charger, match: _Match) -> bool:
        """Make a new password the only one; False where the charger has refused it meanwhile."""
        rotated = match.rotated if knock.profile in _BY_PASSWORD else None
        if rotated is None:
            return True
        if await self._records.rotations.settle(charger.key, rotated.rotation_id):
            self._note_change(charger.key, rotation_id=rotated.rotation_id)
            return True
        now = await self._records.chargers.get(charger.key)
        matches = [secret_matches(each, now.password_digest) for each in knock.readings if now]
        return any(matches)

    async def _wrong_with(
        self, certificate: x509.Certificate, charger: Charger, *, vouched: bool
    ) -> str | None:
        now, authorities = self._clock.now(), self._authorities()
        if authorities is not None and not vouched:
            wrong = authorities.fault_of(certificate, now)
            if wrong is not None:
                return wrong
        binding = await self._binding(charger.key, sha256_of(certificate))
        return fault_of(certificate, charger, binding, now)

    async def _binding(self, key: ChargerKey, sha256: str) -> Binding:
        records, uuid = self._records, key.organization_uuid
        organization = await records.organizations.get(uuid)
        names = [uuid]
        if organization and await records.organizations.how_many_are(organization.name) == 1:
            names.append(organization.name)
        return Binding(
            own=tuple(await records.certificates.of_charger(key)),
            holder=await records.certificates.find(uuid, sha256),
            organizations=tuple(names),
        )

    async def _as_it_comes_in(self, knock: Knock, charger: Charger, match: _Match) -> Charger:
        """Note what is known of a charger by what it came in with."""
        if match.rotated is not None and knock.profile in _BY_PASSWORD:
            charger = replace(charger, password_digest=match.rotated.next_digest)
        if knock.profile == charger.security_profile:
            return charger
        changed = {"security_profile": knock.profile, "before": charger.security_profile}
        self._note_change(charger.key, **changed)
        taken = {"security_profile": knock.profile, "next_security_profile": None}
        return await self._records.chargers.update(charger.key, **taken) or charger

    def _note_change(self, key: ChargerKey, **changed: Any) -> None:
        """Note what a charger has shown to be different by coming in with it."""
        kind, actor = "ReconfigurationOfSecurityParameters", f"charger:{key.charge_box_id}"
        self._events.note(key, kind, actor, "changed", **changed)

    async def _tell(self, knock: Knock, charger: Charger | None, why: Why | None) -> None:
        """Note a refusal, where there is somebody whom it concerns and it was evaluated."""
        if knock.key is None:
            return
        # Asked for whoever it is: to ask only for strangers would give them away.
        organization = await self._records.organizations.get(knock.key.organization_uuid)
        if why is None or organization is None:
            return
        note = self._events.note if charger else self._events.note_stranger
        note(
            knock.key,
            why.event,
            f"address:{knock.address}",
            security_profile_offered=knock.profile,
            advice=advice(why, knock.profile, charger),
        )


def _without_password(knock: Knock, charger: Charger, match: _Match) -> Why:
    """Tell a wrong password from none at all; who needs none has only failed to show the rest."""
    if not knock.basic:
        by_certificate = charger.security_profile == _BY_CERTIFICATE
        return Why("profile") if by_certificate else Why("password", "none")
    return Why("password", "another" if knock.password is None else match.nearly)


def _reason(knock: Knock, why: Why | None, *, evaluated: bool) -> str:
    if not evaluated:
        return "too_many_attempts"
    return why.reason if why and knock.key else "no_such_path"
