"""The message log: what was said on a charger's links, each CALL with its answer."""

from __future__ import annotations

from typing import get_args

from marshmallow import fields

from api.schemas.common import PageQuery, Schema, Success, next_cursor
from api.schemas.fields import Boolean, Integer, Moment, choice, text
from storage.records import Direction, MessageType


class MessageQuery(PageQuery):
    """Which messages."""

    action = text(255, load_default=None)
    direction = choice(*get_args(Direction), load_default=None)
    message_id = text(255, load_default=None)
    since = Moment(load_default=None)
    until = Moment(load_default=None)


class Frame(Schema):
    """What a frame says: a payload, an error, or text that cannot be read."""

    seq = Integer(required=True)
    timestamp = Moment(required=True)
    message_type = choice(*get_args(MessageType), required=True)
    payload = fields.Raw(metadata={"description": "As it was on the wire, number by number."})
    error_code = fields.String(allow_none=True)
    error_description = fields.String(allow_none=True)
    error_details = fields.Raw()
    raw = fields.String(metadata={"description": "The frame, where it cannot be read."})


class Message(Frame):
    """One message that is no answer, and what came back on the same link."""

    direction = choice(*get_args(Direction), required=True)
    ocpp_version = fields.String(required=True)
    message_id = fields.String(allow_none=True, required=True)
    action = fields.String(allow_none=True, required=True)
    proxy_configuration_id = Integer(allow_none=True, required=True)
    origin = Integer(
        allow_none=True,
        required=True,
        metadata={"description": "Towards a target: the `seq` of the charger's own message."},
    )
    maybe_duplicate = Boolean(
        allow_none=True,
        required=True,
        metadata={"description": "The target may have had it before."},
    )
    answer = fields.Nested(Frame, allow_none=True, required=True)
    latency_ms = fields.Float(allow_none=True, required=True)


class Messages(Success):
    """A page of messages, newest first."""

    messages = fields.List(fields.Nested(Message), required=True)
    next_cursor = next_cursor()
