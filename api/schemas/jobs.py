"""Firmware updates and logs."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from api.schemas.common import next_cursor
from api.schemas.fields import LINES, Integer, Moment, Pattern, choice, nullable, text
from api.schemas.power_limits import StatusInfo
from api.schemas.stations import CamelCase
from csms.jobs import DIAGNOSTICS, SECURITY


class Location(fields.Url):
    """A URL that a charger can fetch from or send to; which schemes it knows is its affair."""

    def __init__(self, about: str, **more: Any) -> None:
        super().__init__(
            schemes={"ftp", "ftps", "http", "https", "sftp"},
            require_tld=False,
            validate=[validate.Length(min=1, max=512), Pattern(r"[\x21-\x7e]*")],
            metadata={"description": about, "maxLength": 512},
            **more,
        )


class _Retries(CamelCase):
    """How often a charger tries again."""

    retries = Integer(validate=validate.Range(min=0, max=100), **nullable())
    retry_interval = Integer(
        validate=validate.Range(min=0, max=86_400),
        metadata={"description": "s between two tries."},
        **nullable(),
    )


class FirmwareRequest(_Retries):
    """Where the firmware is, and when to fetch it."""

    location = Location("Where the charger fetches it.", required=True)
    retrieve_at = Moment(metadata={"description": "By default now."}, **nullable())
    install_at = Moment(**nullable())
    signature = text(800, about="Base64, of the file.", **nullable())
    signing_certificate = text(5500, pattern=LINES, about="PEM.", **nullable())

    @validates_schema
    def _signed_whole(self, data: dict[str, Any], **_: Any) -> None:
        if (data["signature"] is None) != (data["signing_certificate"] is None):
            missing = "signature" if data["signature"] is None else "signingCertificate"
            raise ValidationError({missing: ["Signature and certificate go together."]})


class LogRequest(_Retries):
    """Which log is wanted, and of which time."""

    type = choice(DIAGNOSTICS, SECURITY, load_default=DIAGNOSTICS)
    location = Location(
        "Where the charger sends it; by default to us, by a URL that works once.", **nullable()
    )
    since = Moment(**nullable())
    until = Moment(**nullable())

    @validates_schema
    def _in_order(self, data: dict[str, Any], **_: Any) -> None:
        if data["since"] and data["until"] and data["since"] >= data["until"]:
            raise ValidationError({"until": ["This is not after since."]})


class JobAnswer(CamelCase):
    """What the charger answered, and the job that tells how it goes on."""

    response = fields.String(required=True)
    job_id = fields.String(required=True)
    status_info = fields.Nested(StatusInfo)


class JobStatus(CamelCase):
    """A word of the charger on how it gets on."""

    status = fields.String(required=True)
    at = Moment(required=True)


class UploadedFile(CamelCase):
    """The file that came."""

    name = fields.String(attribute="file_name", required=True)
    size = Integer(attribute="file_size", required=True)
    sha256 = fields.String(attribute="file_sha256", required=True)
    uploaded_at = Moment(required=True)


class Job(CamelCase):
    """A firmware update or a log, and how it goes."""

    job_id = fields.String(required=True)
    kind = choice("firmware", "log", required=True)
    state = fields.String(
        required=True,
        metadata={
            "description": "The state of its command: collecting while the charger is at it, "
            "complete when it has told its end."
        },
    )
    statuses = fields.List(fields.Nested(JobStatus), required=True)
    file = fields.Nested(UploadedFile, allow_none=True, required=True)
    created_at = Moment(required=True)


class OneJob(CamelCase):
    """One job."""

    job = fields.Nested(Job, required=True)


class Jobs(CamelCase):
    """A page of a station's jobs, newest first."""

    jobs = fields.List(fields.Nested(Job), required=True)
    next_cursor = next_cursor()
