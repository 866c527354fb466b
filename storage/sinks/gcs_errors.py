"""What a failure of Google Cloud Storage comes to, in our words: tables, and one way through them.

Nothing that the other side said goes into a sentence; of its error bodies only the reasons are
compared with those that are known.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import RefreshError
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import InvalidSchema, SSLError, Timeout, TooManyRedirects
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as TooSlow

from storage.sinks.connecting import CUT_OFF, NO_STORE, distrusted
from storage.sinks.errors import SinkError, SinkRefused, SinkUnavailable

_Said: TypeAlias = tuple[type[SinkError], str]
_Kinds: TypeAlias = type[Exception] | tuple[type[Exception], ...]


@contextmanager
def translating(bucket: str, right: str) -> Iterator[None]:
    """Turn whatever the libraries raise into a SinkError; ``right`` is what the request needs."""
    try:
        yield
    except Exception as failure:
        raise translated(failure, bucket, right) from failure


def translated(failure: Exception, bucket: str, right: str) -> SinkError:
    """Return what to say of a failure, decided by its class, its HTTP status and its reason."""
    if isinstance(failure, SinkError):
        return failure
    if cause := _certificate_error(failure):
        return distrusted(cause)
    kind, text = next(say(failure) for kinds, say in _SAID if isinstance(failure, kinds))
    return kind(text.format(bucket=bucket, right=right))


def _later(text: str) -> _Said:
    return SinkUnavailable, text


def _act(text: str) -> _Said:
    return SinkRefused, text


# ---- answers of the store ----

_BUSY = _later(
    "Google Cloud Storage has too much to do for this bucket or project now; it is tried again."
)
_CHANGING = _later("The object is being changed by somebody else; it is tried again.")
_BILLING = _act(
    "The project of the bucket {bucket} has no working billing account: enable billing."
)
_DISABLED = _act(
    "The Cloud Storage API is switched off in the project of the bucket {bucket}: enable it."
)
_KEPT = _act(
    "A retention policy or a hold in the bucket {bucket} keeps the object from being replaced or "
    "removed: lift it, or name another bucket."
)
_BY_REASON: dict[str, _Said] = {
    **dict.fromkeys(
        ("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"), _BUSY
    ),
    **dict.fromkeys(("accountDisabled", "BILLING_DISABLED"), _BILLING),
    **dict.fromkeys(("accessNotConfigured", "SERVICE_DISABLED"), _DISABLED),
    **dict.fromkeys(("retentionPolicyNotMet", "objectUnderActiveHold"), _KEPT),
}
_BY_STATUS: dict[int, _Said] = {
    400: _act(
        "Google Cloud Storage takes this request for a wrong one: check the bucket's name and "
        "endpoint_url."
    ),
    401: _act(
        "Google Cloud Storage does not accept the service account: check that it is enabled, and "
        "replace its key."
    ),
    403: _act(
        "The service account may not do this: grant it a role with {right} on the bucket {bucket}, "
        "if there is one of that name."
    ),
    404: _act("There is no bucket {bucket}: create it, or correct its name."),
    **dict.fromkeys((408, 429), _BUSY),
    **dict.fromkeys((409, 412), _CHANGING),
    413: _act("The object is too large for this store: set a smaller flush_bytes."),
}
_BROKEN = _later("Google Cloud Storage is not available now; it is tried again.")


def _answered(failure: Any) -> _Said:
    status = failure.code if isinstance(failure.code, int) else 0
    if status >= 500:
        return _BROKEN
    known = [_BY_REASON[reason] for reason in _reasons(failure) if reason in _BY_REASON]
    return known[0] if known else _BY_STATUS.get(status, _act(NO_STORE))


def _reasons(failure: Any) -> list[str]:
    try:
        said = failure.response.json()["error"]
        told = [*said.get("errors", ()), *said.get("details", ())]
        return [each["reason"] for each in told if isinstance(each.get("reason"), str)]
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return []


# ---- tokens ----

_KEY = _act(
    "Google gives no token for this key: the key was deleted or has expired, its service account "
    "was deleted or disabled, or the clock of this server is wrong. Replace the key."
)


# ---- connections ----


def _certificate_error(failure: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """Look for it among what the libraries have wrapped it in."""
    while failure is not None and not isinstance(failure, ssl.SSLCertVerificationError):
        failure = failure.__cause__ or failure.__context__
    return failure


_LATE = _later("The store did not answer in time; it is tried again.")
_INSECURE = _later(
    "TLS with the store failed: check that endpoint_url names a port that speaks HTTPS."
)
_ELSEWHERE = _act("The store sends us elsewhere, where nothing is sent: correct endpoint_url.")

# The first kind that fits decides; the last are answers that the libraries fall over.
_SAID: tuple[tuple[_Kinds, Callable[[Any], _Said]], ...] = (
    (GoogleAPICallError, _answered),
    (RefreshError, lambda _: _KEY),
    ((Timeout, TooSlow), lambda _: _LATE),
    (SSLError, lambda _: _INSECURE),
    ((TooManyRedirects, InvalidSchema), lambda _: _ELSEWHERE),
    ((NoConnection, HTTPError, OSError), lambda _: _later(CUT_OFF)),
    (Exception, lambda _: _act(NO_STORE)),
)
