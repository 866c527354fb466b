from __future__ import annotations

import io
import json
import logging
import warnings

import pytest
import structlog

from csms import logs


@pytest.fixture(autouse=True)
def _as_before() -> object:
    handlers, level = logging.root.handlers[:], logging.root.level
    with warnings.catch_warnings():
        yield
    logging.captureWarnings(False)  # noqa: FBT003 - its only argument
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


HOSTILE = [
    "a\nready",
    "\x1b[2Jgone",
    "a\u2028b",
    "\x00",
    "\u0085",
    "\r",
    "\ud800",
    "\u202e",
    "\x9b2J",
]


def test_what_python_warns_of_is_an_event_as_well() -> None:
    warnings.simplefilter("always")
    stream = io.StringIO()
    logs.configure("json", "info", stream)

    warnings.warn("an odd certificate", UserWarning, stacklevel=1)

    event = json.loads(stream.getvalue())
    assert event["level"] == "warning"
    assert "an odd certificate" in event["event"]


def written(log_format: str, **event: object) -> str:
    stream = io.StringIO()
    logs.configure(log_format, "info", stream)
    structlog.get_logger().info("something", **event)
    return stream.getvalue()


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_wherever_it_stands_it_stays_on_its_line(log_format: str, hostile: str) -> None:
    for event in (
        {"reason": hostile},
        {hostile: "x"},
        {"deep": {"list": [hostile, {hostile: hostile}]}},
        {"fault": ValueError(hostile)},
        {"octets": hostile.encode(errors="surrogatepass")},
    ):
        line = written(log_format, **event)

        assert line.endswith("\n")
        assert line.isascii()
        assert line[:-1].isprintable()


def test_what_json_cannot_carry_is_told_as_text() -> None:
    event = json.loads(
        written("json", number=1 << 80, deep=[[[[[[[[[["x"]]]]]]]]]], nan=float("nan"))
    )

    assert event["number"] == str(1 << 80)
    assert event["event"] == "something"


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize(
    "event",
    [
        {"AuthorizationKey": "c4n4ry"},
        {"basic_auth_password": "c4n4ry"},
        {"headers": {"Authorization": "Basic c4n4ry", "x-api-key": "c4n4ry"}},
        {"credentials": {"anything": "c4n4ry"}},
        {"payload": '{"key":"AuthorizationKey","value":"c4n4ry"}'},
        {"setting": {"key": "BasicAuthPassword", "value": "c4n4ry"}},
        {"location": "ftp://user:c4n4ry@files.example.com/x"},
        {"error": "cannot connect to https://c4n4ry@example.com/x"},
        {"frame": [2, "1", "ChangeConfiguration", {"key": "AuthorizationKey", "value": "c4n4ry"}]},
        {"said": "Authorization: Basic c4n4ry"},
        {"said": "bearer c4n4ry-c4n4ry"},
        {"said": "the key rm_c4n4ry0123456789"},
        {"error": "Max retries exceeded with url: /v1/traces?token=c4n4ry (Caused by …)"},
        {"Cookie": "ory_kratos_session=c4n4ry"},
    ],
)
def test_a_secret_is_told_to_nobody(log_format: str, event: dict[str, object]) -> None:
    line = written(log_format, **event)

    assert "something" in line
    assert "c4n4ry" not in line


def test_a_token_is_told_as_the_same_hash_each_time() -> None:
    stream = io.StringIO()
    logs.configure("json", "info", stream)
    log = structlog.get_logger()
    for told in (
        {"id_tag": "04AB"},
        {"idTag": "04ab"},
        {"payload": {"idToken": {"idToken": "04AB"}}},
    ):
        log.info("something", **told)

    first, second, third = (json.loads(line) for line in stream.getvalue().splitlines())
    assert "04AB" not in stream.getvalue().upper()
    assert first["id_tag"] == second["idTag"] == third["payload"]["idToken"]["idToken"]


def test_a_fault_is_named_in_a_line_without_what_it_quotes() -> None:
    stream = io.StringIO()
    logs.configure("json", "info", stream)
    try:
        int("04AB\nforged")
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("asyncio").exception("also failed")

    for line in stream.getvalue().splitlines():
        event = json.loads(line)
        assert event["fault"].startswith("ValueError at ")
        assert "04AB" not in line
    assert len(stream.getvalue().splitlines()) == 2


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    logs.configure("auto", "info", stream)

    structlog.get_logger().warning("be_careful", charge_box_id="CP 1", number=3)

    assert "\x1b[33mwarning \x1b[0m be_careful charge_box_id='CP 1' number=3" in stream.getvalue()
