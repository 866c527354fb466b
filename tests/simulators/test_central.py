from __future__ import annotations

import pytest

from simulators.central import TONGUES, Desk
from tests.schema_payloads import full, minimal
from tests.simulators.stage import VERSIONS, validator

DESK = Desk("2026-01-01T00:00:00.000Z", "Accepted", 300, lambda: 1, "Accepted")
ACTIONS = [
    (name, action)
    for name, tongue in TONGUES.items()
    for action in tongue.answers
    if action != "NotifyPeriodicEventStream"  # a Send has no answer
]


@pytest.mark.parametrize(("subprotocol", "action"), ACTIONS)
@pytest.mark.parametrize("payload_of", [minimal, full])
def test_every_answer_follows_its_schema(subprotocol: str, action: str, payload_of: object) -> None:
    assert callable(payload_of)
    version = VERSIONS[subprotocol]

    answer = TONGUES[subprotocol].answers[action](DESK, payload_of(version, action))

    assert list(validator(version, action, "response").iter_errors(answer)) == []


def test_only_an_event_with_a_token_is_told_about_it() -> None:
    answer = TONGUES["ocpp2.0.1"].answers["TransactionEvent"]

    assert answer(DESK, {"eventType": "Updated"}) == {}
    assert answer(DESK, {"idToken": {}}) == {"idTokenInfo": {"status": "Accepted"}}
