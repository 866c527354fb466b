"""What is wrong with several settings together is told all at once, each by its name."""

from __future__ import annotations

import pytest

from csms.settings import SettingError, look_at, read

WRONG = {
    "RINGMAIN_OCPP_BIND": "0.0.0.0:9000",
    "RINGMAIN_TLS_CLIENT_CA": "ca.pem",
    "RINGMAIN_CLIENT_CERT_HEADER": "client-cert",
    "RINGMAIN_CA_COMMAND": "sign",
    "RINGMAIN_CA_URL": "https://ca.example",
    "RINGMAIN_GCP_TOKEN_URI": "http://tokens.example/token",
}


def test_all_rules_that_are_broken_are_told_at_once() -> None:
    assert set(look_at(WRONG).faults) == set(WRONG) - {"RINGMAIN_CA_URL"}


def test_all_values_that_are_wrong_are_told_at_once_and_stand_at_their_defaults() -> None:
    found = look_at({"RINGMAIN_HTTP_BIND": "x", "RINGMAIN_LOG_LEVEL": "loud", "RINGMAIN_HTTP": "1"})

    assert set(found.faults) == {"RINGMAIN_HTTP_BIND", "RINGMAIN_LOG_LEVEL", "RINGMAIN_HTTP"}
    assert str(found.settings.http_bind) == "127.0.0.1:8080"


def test_a_rule_about_a_wrong_value_is_left_out() -> None:
    assert set(look_at({"RINGMAIN_TLS_CERT": "a,b,c", "RINGMAIN_TLS_KEY": "key.pem"}).faults) == {
        "RINGMAIN_TLS_CERT"
    }


@pytest.mark.parametrize("name", ["RINGMAIN_OCPP_BIND", "RINGMAIN_GCP_TOKEN_URI"])
def test_a_server_is_refused_with_the_sentence_of_the_rule(name: str) -> None:
    with pytest.raises(SettingError, match=name):
        read({name: WRONG[name]})


@pytest.mark.parametrize(
    ("http", "refused"),
    [
        ("127.0.0.1:9000", True),
        ("0.0.0.0:9000", True),
        ("127.0.0.2:9000", False),
        ("[::]:9000", False),
        ("127.0.0.1:9001", False),
    ],
)
def test_two_listeners_cannot_have_one_address(http: str, *, refused: bool) -> None:
    found = look_at({"RINGMAIN_HTTP_BIND": http, "RINGMAIN_OCPP_BIND": "127.0.0.1:9000"}).faults

    assert ("both cannot listen at 127.0.0.1:9000" in str(found)) is refused


def test_two_listeners_may_both_take_free_ports() -> None:
    assert read({"RINGMAIN_HTTP_BIND": "127.0.0.1:0", "RINGMAIN_OCPP_BIND": "127.0.0.1:0"})
