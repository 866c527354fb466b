from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from csms import logs


@pytest.fixture(autouse=True)
def _as_before() -> object:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


def test_an_event_is_one_json_line() -> None:
    stream = io.StringIO()
    logs.configure("json", "info", stream)

    structlog.get_logger().info("charger_connected", charge_box_id="CP-1")

    event = json.loads(stream.getvalue())
    assert (event["event"], event["charge_box_id"], event["level"]) == (
        "charger_connected",
        "CP-1",
        "info",
    )


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("forged", ["a\nready", "\x1b[2Jgone", "a\u2028b", "\x00"])
def test_what_a_peer_sends_cannot_forge_a_line(log_format: str, forged: str) -> None:
    stream = io.StringIO()
    logs.configure(log_format, "info", stream)

    structlog.get_logger().info("refused", action=forged)

    line = stream.getvalue()
    assert len(line.splitlines()) == 1
    assert line.rstrip("\n").isprintable()


def test_less_urgent_events_are_left_out() -> None:
    stream = io.StringIO()
    logs.configure("json", "warning", stream)

    structlog.get_logger().info("nothing special")

    assert not stream.getvalue()


def test_libraries_are_heard_from_warnings_on_and_in_the_same_form() -> None:
    stream = io.StringIO()
    logs.configure("json", "info", stream)

    logging.getLogger("ocpp").info("a whole frame with AuthorizationKey")
    logging.getLogger("ocpp").warning("something is wrong")

    [line] = stream.getvalue().splitlines()
    assert json.loads(line)["event"] == "something is wrong"
