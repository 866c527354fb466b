"""What the answers of an S3 store mean, by their code alone, and else by their HTTP status.

The store's own message is never passed on: it repeats access keys, and what was signed with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from storage.sinks.connecting import NO_STORE
from storage.sinks.errors import SinkError, SinkRefused, SinkUnavailable

_Told: TypeAlias = tuple[type[SinkError], str]

BUSY = "The store asks for fewer requests; the object is tried again."
CLOCK = "The clock of this server and the store's are too far apart: set the clock by NTP."
CREDENTIALS = (
    "secret_access_key does not belong to access_key_id: give the connector both again, as copied."
)
DAMAGED = "The object was damaged on its way; it is tried again."
ELSEWHERE = "The bucket is not in this region: correct region, and endpoint_url if there is one."
FAILED = "The store failed with HTTP status {status}; the object is tried again."
FORBIDDEN = (
    "The key has no right to do this: allow its user {right} on the objects of the bucket, and "
    "kms:GenerateDataKey where the bucket is encrypted with a KMS key of yours."
)
FULL = "The store takes no more from this account: raise its quota, or make room."
NO_ACCOUNT = "The store has closed this account or has yet to open it: settle that with it."
NO_BUCKET = "There is no such bucket: create it, or correct bucket and region."
NO_KEY = "The store does not know access_key_id: give the connector a key that is there and active."
NO_KMS = "The bucket's encryption key cannot be used: enable it, or allow its use, in KMS."
NO_TOKEN = "The key is a temporary one, which ends: give the connector a lasting one."  # noqa: S105 - a sentence, no secret
ON_THE_MOVE = "The store is still setting the bucket up; the object is tried again."
REDIRECTED = (
    "The store sends us to another address, which is not followed: correct region and endpoint_url."
)
REFUSED = (
    "The store refused the object with HTTP status {status}: compare bucket, region, endpoint_url "
    "and access_key_id with what its provider documents."
)
TOO_LARGE = "The object is larger than the store takes: lower flush_bytes."
TOO_SLOW = "The upload was too slow for the store; the object is tried again."
UNABLE = "The store cannot do what is needed here: use one that speaks the S3 protocol in full."


def told(answer: Mapping[str, Any], right: str) -> SinkError:
    """Return the error that an answer stands for; `right` is the IAM action that was tried."""
    code = answer.get("Error", {}).get("Code")
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    kind, sentence = _by_code(code) or _by_status(status)
    return kind(sentence.format(right=right, status=status))


def _by_code(code: object) -> _Told | None:
    return _CODES.get(code) if isinstance(code, str) else None  # it may be any XML


def _by_status(status: object) -> _Told:
    if not isinstance(status, int):
        return SinkRefused, NO_STORE
    return _STATUSES.get(status) or _HUNDREDS.get(status // 100, (SinkRefused, NO_STORE))


def _all(kind: type[SinkError], sentence: str, codes: Iterable[str]) -> dict[str, _Told]:
    return dict.fromkeys(codes, (kind, sentence))


# "Error responses" of the S3 API reference, and what other stores and KMS add.
_CODES: Mapping[str, _Told] = {
    **_all(SinkRefused, NO_BUCKET, ["NoSuchBucket", "InvalidBucketName"]),
    **_all(SinkRefused, NO_KEY, ["InvalidAccessKeyId"]),
    **_all(SinkRefused, CREDENTIALS, ["SignatureDoesNotMatch"]),
    **_all(SinkRefused, FORBIDDEN, ["AccessDenied", "AccessDeniedException"]),
    **_all(SinkRefused, NO_TOKEN, ["ExpiredToken", "InvalidToken", "TokenRefreshRequired"]),
    **_all(
        SinkRefused,
        NO_ACCOUNT,
        ["AccountProblem", "AllAccessDisabled", "NotSignedUp", "UserSuspended"],
    ),
    **_all(
        SinkRefused,
        ELSEWHERE,
        [
            "AuthorizationHeaderMalformed",
            "AuthorizationQueryParametersError",
            "IllegalLocationConstraintException",
            "IncorrectEndpoint",
            "InvalidRegionName",
            "PermanentRedirect",
        ],
    ),
    **_all(
        SinkRefused,
        CLOCK,
        ["RequestTimeTooSkewed", "RequestExpired", "AccessDeniedRequestTimeTooSkewed"],
    ),
    **_all(
        SinkRefused,
        NO_KMS,
        [
            "KMS.DisabledException",
            "KMS.InvalidKeyUsageException",
            "KMS.KMSInvalidStateException",
            "KMS.NotFoundException",
        ],
    ),
    **_all(SinkRefused, TOO_LARGE, ["EntityTooLarge", "MaxMessageLengthExceeded"]),
    **_all(SinkRefused, FULL, ["QuotaExceeded", "XMinioAdminBucketQuotaExceeded"]),
    **_all(SinkUnavailable, FULL, ["InsufficientCapacity", "XMinioStorageFull"]),
    **_all(SinkRefused, UNABLE, ["NotImplemented", "MethodNotAllowed"]),
    **_all(
        SinkUnavailable,
        BUSY,
        [
            "RequestLimitExceeded",
            "ServiceUnavailable",
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "TooManyRequests",
        ],
    ),
    **_all(SinkUnavailable, TOO_SLOW, ["RequestTimeout"]),
    **_all(
        SinkUnavailable,
        DAMAGED,
        ["BadDigest", "IncompleteBody", "InvalidDigest", "XAmzContentSHA256Mismatch"],
    ),
    **_all(SinkUnavailable, ON_THE_MOVE, ["TemporaryRedirect", "OperationAborted"]),
}
_STATUSES: Mapping[int, _Told] = {
    **dict.fromkeys((401, 403), (SinkRefused, FORBIDDEN)),
    **dict.fromkeys((404, 405, 501), (SinkRefused, NO_STORE)),
    **dict.fromkeys((408,), (SinkUnavailable, TOO_SLOW)),
    **dict.fromkeys((413,), (SinkRefused, TOO_LARGE)),
    **dict.fromkeys((429, 503), (SinkUnavailable, BUSY)),
    507: (SinkRefused, FULL),
}
_HUNDREDS: Mapping[int, _Told] = {
    3: (SinkRefused, REDIRECTED),
    4: (SinkRefused, REFUSED),
    5: (SinkUnavailable, FAILED),
}
