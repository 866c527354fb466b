"""Whether the server can work."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.common import Success


class Readiness(Success):
    """The server can work; what it warns of names nobody."""

    warnings = fields.List(fields.String(), required=True)
