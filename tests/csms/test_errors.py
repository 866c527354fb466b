from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from csms import errors, frames
from csms.errors import (
    AnswerTimeout,
    CallRefused,
    LinkClosed,
    MalformedFrame,
    RingmainError,
    place_of,
)


def family(kind: type[Exception], depth: int = 0) -> Iterator[tuple[int, str]]:
    yield depth, kind.__name__
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from family(child, depth + 1)


def test_tree_at_the_top_of_the_file_is_the_tree_of_the_classes() -> None:
    drawn = re.findall(r"^    ([│├└─ ]*)([A-Z]\w+)", str(errors.__doc__), re.MULTILINE)

    assert [(len(branch) // 4, name) for branch, name in drawn] == list(family(RingmainError))


def test_docstring_is_the_default_message() -> None:
    assert str(AnswerTimeout()) == "The peer did not answer in time."
    assert str(AnswerTimeout("Reset was not answered.")) == "Reset was not answered."


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (LinkClosed(1008, "superseded"), "The link is closed (1008 superseded)."),
        (LinkClosed(), "The link is closed (1006)."),
        (MalformedFrame("-1", "FormatViolation", "not JSON"), "not JSON"),
        (
            CallRefused(frames.call_error("1", "NotSupported", "no such thing")),
            "The peer answered NotSupported: no such thing",
        ),
    ],
)
def test_error_says_what_happened(error: RingmainError, message: str) -> None:
    assert str(error) == message


def test_refusal_of_any_length_is_a_short_message() -> None:
    assert len(str(CallRefused(frames.call_error("1", "X" * 5_000)))) == 300


def test_place_of_a_fault_leaves_out_what_set_it_off() -> None:
    with pytest.raises(ValueError, match="canary") as fault:
        int("canary-secret")

    place = place_of(fault.value)

    assert re.fullmatch(r"ValueError at .*test_errors\.py:\d+", place)
    assert place_of(KeyError("canary-secret")) == "KeyError"
