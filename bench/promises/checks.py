"""
What schemathesis checks of each answer beside its own checks; it imports this module by its name.

One of its own is replaced: `positive_data_acceptance` takes every 422 to what the document allows
for a failure. What no JSON Schema can say is listed here, field by field, each with the reason; a
422 that names any other field is a failure as before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import count
from typing import Any

import schemathesis
from schemathesis.specs.openapi.checks import positive_data_acceptance

HEADER = "Idempotency-Key"
_MEANING = "it has to mean something to the program that reads it"
_PRESENT = "it names something that has to be there"

BEYOND: Mapping[str, str] = {
    r"cursor": "only what a list has said is a cursor of it",
    r"(.*\.)?(expires_at|expiresAt|since|until|retrieveAt|installAt|validTo|validFrom)": "it "
    "depends on the time of day, or on another moment in the same request",
    r"site_id|(add_|remove_)?chargers(\.\d+)?|stations(\.\d+)?": _PRESENT,
    r"target_auth_client_cert_id": _PRESENT,
    r"target_websocket_url|.*endpoint_url|websocketConnectionArgs\.url|location": "which hosts and "
    "ports are allowed is up to the operator, and placeholders are names",
    r"certificate_chain|private_key|.*caCertificate(Domain)?|target_ca_certificate|certificate": (
        "a PEM holds a certificate or a key, and both have to fit"
    ),
    r"(configuration|credentials)(\..*)?": "names and keys of the provider, by its rules",
    r"target_auth_basic_(username|password)|websocketConnectionArgs|basicAuthPassword": "what goes "
    "together depends on the method of authentication",
    r"security_profile|boot_policy": "what the listener for chargers offers decides",
    r"limit|condition|charging_?[pP]rofile.*|.*customData.*|.*meta|relativeDelay|stackLevel": "one "
    "of several, and parts that go together (csms/profile_lint.py)",
    r"id_?[tT]oken.*|.*tokens?(\..*)?|entries.*|removed.*": "a token is spelt as its type wants",
    r"vehicleIdentification|request(\..*)?|body|Action": _MEANING,
    r"connectivityMode|chargePointId|serialNumber|version|canary.*": _MEANING,
    r"by|identity_id|role|name|X-Organization": _MEANING,
}
_BEYOND = re.compile("|".join(f"(?:{pattern})" for pattern in BEYOND))
_numbers = count()


def is_beyond(named: set[str]) -> bool:
    """Tell whether all that a 422 names is what no schema can say."""
    return bool(named) and all(map(_BEYOND.fullmatch, named))


@schemathesis.check
def what_the_document_allows_is_taken(ctx: Any, response: Any, case: Any) -> None:
    """Fail where a request that fits the document is refused for what the document could say."""
    if response.status_code == 422 and is_beyond(set(response.json().get("fields", ()))):
        return
    positive_data_acceptance(ctx, response, case)


@schemathesis.hook
def before_call(_ctx: Any, case: Any, _kwargs: Any) -> None:
    """Make each Idempotency-Key that is one another: the same for another request is refused."""
    if case.headers and re.fullmatch(r"[\x21-\x7e]{1,255}", str(case.headers.get(HEADER, ""))):
        case.headers[HEADER] = f"promise-{next(_numbers)}"
