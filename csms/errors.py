"""Errors of the OCPP layer, drawn on one page.

    RingmainError
    ├── MalformedFrame        the peer sent text that is no frame we accept
    ├── LinkError             a conversation could not do what was asked
    │   ├── LinkClosed        the socket is gone
    │   ├── LinkBusy          too many callers wait, or ours waited too long for its turn
    │   ├── AnswerTimeout     the peer did not answer our CALL in time
    │   ├── CallRefused       the peer answered our CALL with a CALLERROR
    │   └── NotStored         a frame could not be committed, so it must not be answered or sent
    ├── AuthorityError        a certificate authority has signed nothing
    │   ├── AuthorityAway     it may sign the same later
    │   └── AuthorityRefused  it has refused, or answered with something else
    ├── NotTrusted            a certificate or a request for one breaks a rule
    └── CommandError          a command could not be carried out
        ├── ChargerOffline    the charger has no live link
        ├── NotSupported      this OCPP version cannot say the command
        ├── InvalidCommand    the command breaks a rule of the charger's OCPP version
        └── BadAnswer         the charger's answer does not follow its schema

An error's docstring is its default message.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from csms.frames import CallError


class RingmainError(Exception):
    """Ringmain could not do this."""

    def __str__(self) -> str:
        return super().__str__() or (type(self).__doc__ or "").strip()


class MalformedFrame(RingmainError):
    """The text is no OCPP-J frame.

    ``id`` is the message id to answer with, ``"-1"`` where it was unreadable; ``answerable`` is
    false where OCPP-J wants silence (answers, and unknown message types of 1.6).
    """

    def __init__(self, id: str, code: str, reason: str, *, answerable: bool = True) -> None:
        super().__init__(reason)
        self.id, self.code, self.reason, self.answerable = id, code, reason, answerable


class LinkError(RingmainError):
    """The link failed."""


class LinkClosed(LinkError):
    """The link is closed."""

    def __init__(self, code: int = 1006, reason: str = "") -> None:
        super().__init__(f"The link is closed ({code}{' ' + reason if reason else ''}).")
        self.code, self.reason = code, reason


class LinkBusy(LinkError):
    """Other calls are still waiting for the peer's answer."""


class AnswerTimeout(LinkError):
    """The peer did not answer in time."""


class CallRefused(LinkError):
    """The peer answered with a CALLERROR; ``error`` is that frame."""

    def __init__(self, error: CallError) -> None:
        super().__init__(f"The peer answered {error.code}: {error.description}"[:300])
        self.error = error


class NotStored(LinkError):
    """The message could not be stored, so it stays unanswered."""


class AuthorityError(RingmainError):
    """The certificate authority has signed nothing."""


class AuthorityAway(AuthorityError):
    """The certificate authority cannot be asked."""


class AuthorityRefused(AuthorityError):
    """The certificate authority has refused."""


class NotTrusted(RingmainError):
    """The certificate breaks a rule."""


class CommandError(RingmainError):
    """The command failed."""


class ChargerOffline(CommandError):
    """The charger is not connected."""


class NotSupported(CommandError):
    """The charger's OCPP version has no such command."""


class InvalidCommand(CommandError):
    """The command breaks a rule of the charger's OCPP version."""

    def __init__(self, message: str = "", fields: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}  # what is wrong, by dotted path, where that is known


class BadAnswer(CommandError):
    """The charger's answer does not follow the OCPP schema."""


def place_of(fault: BaseException) -> str:
    """Name a fault of ours and its line, without the peer's input that set it off."""
    lines = traceback.extract_tb(fault.__traceback__)
    place = f" at {lines[-1].filename}:{lines[-1].lineno}" if lines else ""
    return type(fault).__name__ + place
