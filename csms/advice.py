"""What the owner of a charger is told when it was not let in; the charger is told nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from storage.records import Charger

Reason = Literal["unknown", "password", "profile", "certificate"]

# By what OCPP calls it, where it has a word (OCPP 2.0.1 part 2, appendix 1, security events).
_EVENTS: dict[Reason, str] = {
    "unknown": "UnknownCharger",
    "password": "FailedToAuthenticateAtCsms",
    "profile": "SecurityProfileMismatch",
    "certificate": "InvalidChargingStationCertificate",
}
_CAME = {
    0: "without TLS and without a password (profile 0)",
    1: "without TLS, with a password (profile 1)",
    2: "by TLS, without a client certificate (profile 2)",
    3: "by TLS, with a client certificate (profile 3)",
}

# By what it nearly was.
_PASSWORDS = {
    "": "The password is wrong: enter the one that was made last, at enrolment or since, or make "
    'a new one with POST …/rotate-password {"by": "hand"}. If it was not this charger, somebody '
    "guesses.",
    "hex": "It sent the hex digits of its password and not the bytes: PATCH the charger with "
    '{"hex_password": true}.',
    "none": "It sent no password: enter the one that was made last, at enrolment or since, or make "
    'a new one with POST …/rotate-password {"by": "hand"}.',
    "another": "What it sent is not for its charge_box_id, or cannot be read: its user name has to "
    "be the charge_box_id, as it stands at the end of the URL.",
    "ran out": "It came with a new password that ran out before it was used: let it come in with "
    "POST …/rotate-password/reopen.",
}
# By how what is wrong with a certificate begins; for all else only another certificate helps.
_STORING = "install another one in the charger, or store this one with POST …/certificates"
_CERTIFICATES = {
    "is not issued to it": _STORING,
    "names another operator": _STORING,
    "is none of those that are stored": _STORING,
    "has an issuer that": "name it there too, or install another certificate in the charger",
    "cannot be checked": "put a newer list there",
}
_ANOTHER = "install another one in the charger"
_PROXY = " A TLS proxy in front has to be trusted, and to send X-Forwarded-Proto: https."
_PROXY_SHOWS = (
    " A TLS proxy in front has to be trusted, to ask for the certificate, and to pass it on in the "
    "header that RINGMAIN_CLIENT_CERT_HEADER names."
)


@dataclass(frozen=True, slots=True)
class Why:
    """Why somebody was refused.

    ``wrong`` is the end of "Its certificate …", or what its password nearly was.
    """

    reason: Reason
    wrong: str = ""

    @property
    def event(self) -> str:
        """Return the kind of the security event."""
        return _EVENTS[self.reason]


def advice(why: Why, offered: int, charger: Charger | None) -> str:
    """Return what was wrong and what can be done, in words for whoever owns the charger."""
    if charger is None:
        return (
            "No charger of this organization has this charge_box_id: enrol it, or mend the end "
            "of the URL that the device dials."
        )
    if why.reason == "password":
        return _PASSWORDS[why.wrong] + _also(offered, charger)
    if why.reason == "profile":
        if offered == 0:
            return _open_to_all(charger)
        return (
            f"It came {_CAME[offered]}, and security_profile is {charger.security_profile}: "
            f'change how it dials, or PATCH the charger with {{"security_profile": {offered}}}.'
            f"{_in_front(offered, charger.security_profile)}"
        )
    helps = (what for begin, what in _CERTIFICATES.items() if why.wrong.startswith(begin))
    return f"Its certificate {why.wrong}: {next(helps, _ANOTHER)}."


def _in_front(offered: int, wanted: int) -> str:
    """Return what a proxy may have left out, where what is missing is what proxies pass on."""
    if offered < 2 <= wanted:
        return _PROXY
    return _PROXY_SHOWS if offered < wanted == 3 else ""


def _open_to_all(charger: Charger) -> str:
    """Return what helps who came with nothing; that anybody may come as it is the last resort."""
    return (
        f"It came {_CAME[0]}, and security_profile is {charger.security_profile}: give it its "
        'password, the one of its enrolment or a new one of POST …/rotate-password {"by": "hand"}'
        f"{', and have it dial wss://' if charger.security_profile > 1 else ''}. Only if it can "
        "have none, and unsafe, because anybody may come in its name then: PATCH the charger with "
        '{"security_profile": 0}.'
        f"{_PROXY if charger.security_profile > 1 else ''}"
    )


def _also(offered: int, charger: Charger) -> str:
    """Return what else is wrong with who came with a wrong password, empty where nothing is."""
    wanted = charger.security_profile
    if offered in (wanted, charger.next_security_profile):
        return ""
    return f" It came {_CAME[offered]}, besides, and security_profile is {wanted}."
