"""Every command has examples in its help, and each of them is one that it takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from csms.__main__ import app

PROGRAM = typer.main.get_command(app)
WORDS = {"ORG": "0b6f", "KEY": "rm_key", "KEY_ID": "k1", "IDENTITY": "9b3c1f6e" * 4}


def commands(group: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, *path, name)


LEAVES = [(path, each) for path, each in commands(PROGRAM) if not hasattr(each, "commands")]
each_command = pytest.mark.parametrize(
    ("path", "command"), LEAVES, ids=[" ".join(path) for path, _ in LEAVES]
)


def examples_of(command: Any) -> list[str]:
    lines = (command.epilog or "").replace("\\[", "[").split("\n\n")
    return lines[lines.index("Examples:") + 1 :] if "Examples:" in lines else []


def arguments_of(example: str) -> list[str]:
    """Return what the program is given by a shell, up to a pipe or a file."""
    filled = re.sub(r"\$(\w+)", lambda found: WORDS[found[1]], example)
    words = shlex.split(filled)
    words = words[words.index("ringmain") + 1 :]
    ends = [place for place, word in enumerate(words) if word in {">", "|"}]
    return words[: ends[0]] if ends else words


@each_command
def test_a_command_has_examples_of_itself(path: tuple[str, ...], command: Any) -> None:
    shown = examples_of(command)

    assert shown
    for example in shown:
        assert tuple(arguments_of(example))[: len(path)] == path


@pytest.mark.parametrize(
    "example", [each for _, command in LEAVES for each in examples_of(command)]
)
def test_an_example_is_taken(example: str) -> None:
    words = arguments_of(example)
    context: Any = None
    command: Any = PROGRAM
    while hasattr(command, "commands"):
        context = command.make_context("ringmain", words, parent=context)
        rest = [*context._protected_args, *context.args]
        _, command, words = command.resolve_command(context, rest)
    with suppress(typer.Exit):  # of --help
        command.make_context("ringmain", words, parent=context)


@each_command
def test_help_shows_the_examples(path: tuple[str, ...], command: Any) -> None:
    got = CliRunner().invoke(app, [*path, "--help"], terminal_width=200, env={"COLUMNS": "200"})

    assert got.exit_code == 0
    for example in examples_of(command):
        assert example in got.stdout
