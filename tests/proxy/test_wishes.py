"""What a configuration's owner wants of its proxy."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from proxy.wishes import CHOICES, Wishes

CONTRACT = {
    "actions": {},
    "authority": "target",
    "on_target_down": "accept_known",
    "late_reject": "notify",
    "orphan_policy": "minus_one",
    "boot_on_reconnect": "auto",
    "on_change": "keep",
    "drain_after_disconnect": True,
    "allow_missing_subprotocol": False,
}


def test_what_is_not_said_has_the_contract_s_default() -> None:
    assert Wishes.of({}).told() == CONTRACT


def test_what_is_said_is_read_and_told_again() -> None:
    said = {
        "actions": {"Reset": "answer", "GetLog": "forward"},
        "authority": "platform_then_target",
        "on_target_down": "reject",
        "late_reject": "remote_stop",
        "orphan_policy": "skip",
        "boot_on_reconnect": "never",
        "on_change": "discard",
        "drain_after_disconnect": False,
        "allow_missing_subprotocol": True,
    }

    assert Wishes.of(said).told() == said


@pytest.mark.parametrize(
    "stored",
    [
        {"authority": "nobody", "late_reject": 1, "drain_after_disconnect": 0},
        {"actions": {"Reset": "explode"}, "of_a_later_release": True},
        {"actions": ["Reset"], "on_change": None, "allow_missing_subprotocol": "yes"},
    ],
)
def test_what_another_release_stored_and_nobody_can_read_is_as_if_it_were_not_said(
    stored: dict[str, object],
) -> None:
    assert Wishes.of(stored) == Wishes()


def test_every_wish_but_the_actions_has_its_choices_and_one_of_them_by_default() -> None:
    defaults = Wishes().told()
    del defaults["actions"]

    assert CHOICES.keys() == defaults.keys() == {f.name for f in fields(Wishes)} - {"actions"}
    assert all(defaults[name] in choices for name, choices in CHOICES.items())


def test_wishes_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Wishes().authority = "platform"  # type: ignore[misc]  # this is what is tried
    with pytest.raises(TypeError):
        Wishes.of({"actions": {}}).actions["Reset"] = "forward"  # type: ignore[index]  # so is this
