"""Errors carry what their reader needs: a field, a status, one sentence."""

from __future__ import annotations

from proxy.errors import ForbiddenAddress, InvalidTarget, ProxyError, TargetRefused


def test_an_invalid_target_names_the_field_and_says_why() -> None:
    error = InvalidTarget("target_websocket_url", "The URL needs a host.")

    assert (error.field, str(error)) == ("target_websocket_url", "The URL needs a host.")


def test_a_refusal_keeps_the_status_for_the_back_off() -> None:
    assert TargetRefused(401).status == 401


def test_an_error_without_words_says_its_docstring() -> None:
    assert str(ForbiddenAddress()) == "The target's address is closed to targets."
    assert isinstance(ForbiddenAddress(), ProxyError)
