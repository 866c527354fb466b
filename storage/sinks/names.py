"""Say what may be the name of a bucket, an account, a region, a prefix or a key.

Most of these become part of a host or of a path: `127.0.0.1/?` as a region would send credentials
to another server (reliability-security S-09). So each rule lists what is allowed, in ASCII, from
the first character to the last, and is as strict as the provider's own document named in it.

A rule returns why a text is no such name, as one sentence for who gave it, or None. It never
repeats the text: that may be a secret in the wrong field.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from storage.sinks.errors import SinkRefused

Rule: TypeAlias = Callable[[str], str | None]
# Whether a text is wrong, and why.
_Fault: TypeAlias = tuple[Callable[[str], object], str]


def s3_bucket(name: str) -> str | None:
    """Judge a bucket at AWS or at what speaks its protocol.

    Amazon S3 user guide, "General purpose bucket naming rules": lengths, characters, and the
    prefixes and suffixes that are aliases of something else.
    """
    return _first(_S3_BUCKET, name)


def spaces_bucket(name: str) -> str | None:
    """Judge a bucket at DigitalOcean.

    Spaces API reference, "Create a bucket", and "Spaces limits" for names with dots: those of S3
    without what AWS has reserved for itself.
    """
    return _first(_SPACES_BUCKET, name)


def gcs_bucket(name: str) -> str | None:
    """Judge a bucket at Google.

    Cloud Storage documents, "Bucket names": with dots it may be longer, each part may not.
    """
    return _first(_GCS_BUCKET, name)


def azure_account(name: str) -> str | None:
    """Judge a storage account.

    Azure documents, "Storage account overview": 3 to 24 lower-case letters and digits, nothing
    else; the name is the first label of a host.
    """
    return _first(_AZURE_ACCOUNT, name)


def azure_container(name: str) -> str | None:
    """Judge a container at Azure.

    "Naming and referencing containers, blobs, and metadata". The special ones ($root, $logs, $web)
    stay closed: $web is published to everybody, the log must not be.
    """
    return _first(_AZURE_CONTAINER, name)


def aws_region(name: str) -> str | None:
    """Judge a region of AWS, as its SDKs do (botocore, partitions.json), of any partition."""
    return _first(_AWS_REGION, name)


def spaces_region(name: str) -> str | None:
    """Judge a region of DigitalOcean: "Regional availability", three letters and a number."""
    return _first(_SPACES_REGION, name)


def any_region(name: str) -> str | None:
    """Judge the region of a store with an `endpoint_url`: it is signed and is part of no host."""
    return _first(_ANY_REGION, name)


def prefix(text: str) -> str | None:
    """Judge what comes before `organization=…` in the name of every object; empty is none.

    The characters are safe in all four stores ("Object key naming guidelines" of S3) and in a URL;
    they are no wildcards of DuckDB. Spark, Hive and Athena skip what begins with `_` or `.`,
    Azure cuts a dot at the end of a segment, and a second `date=` would be read as ours.
    Names end at 1024 bytes, segments of Azure's hierarchical accounts at 255.
    """
    return _first(_PREFIX, text)


def access_key_id(text: str) -> str | None:
    """Judge the id of an S3 key: it goes into a header between `/`, `,` and `=`.

    IAM's are 16 to 128 characters; stores that speak its protocol have shorter ones.
    """
    return _first(_ACCESS_KEY_ID, text)


def secret_access_key(text: str) -> str | None:
    """Judge an S3 secret: 40 characters at AWS, others elsewhere; never a blank or a newline."""
    return _first(_SECRET_ACCESS_KEY, text)


def account_key(text: str) -> str | None:
    """Judge the key of a storage account: base64 of 64 bytes ("Manage account access keys").

    Azurite takes any base64 for an account of one's own; a connection string or a signature (SAS)
    is none.
    """
    return _first(_ACCOUNT_KEY, text)


def checked(given: Mapping[str, Any], field: str, rule: Rule) -> str:
    """Return what a sink is opened with, once more judged by its rule; raise SinkRefused."""
    value = given.get(field)
    reason = rule(value) if isinstance(value, str) else f"{field} is missing."
    if reason is not None:
        raise SinkRefused(reason)
    return str(value)


def _first(faults: tuple[_Fault, ...], text: str) -> str | None:
    return next((reason for wrong, reason in faults if wrong(text)), None)


def _unless(pattern: str, reason: str) -> _Fault:
    """Allow what the whole pattern matches: no `$`, which would let a newline pass."""
    allowed = re.compile(pattern)
    return lambda text: allowed.fullmatch(text) is None, reason


def _if(pattern: str, reason: str) -> _Fault:
    return re.compile(pattern).search, reason


def _no_key(text: str) -> bool:
    try:
        return not 1 <= len(b64decode(text, validate=True)) <= 128
    except (NotBase64, ValueError):
        return True


_DOTS = _if(r"\.\.", "A bucket's name must not have two dots in a row.")
_ADDRESS = _if(r"\A[0-9]+(\.[0-9]+){3}\Z", "A bucket's name must not be an IP address.")

_SPACES_BUCKET: tuple[_Fault, ...] = (
    _unless(
        r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        "A bucket's name is 3 to 63 lower-case letters, digits, hyphens and dots, with a letter"
        " or digit at both ends.",
    ),
    _DOTS,
    _ADDRESS,
)
_S3_BUCKET: tuple[_Fault, ...] = (
    *_SPACES_BUCKET,
    _if(
        r"\A(xn--|sthree-|amzn-s3-demo-)",
        "AWS keeps names that begin with xn--, sthree- or amzn-s3-demo- for itself.",
    ),
    _if(
        r"(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)\Z",
        "This is the name of an access point, a directory or a table;"
        " give the name of a general purpose bucket.",
    ),
)
_GCS_BUCKET: tuple[_Fault, ...] = (
    _unless(
        r"(?=.{3,222}\Z)[a-z0-9]([a-z0-9._-]*[a-z0-9])",
        "A bucket's name is 3 to 63 lower-case letters, digits, hyphens, underscores and dots (to"
        " 222 with dots), with a letter or digit at both ends.",
    ),
    _DOTS,
    _if(r"[^.]{64}", "No part of a bucket's name may be longer than 63 characters."),
    _ADDRESS,
    _if(r"\Agoog|google|g00gle", "Google keeps names with “goog” or “google” for itself."),
)
_AZURE_ACCOUNT: tuple[_Fault, ...] = (
    _unless(
        r"[a-z0-9]{3,24}",
        "A storage account's name is 3 to 24 lower-case letters and digits,"
        " without “.blob.core.windows.net”.",
    ),
)
_AZURE_CONTAINER: tuple[_Fault, ...] = (
    _unless(
        r"(?=.{3,63}\Z)[a-z0-9]+(-[a-z0-9]+)*",
        "A container's name is 3 to 63 lower-case letters, digits and single hyphens, with a letter"
        " or digit at both ends.",
    ),
)
_AWS_REGION: tuple[_Fault, ...] = (
    _unless(
        r"[a-z]{2,4}(-[a-z]{2,10}){1,2}-[1-9][0-9]?",
        "Give a region of AWS by its code, for example eu-central-1.",
    ),
)
_SPACES_REGION: tuple[_Fault, ...] = (
    _unless(
        r"[a-z]{3}[1-9][0-9]?",
        "Give a region of DigitalOcean by its code, for example fra1.",
    ),
)
_ANY_REGION: tuple[_Fault, ...] = (
    _unless(r"[a-z0-9-]{1,32}", "A region is 1 to 32 lower-case letters, digits and hyphens."),
)
_PREFIX: tuple[_Fault, ...] = (
    (lambda text: len(text) > 200, "A prefix has at most 200 characters."),
    _if(r"\A/|/\Z|//", "A prefix has no slash at its ends and no two in a row."),
    _if(
        r"(\A|/)[._]|\.(/|\Z)",
        "No part of a prefix may begin with a dot or an underscore, or end with a dot.",
    ),
    _unless(
        r"([A-Za-z0-9._-]+(=[A-Za-z0-9._-]+)?(/|\Z))*",
        "A prefix is made of letters a to z, digits, “.”, “_”, “-” and “/”; one part may be"
        " key=value.",
    ),
    _if(
        r"(?i)(\A|/)(organization|date|hour)=",
        "The prefix must not use organization=, date= or hour=: they follow it by themselves.",
    ),
)
_ACCESS_KEY_ID: tuple[_Fault, ...] = (
    _unless(
        r"[!-+.:-<>-~0-9-]{1,128}",
        "access_key_id is 1 to 128 printable characters without blanks, commas, slashes and equals"
        " signs; check what was copied.",
    ),
)
_SECRET_ACCESS_KEY: tuple[_Fault, ...] = (
    _unless(
        r"[!-~]{1,256}",
        "secret_access_key is 1 to 256 printable characters without blanks and line breaks;"
        " check what was copied.",
    ),
)
_ACCOUNT_KEY: tuple[_Fault, ...] = (
    (
        _no_key,
        "account_key is key1 or key2 of the account in base64, no connection string and no SAS.",
    ),
)
