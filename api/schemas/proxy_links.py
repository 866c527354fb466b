"""The links to targets, seen all at once."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.common import PageQuery, Schema, Success, next_cursor
from api.schemas.fields import Boolean, Integer, Moment, choice
from proxy.states import State
from storage.repositories.backlogs import LOOKED_AT, MOST_DEAD

STATES = tuple(state.value for state in State)


class LinksQuery(PageQuery):
    """Which page of the links, and which of them."""

    state = choice(*STATES, load_default=None, about="Only links in this state.")


class ProxyLink(Schema):
    """A link to a target: how it is, why, and what waits for it."""

    proxy_configuration_id = Integer(required=True)
    charge_box_id = fields.String(required=True)
    target_platform_identifier = fields.String(required=True)
    target_websocket_url = fields.String(required=True)
    enabled = Boolean(required=True)
    mode = fields.String(required=True)
    role = fields.String(required=True)
    state = choice(*STATES, required=True)
    since = Moment(
        allow_none=True,
        required=True,
        metadata={"description": "When it came into its state; null where nobody dials."},
    )
    reason = fields.String(
        allow_none=True,
        required=True,
        metadata={"description": "Why it is not ready, in one sentence; null where it is."},
    )
    next_dial_at = Moment(allow_none=True, required=True)
    queue_length = Integer(
        required=True,
        metadata={
            "description": f"Counted among {LOOKED_AT:,} entries of the log for a whole page, "
            "shared among its links; `queue_is_longer` says that more may wait. "
            "`proxy_configurations/{id}/status` counts all of one."
        },
    )
    queue_is_longer = Boolean(required=True)
    oldest_queued_at = Moment(allow_none=True, required=True)
    dead_letters = Integer(required=True, metadata={"description": f"Counted up to {MOST_DEAD:,}."})


class ProxyLinks(Success):
    """A page of links, by their ids; of one state a page may have fewer than its limit."""

    proxy_links = fields.List(fields.Nested(ProxyLink), required=True)
    next_cursor = next_cursor()
