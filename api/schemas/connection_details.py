"""Connection details (seed 001): how chargers are linked to their operator's own server."""

from __future__ import annotations

from typing import get_args

from marshmallow import fields

from api.schemas.fields import (
    CHARGE_BOX_ID,
    HOST_NAME,
    LINES,
    Boolean,
    choice,
    nullable,
    text,
)
from api.schemas.stations import CamelCase
from storage.commissioning_records import ConnectivityMode

MODES: tuple[str, ...] = get_args(ConnectivityMode)


class WebsocketConnectionArgs(CamelCase):
    """Where chargers are linked to, and by whom its certificate has to be signed."""

    url = text(
        1900,
        required=True,
        about="The chargePointId is put at the end of its path. `ws://` needs "
        "RINGMAIN_ALLOW_INSECURE_TARGETS; with `wss://` the host is a name, no IP address.",
    )
    ca_certificate = text(
        65536,
        pattern=LINES,
        about="PEM, required with `wss://`: the only authorities to trust, 1 to 10 of them.",
        **nullable(),
    )
    ca_certificate_domain = text(
        253,
        pattern=HOST_NAME,
        wrong="Give a name of DNS: no IP address, no wildcard.",
        about="Required with `wss://`: the name that the server's certificate has to bear.",
        **nullable(),
    )


class ConnectionDetailsFields(CamelCase):
    """What is stored for an operator as well as for a charger."""

    connectivity_mode = choice(
        *MODES,
        required=True,
        about="DualProtocol: served by this platform and linked to the operator's server as well. "
        "OcppOff: the link to the operator's server is taken down.",
    )
    websocket_connection_args = fields.Nested(
        WebsocketConnectionArgs,
        metadata={"description": "Required with DualProtocol."},
        **nullable(),
    )
    basic_auth_password = text(
        255,
        about="For HTTP Basic, where the user is the chargePointId; without it none is sent.",
        **nullable(),
    )
    version = text(
        255,
        load_only=True,
        about="Passed over, so that what GET answers can be stored: every POST makes a version.",
        **nullable(),
    )


class ConnectionDetailsRequest(ConnectionDetailsFields):
    """A version for all chargers of an operator."""

    apply_to_new_devices = Boolean(
        load_default=False,
        metadata={
            "description": "Apply it by itself to chargers that are enrolled or boot for the first "
            "time from now on, as long as it is the latest version."
        },
    )


class ChargerConnectionDetailsRequest(ConnectionDetailsFields):
    """A version for one charger."""

    charge_point_id = text(
        48,
        pattern=CHARGE_BOX_ID,
        about="As which the operator's server knows the charger; by default its serial number.",
        **nullable(),
    )


class StoredVersion(CamelCase):
    """Which version was stored."""

    version = fields.String(
        required=True, metadata={"description": "What names it when it is applied."}
    )


class StoredConnectionArgs(CamelCase):
    """Where chargers are linked to."""

    url = fields.String(required=True)
    ca_certificate = fields.String(allow_none=True, required=True)
    ca_certificate_domain = fields.String(allow_none=True, required=True)


class StoredDetails(CamelCase):
    """A version as it was stored, which can be stored again as it is told."""

    websocket_connection_args = fields.Nested(
        StoredConnectionArgs,
        allow_none=True,
        required=True,
        metadata={"description": "null where OcppOff was stored without any."},
    )
    connectivity_mode = choice(*MODES, required=True)
    basic_auth_password = fields.String(
        allow_none=True,
        required=True,
        metadata={"description": "null where none is stored, or the key's scope is not admin."},
    )
    version = fields.String(required=True, metadata={"description": "Which version this is."})


class ConnectionDetails(StoredDetails):
    """A version for all chargers of an operator."""

    apply_to_new_devices = Boolean(required=True)


class ChargerConnectionDetails(StoredDetails):
    """A version for one charger."""

    charge_point_id = fields.String(
        required=True,
        metadata={"description": "As it was stored, else what is used by default."},
    )


class VersionQuery(CamelCase):
    """Which version."""

    version = text(255, load_default=None, about="By default the latest one.")
