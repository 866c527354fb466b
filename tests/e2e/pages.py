"""The pages of docs/ as their readers work through them: every line pasted into a shell.

What a block is for is said by a comment in front of its fence, which no reader sees:

    <!-- stage: fleet -->          once, at the top of the page: what is there (tests/e2e/stages.py)
    <!-- run by tests/… -->        once, at the top of the page: a test of its own runs the blocks
    <!-- in the background -->     runs beside the rest of the page, as in another terminal
    <!-- not run: why -->          is looked at only

A comment behind a command, and a `json` fence right behind its block, say what is answered: fields
have to be there, single words and booleans have to be the same. `# 409 {…}` is an expected refusal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", *(ROOT / "docs").glob("*.md")], key=lambda page: (page.parent.name, page)
)
SHELL = ("sh", "bash", "console")
# What is no shell's: said, drawn or read, never typed.
OTHER = ("json", "text", "python", "ini", "nginx", "caddyfile", "haproxy", "sql", "yaml", "mermaid")
WHOLE_PAGE = re.compile(r"<!-- (stage|run by):? (\S+) -->")
NEVER_THE_SAME = {"…", "next_cursor", "nextCursor"}
_FENCE = re.compile(
    r"^(?P<marks>(?:[ ]*<!-- [^\n]* -->\n)*)(?P<indent>[ ]*)```(?P<language>[^\n]*)\n"
    r"(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
_MARK = re.compile(r"<!-- (in the background|not run: [^\n]+?) -->")
_BEHIND = re.compile(r"^(.*\S)  +(# [{\[].*[}\]])$", re.MULTILINE)
_ANSWER = re.compile(r"# (?:(\d{3})(?= |$))? ?([{\[].*)?$")


@dataclass(frozen=True)
class Step:
    """Some lines, and what they must answer; a status from 400 on is what they must fail with."""

    text: str
    status: int | None = None
    shape: Any = None


@dataclass(frozen=True)
class Block:
    """One fence of a page."""

    page: str
    line: int
    language: str
    text: str
    mark: str
    shown: str = ""  # the JSON right behind it

    @property
    def runs(self) -> bool:
        return self.language in SHELL and not self.mark.startswith("not run")

    @property
    def behind(self) -> bool:
        return self.mark == "in the background"

    def steps(self) -> Iterator[Step]:
        """Cut the text behind each answer that it tells of."""
        begun: list[str] = []
        lines = iter(self._lines())
        for line in lines:
            told = _ANSWER.match(line)
            if not told or not any(told.groups()):
                begun.append(line)
                continue
            status = int(told[1]) if told[1] else None
            yield Step("\n".join(begun), status, _whole(told[2], lines))
            begun = []
        shape = read(self.shown) if self.shown else None
        if begun or shape is not None:
            yield Step("\n".join(begun), None, shape)

    def _lines(self) -> list[str]:
        """Return what is typed, and the answers as comments on lines of their own."""
        if self.language != "console":
            return _BEHIND.sub(r"\1\n\2", self.text).splitlines()
        lines = self.text.splitlines()
        return [line[2:] if line.startswith("$ ") else f"# {line}" for line in lines]


def blocks(page: Path) -> list[Block]:
    """Return all fences of a page."""
    text = page.read_text()
    fences = list(_FENCE.finditer(text))
    found = []
    for fence, after in zip(fences, [*fences[1:], None], strict=False):
        marks = _MARK.findall(fence["marks"])
        between = text[fence.end() : after.start()].strip() if after else "the end"
        found.append(
            Block(
                page=str(page.relative_to(ROOT)),
                line=text[: fence.start("indent")].count("\n") + 1,
                language=fence["language"].strip(),
                text=dedent(fence["text"]),
                mark=marks[-1] if marks else "",
                shown=dedent(after["text"]) if after and not between and _is_json(after) else "",
            )
        )
    return found


def _is_json(fence: re.Match[str]) -> bool:
    return fence["language"] == "json"


def whole_page(page: Path) -> tuple[str, str] | None:
    """Return what the page says of all its blocks: its stage, or the test that runs them."""
    told = WHOLE_PAGE.search(page.read_text())
    return (told[1], told[2]) if told else None


# ---- what is answered ----


def read(text: str) -> Any:
    """Read JSON that leaves things out by an ellipsis; what follows it is left out too."""
    return json.JSONDecoder().raw_decode(_without_ellipses(text))[0]


def _whole(begun: str | None, lines: Iterator[str]) -> Any:
    """Read an answer that may go on in the comments that follow."""
    while begun:
        try:
            return read(begun)
        except ValueError:
            begun += next(lines).removeprefix("#")
    return None


def _without_ellipses(text: str) -> str:
    """Put values in the place of each ellipsis outside of strings."""
    parts, inside, before = [], [], ""
    for token in re.findall(r'"(?:\\.|[^"\\])*"|.', text, re.DOTALL):
        shown = token
        if token in "{[":
            inside.append(token)
        elif token in "}]" and inside:
            inside.pop()
        elif token == "…":
            shown = '"…"' if before == ":" or inside[-1:] != ["{"] else '"…": 0'
        before = token if token.strip() else before
        parts.append(shown)
    return "".join(parts)


def said(output: str) -> Any:
    """Return the JSON that an output ends with, but for words of curl."""
    lines, decode = output.rstrip().splitlines(), json.JSONDecoder().raw_decode
    for start in range(len(lines) - 1, -1, -1):
        if lines[start][:1] in {"{", "["}:
            try:
                return decode("\n".join(lines[start:]))[0]
            except ValueError:
                continue
    return None


def differences(shape: Any, told: Any, where: str = "") -> Iterator[str]:
    """Tell in what an answer is not as the page shows it."""
    if isinstance(shape, dict):
        for key in shape.keys() - NEVER_THE_SAME:
            if not isinstance(told, dict) or key not in told:
                yield f"{where}.{key} is missing"
            else:
                yield from differences(shape[key], told[key], f"{where}.{key}")
    elif isinstance(shape, list):
        if not isinstance(told, list):
            yield f"{where} is no list: {told!r}"
            return
        wanted = [each for each in shape if each != "…"]
        for place, (each, other) in enumerate(zip(wanted, told, strict=False)):
            yield from differences(each, other, f"{where}[{place}]")
        if len(told) < len(wanted):
            yield f"{where} is shorter: {told!r}"
    elif _counts(shape) and shape != told:
        yield f"{where} is {told!r}, not {shape!r}"


def _counts(value: Any) -> bool:
    """Tell what is the same each time: a single word, and yes or no."""
    word = isinstance(value, str) and re.fullmatch("[A-Za-z_]+", value)
    return isinstance(value, bool) or bool(word)
