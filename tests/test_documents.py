"""What the documents name exists: targets, files, tests; more of them in `test_pages`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def fenced(document: Path) -> str:
    return "\n".join(
        re.findall(r"^```\w*\n(.*?)^```", document.read_text(), re.DOTALL | re.MULTILINE)
    )


def test_every_make_target_in_the_readme_exists() -> None:
    targets = re.findall(r"^([\w.-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    used = re.findall(r"\bmake ([a-z]+)", fenced(ROOT / "README.md"))

    assert used
    assert set(used) <= set(targets)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_a_link_to_a_file_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())

    assert [link for link in links if not (document.parent / link).exists()] == []


def test_decisions_are_numbered_once() -> None:
    records = sorted(path.name for path in (ROOT / "docs/adr").glob("*.md"))

    assert [record for record in records if not re.match(r"\d{4}-[a-z0-9-]+\.md$", record)] == []
    assert len({record[:4] for record in records}) == len(records)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_a_test_that_is_named_exists(document: Path) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", document.read_text())

    assert [
        f"{file}::{test}"
        for file, test in named
        if not re.search(rf"def {test}\(", (ROOT / file).read_text())
    ] == []
