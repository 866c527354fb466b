"""
What each type of data connector is configured with, in one table.

From it come the schemas that judge what is given, and what the document says of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from marshmallow import ValidationError, fields, validate, validates_schema

from api.schemas.common import Schema
from api.schemas.fields import Boolean, Integer, choice, text
from storage.sink_options import SinkOptions
from storage.sinks import gcs_account, names
from storage.sinks.names import Rule

FLUSH_SECONDS = validate.Range(min=1, max=3600)
FLUSH_BYTES = validate.Range(min=1 << 10, max=64 << 20)
_DEFAULTS = SinkOptions()


class By(validate.Validator):
    """Refuse what a rule has something against, in its words."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule

    def __call__(self, value: str) -> str:
        """Return the value, or raise ValidationError."""
        reason = self._rule(value)
        if reason is not None:
            raise ValidationError(reason)
        return value


def named(rule: Rule, longest: int, about: str = "", **more: Any) -> fields.String:
    """Return a field that is required and judged by a rule."""
    return text(longest, validate=[By(rule)], about=about, required=True, **more)


def secret(rule: Rule, longest: int) -> fields.String:
    """Return a field that is judged by a rule and never comes back."""
    return named(rule, longest, load_only=True)


# ---- what every type may be told ----


class Destination(Schema):
    """Where objects go and when; without our defaults, so that it comes back as it was given."""

    prefix = text(
        200,
        shortest=0,
        validate=[By(names.prefix)],
        about="What comes before `organization=` in the name of every object.",
    )
    endpoint_url = text(
        2000,
        about="Where the store is, if it is not the provider's own: `https://`, with the bucket in "
        "the path. `http://` and private addresses only as the operator permits them for targets.",
    )
    flush_seconds = Integer(
        validate=FLUSH_SECONDS,
        metadata={
            "description": "An object is written when its oldest record is so old; "
            f"{_DEFAULTS.flush_seconds} by default."
        },
    )
    flush_bytes = Integer(
        validate=FLUSH_BYTES,
        metadata={
            "description": "An object is written when there is so much, before it is compressed; "
            f"{_DEFAULTS.flush_bytes} by default."
        },
    )
    start = choice(
        "now",
        "earliest",
        about="What a new connector begins with: what comes from now on (the default), or the "
        "oldest message that is kept. It says nothing to one that exists.",
    )
    hash_id_tags = Boolean(
        metadata={
            "description": "Write a hash in place of every id token, the same for the same token."
        }
    )


class S3Configuration(Destination):
    """A bucket in a region; elsewhere than at the provider a region may have any name."""

    region_rule: Rule = staticmethod(names.any_region)

    @validates_schema(skip_on_field_errors=False)
    def in_its_region(self, given: Mapping[str, Any], **_: Any) -> None:
        """Refuse a region that becomes part of a host and is none."""
        rule = names.any_region if "endpoint_url" in given else self.region_rule
        reason = rule(given["region"]) if "region" in given else None
        if reason is not None:
            raise ValidationError(reason, "region")


class AwsS3Configuration(S3Configuration):
    """A bucket at AWS, or at what speaks its protocol."""

    region_rule: Rule = staticmethod(names.aws_region)
    bucket = named(names.s3_bucket, 63)
    region = text(32, required=True, about="For example `eu-central-1`.")


class SpacesConfiguration(S3Configuration):
    """A bucket at DigitalOcean."""

    region_rule: Rule = staticmethod(names.spaces_region)
    bucket = named(names.spaces_bucket, 63, "The name of the Space.")
    region = text(32, required=True, about="For example `fra1`.")


class GoogleConfiguration(Destination):
    """A bucket at Google."""

    bucket = named(names.gcs_bucket, 222)


class AzureConfiguration(Destination):
    """A container of a storage account."""

    storage_account = named(names.azure_account, 24)
    container = named(names.azure_container, 63)


# ---- what each type is let in with ----


class KeyFile(fields.Field[str]):
    """The key file of a service account: its text, or the object that it is."""

    default_error_messages = {  # noqa: RUF012 - as marshmallow has it
        "invalid": "Give the JSON key file of the service account, as text or as it is."
    }

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any
    ) -> str:
        if isinstance(value, dict):
            return orjson.dumps(value).decode()
        if not isinstance(value, str):
            raise self.make_error("invalid")
        return value


class S3Credentials(Schema):
    """The key pair of a user who may write to the bucket."""

    access_key_id = secret(names.access_key_id, 128)
    secret_access_key = secret(names.secret_access_key, 256)


class GoogleCredentials(Schema):
    """The key file of a service account that may write to the bucket."""

    service_account_json = KeyFile(
        required=True,
        load_only=True,
        validate=validate.Length(min=1, max=gcs_account.LONGEST),
        metadata={
            "description": "The JSON key file, as text on one line, or as the object that it is.",
            "anyOf": [
                {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": gcs_account.LONGEST,
                    "pattern": r"^\s*\{",
                },
                {"type": "object", "maxProperties": 50},
            ],
        },
    )


class AzureCredentials(Schema):
    """A key of the storage account."""

    account_key = secret(names.account_key, 256)


# ---- the table ----


class Kind(NamedTuple):
    """What a type is called in the document, and what it is configured with."""

    name: str
    configuration: type[Schema]
    credentials: type[Schema]


KINDS: Mapping[str, Kind] = {
    "aws_s3": Kind("AwsS3", AwsS3Configuration, S3Credentials),
    "digital_ocean_spaces": Kind("Spaces", SpacesConfiguration, S3Credentials),
    "gcp_storage": Kind("Google", GoogleConfiguration, GoogleCredentials),
    "azure_storage": Kind("Azure", AzureConfiguration, AzureCredentials),
}
