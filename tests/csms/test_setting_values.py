from __future__ import annotations

from pathlib import Path

import pytest

from csms import setting_values as values
from csms.setting_values import Bind, Rate


@pytest.mark.parametrize(
    ("text", "rate"), [("5", Rate(5, 5)), ("100/1000", Rate(100, 1000)), ("1/1", Rate(1, 1))]
)
def test_a_rate_without_a_burst_has_none(text: str, rate: Rate) -> None:
    assert values.rate(text) == rate


def test_a_command_is_split_as_a_shell_would() -> None:
    command = values.command("/opt/sign --days 365 'two words'")

    assert command == ("/opt/sign", "--days", "365", "two words")


def test_what_is_optional_may_be_empty() -> None:
    word = values.optional(values.one_of("client-cert"))

    assert (word(""), word("Client-Cert")) == (None, "client-cert")


def test_a_public_url_names_no_user() -> None:
    read = values.public_url("https")

    assert (read(""), read("https://a.example/b@c")) == (None, "https://a.example/b@c")
    with pytest.raises(ValueError, match="without a user"):
        read("https://me@a.example")


def test_files_are_one_or_two() -> None:
    assert values.files("rsa.pem, ec.pem,") == (Path("rsa.pem"), Path("ec.pem"))
    assert values.files("") == ()


@pytest.mark.parametrize(
    ("text", "loopback"), [("127.0.0.2:1", True), ("[::1]:1", True), ("[::]:1", False)]
)
def test_a_bind_knows_whether_others_can_reach_it(text: str, loopback: bool) -> None:  # noqa: FBT001 - a table
    bind = values.bind(text)

    assert bind.loopback is loopback
    assert str(bind) == text


@pytest.mark.parametrize("port", ["65536", "80443", "655350000"])
def test_a_port_that_is_too_high_is_told_as_such(port: str) -> None:
    with pytest.raises(ValueError, match="the highest port is 65535"):
        values.bind(f"127.0.0.1:{port}")


def test_localhost_is_an_address_too() -> None:
    assert values.bind("localhost:0") == Bind("localhost", 0)
