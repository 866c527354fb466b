"""
Say once what is required of security, in one line each: the page and the tests are held to it.

**The frame of this folder.** Each requirement has a file of tests of its own, named after it:
`test_s01_….py` for S-01, `test_r6_….py` for R-6; the tests in it show at the outside, over real
sockets, that it holds. A test that stands for a published weakness has its number in its name
(`…_cve_2026_20781`), or that of its class (`…_cwe_522`), whatever file it is in.
`make security` runs them all and writes docs/security.md; tests/test_security_page.py fails when a
requirement has no test, or the page lists other tests than there are.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that must hold."""

    name: str
    asks: str

    @property
    def prefix(self) -> str:
        """Return how the files of its tests begin."""
        return f"test_{self.name.replace('-', '').lower()}_"


@dataclass(frozen=True, slots=True)
class Weakness:
    """A class of weakness that others were found to have, by the numbers it was published under."""

    name: str
    asks: str
    published: tuple[str, ...] = ()

    @property
    def marks(self) -> tuple[str, ...]:
        """Return what the names of its tests hold, one of these each."""
        return tuple(each.replace("-", "_").lower() for each in (self.name, *self.published))


REQUIREMENTS = (
    Requirement(
        "S-01",
        "A charger is let in before the upgrade or not at all, and who it is comes from its "
        "record: only the exact path connects.",
    ),
    Requirement(
        "S-02",
        "Guessing passwords is slowed down by source and charger, and never locks out the charger "
        "itself or a neighbour that worked before.",
    ),
    Requirement(
        "S-03",
        "Every refusal at the door is the same to the byte: no banner, no echo, nothing that "
        "tells a known name from an unknown one.",
    ),
    Requirement(
        "S-04",
        "A new connection takes over only after it has authenticated; what the old one still says "
        "or closes changes nothing; two devices that play one charger are told apart.",
    ),
    Requirement("S-05", "Secrets are compared as digests and in constant time."),
    Requirement(
        "S-06",
        "A password is rotated so that the charger gets back in wherever the server is killed, "
        "and the old one is refused once the new one is accepted.",
    ),
    Requirement(
        "S-07",
        "What a target may not ask never reaches the charger: passwords, security profile, "
        "network profile, certificates, addresses.",
    ),
    Requirement(
        "S-08",
        "What a boot says of a charger fills gaps and is never a reason to trust it; a client "
        "certificate is bound to one charger.",
    ),
    Requirement(
        "S-09",
        "URLs from outside lead to no forbidden address, in any spelling, by rebinding, redirect, "
        "template or field that becomes part of a host; an operator may open networks.",
    ),
    Requirement(
        "S-10",
        "No URL inside a Google service account is followed but the pinned token endpoint.",
    ),
    Requirement(
        "S-11",
        "No operation shows or changes anything of another organization; a foreign object is "
        "answered as a missing one.",
    ),
    Requirement(
        "S-12",
        "API keys are random, digested, scoped, expire and can be revoked at once; both headers "
        "work everywhere.",
    ),
    Requirement(
        "S-13",
        "Sessions are asked of Ory Kratos with the session and nothing else; every answer it can "
        "give is mapped, and what is unknown is refused.",
    ),
    Requirement(
        "S-14",
        "Who belongs to which organization is in our table only, never in what people can edit "
        "themselves.",
    ),
    Requirement(
        "S-15",
        "A write with a cookie needs the same site and JSON; no other origin is let in.",
    ),
    Requirement(
        "S-16",
        "Secrets are stored sealed to their place, never shown again, and the keys can be changed "
        "under load.",
    ),
    Requirement(
        "S-17",
        "Frames, bodies, headers, depth, rates and waiting commands are limited, each at a "
        "documented number.",
    ),
    Requirement("S-18", "Slow clients are cut at a deadline and never slow down the others."),
    Requirement(
        "S-19",
        "An event is one line of the log whatever it holds, and no line holds a secret or an "
        "idTag in clear.",
    ),
    Requirement(
        "S-20",
        "Each write and each security event is a row of the audit, and a changed, removed or "
        "added row is found.",
    ),
    Requirement(
        "S-21",
        "Ids of transactions and messages cannot be guessed, and a charger cannot touch those of "
        "another.",
    ),
    Requirement(
        "S-22",
        "Without TLS only loopback or a trusted proxy is listened to; what a proxy may say is "
        "believed from it alone; who is deleted or disabled is out at once.",
    ),
    Requirement(
        "S-23",
        "What is installed is locked with hashes, above known weaknesses, listed in an SBOM, and "
        "a weakness has somewhere to be reported.",
    ),
    Requirement(
        "R-6",
        "A write that is repeated with its Idempotency-Key is carried out once and answered alike.",
    ),
    Requirement(
        "A02",
        "A charger gets a certificate from the authority through us, whatever the authority does; "
        "we sign nothing ourselves.",
    ),
    Requirement(
        "F-21",
        "Certificates of the server change without a link being dropped, and one that is running "
        "out or revoked is told.",
    ),
    Requirement(
        "F-22",
        "Where Kratos is down, slow or flapping, sessions are refused and keys work on.",
    ),
)

WEAKNESSES = (
    Weakness(
        "CWE-306",
        "No authentication of the WebSocket: to know a name is enough.",
        ("CVE-2026-20781", "CVE-2026-24731", "CVE-2026-27772", "CVE-2026-26051", "CVE-2026-22552"),
    ),
    Weakness(
        "CWE-307", "No limit on attempts.", ("CVE-2026-24445", "CVE-2026-25945", "CVE-2026-20882")
    ),
    Weakness("CWE-613", "The newest connection displaces the old one.", ("CVE-2026-24912",)),
    Weakness("CWE-522", "Names of chargers are public, or can be told from others by asking."),
    Weakness("CWE-639", "A charger stops the transaction of another.", ("CVE-2026-28230",)),
)
