"""Members: people, by the identity of their sessions."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.common import Done, Schema, Success, next_cursor
from api.schemas.fields import Moment, choice, text
from api.schemas.organizations import SCOPES

IDENTITY = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ROLE = "What the member may do, as a key of this scope."


class MemberChange(Schema):
    """Another role."""

    role = choice(*SCOPES, required=True, about=_ROLE)


class MemberRequest(MemberChange):
    """A person to let in."""

    identity_id = text(
        36,
        shortest=36,
        pattern=IDENTITY,
        required=True,
        about="The UUID of the Ory Kratos identity, in lower case.",
        wrong="Wanted is the UUID of a Kratos identity in lower case.",
    )


class Member(Schema):
    """A person, and what he may do."""

    identity_id = fields.String(required=True)
    role = choice(*SCOPES, required=True, about=_ROLE)
    created_by = fields.String(required=True)
    created_at = Moment(required=True)


class Members(Success):
    """The organization's members."""

    members = fields.List(fields.Nested(Member), required=True)
    next_cursor = next_cursor()


class OneMember(Done):
    """A member."""

    member = fields.Nested(Member, required=True)
