"""The pages hold together: listed, linked, spelled alike, and nothing in them is left untried."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import typer

from csms.__main__ import app
from tests.e2e.pages import OTHER, PAGES, ROOT, SHELL, Block, blocks, whole_page

DOCS = ROOT / "docs"
ALL = [block for page in PAGES for block in blocks(page)]
WRITTEN = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
# Whom an external link may lead to; nobody can look there in CI.
HOSTS = {
    "docs.aws.amazon.com",
    "docs.digitalocean.com",
    "docs.python.org",
    "duckdb.org",
    "github.com",
    "keepachangelog.com",
    "semver.org",
    "www.ory.com",
    "www.postgresql.org",
    "www.rfc-editor.org",
}
# What is ours on a machine of one's own, or an example.
OWN = re.compile(r"127\.0\.0\.1(:\d+)?$|localhost(:\d+)?$|(.+\.)?example\.(com|org|net)$")
COMMAND = re.compile(
    r"(?:^\s*(?:\$ )?(?:\w+=\S* )*|\$\(|[;&|] |/bin/|--rm )ringmain ([^\n|;&<>#)]+)", re.MULTILINE
)
NOT_PROSE = re.compile(r"^```.*?^```|`[^`\n]*`|\]\([^)]*\)", re.DOTALL | re.MULTILINE)
OTHERWISE = re.compile(
    r"\b(behaviors?|colors?|favorites?|neighbors?|licenses?|centers?|catalogs?|canceled|canceling"
    r"|labeled|traveled|organisations?|authoris\w+|recognis\w+|initialis\w+|synchronis\w+)\b"
)


def name(of: Path | Block) -> str:
    return f"{of.page}:{of.line}" if isinstance(of, Block) else str(of.relative_to(ROOT))


# ---- blocks ----


def untried(block: Block) -> str:
    """Tell what is wrong with a block that nobody runs."""
    if block.language in OTHER:
        return ""
    if block.language not in SHELL:
        return f"the language {block.language!r} is not known: name one"
    whole = whole_page(ROOT / block.page)
    if block.mark.startswith("not run"):
        return "" if len(block.mark.split()) > 3 else "it does not say why it is not run"
    if whole is None:
        return "it is neither run (a stage at the top of the page) nor marked"
    return ""


def test_every_block_is_run_or_says_why_not() -> None:
    assert len(ALL) > 150
    assert [f"{name(block)}: {wrong}" for block in ALL if (wrong := untried(block))] == []


def test_a_block_that_nobody_has_marked_is_found() -> None:
    bare = Block("docs/faults.md", 1, "sh", "ringmain serve\n", "")

    assert untried(bare).startswith("it is neither run")
    assert untried(Block("docs/faults.md", 1, "", "", "")).startswith("the language")
    assert untried(Block("docs/api.md", 1, "sh", "", "not run: so")) == (
        "it does not say why it is not run"
    )


def test_a_test_that_runs_a_page_is_there_and_knows_of_it() -> None:
    told = {page: whole_page(page) for page in PAGES}
    tests = {page.name: ROOT / one[1] for page, one in told.items() if one and one[0] == "run by"}

    assert [
        page
        for page, test in tests.items()
        if page not in test.read_text() and Path(page).stem not in test.stem
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_file_that_is_named_is_there(page: Path) -> None:
    named = re.findall(r"\b((?:tests|deploy|bench)/[\w/.-]+\.\w+)", page.read_text())

    assert [file for file in named if not (ROOT / file).exists()] == []


def test_what_is_not_run_can_be_read_by_a_shell() -> None:
    for block in ALL:
        if block.language in SHELL and not block.runs:
            text = re.sub(r"^\$ ", "", block.text, flags=re.MULTILINE)
            if block.language != "console":
                subprocess.run(["bash", "-n"], input=text, text=True, check=True)


def command(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that some words name, and what they say beside its name."""
    group: Any = typer.main.get_command(app)
    while words and words[0] in getattr(group, "commands", {}):
        group, words = group.commands[words[0]], words[1:]
    return group, words


def unknown(words: list[str]) -> list[str]:
    """Return the options that a command does not have, or the word that is no command."""
    found, more = command(words)
    spelled = [each.opts + each.secondary_opts for each in found.params]
    options = {"--help", *(option for each in spelled for option in each)}
    shown = {word.partition("=")[0] for word in more if word.startswith("--")}
    no_command = more[:1] if hasattr(found, "commands") and not shown else []
    return [*sorted(shown - options), *no_command]


def typed(text: str) -> Iterator[list[str]]:
    """Yield the words of each `ringmain` that is typed."""
    for line in COMMAND.findall(re.sub(r"\\\n\s*", "", text)):
        yield re.sub(r"'[^']*'|\"[^\"]*\"", "VALUE", line).split()


def test_every_command_and_option_of_ringmain_exists() -> None:
    shown = [
        (block, words) for block in ALL if block.language in SHELL for words in typed(block.text)
    ]

    assert ["simulate", "site"] in [words[:2] for _, words in shown]
    assert [
        f"{name(block)}: {wrong} of ringmain {' '.join(words)}"
        for block, words in shown
        if (wrong := unknown(words))
    ] == []


def test_a_command_that_does_not_exist_is_found() -> None:
    assert [unknown(words) for words in typed("ringmain serv\nringmain serve --fast &")] == [
        ["serv"],
        ["--fast"],
    ]


# ---- links and words ----


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = set(re.findall(r"\]\((\w[\w-]*\.md)\)", (DOCS / "index.md").read_text()))

    assert {page.name for page in DOCS.glob("*.md")} - listed == {"index.md"}


def test_every_decision_is_listed() -> None:
    listed = re.findall(r"\]\(adr/([\w.-]+)\)", (DOCS / "decisions.md").read_text())

    assert sorted(listed) == sorted(page.name for page in (DOCS / "adr").glob("*.md"))


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_a_link_that_leads_elsewhere_leads_to_whom_we_know(page: Path) -> None:
    links = re.findall(r"(?:\]\(|<)(https?://[^)>\s]+)", page.read_text())
    hosts = {re.split(r"[/?#]", link.split("://")[1])[0] for link in links}

    assert {host for host in hosts if host not in HOSTS and not OWN.match(host)} == set()


def anchors(page: Path) -> set[str]:
    """Return what can be linked to on a page, as where a repository is read."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_a_link_into_a_page_leads_to_a_title(page: Path) -> None:
    links = re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", page.read_text())

    assert [
        f"{file}#{anchor}"
        for file, anchor in links
        if anchor not in anchors(page.parent / file if file else page)
    ] == []


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_words_are_written_as_everywhere(page: Path) -> None:
    prose = re.sub(
        r"^```.*?^```|`[^`\n]*`|\]\([^)]*\)", "", page.read_text(), flags=re.DOTALL | re.MULTILINE
    )

    assert OTHERWISE.findall(prose) == []


def test_a_picture_says_what_it_shows() -> None:
    shown = [
        (text, page.parent / file)
        for page in PAGES
        for text, file in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text())
    ]

    assert len(shown) >= 5
    assert [file for text, file in shown if len(text) < 30 or not file.exists()] == []


@pytest.mark.parametrize("picture", sorted((DOCS / "pictures").glob("*.svg")), ids=name)
def test_a_drawing_is_readable_in_light_and_dark_and_fetches_nothing(picture: Path) -> None:
    drawing = picture.read_text()

    assert ET.fromstring(drawing).find("{http://www.w3.org/2000/svg}title") is not None
    assert "prefers-color-scheme: dark" in drawing
    assert '<rect class="bg"' in drawing
    assert "http" not in drawing.replace("http://www.w3.org/2000/svg", "")


def test_reasons_of_links_are_told_as_the_page_has_them() -> None:
    section = (DOCS / "troubleshooting.md").read_text().split("## A target link is red")[1]
    told = re.findall(r"`([A-Z][^`]+[.…])`", section.split("\n## ")[0])
    sources = [*(ROOT / "proxy").glob("*.py"), ROOT / "csms/errors.py"]
    source = "".join(path.read_text() for path in sources)
    words = re.sub(r'"\n\s+f?"', "", source)

    assert len(told) > 20
    assert [each for each in told if beginning(each) not in words] == []


def beginning(sentence: str) -> str:
    """Return what of a sentence is the same each time."""
    return re.split(r"…|\b[3-5][\dx]{2}\b", sentence)[0].rstrip(" .")


def test_pages_of_the_console_are_called_as_in_its_menu() -> None:
    menu = (ROOT / "api/console/src/parts/Shell.tsx").read_text()
    named = re.findall(r'\["/\w*", "([^"]+)"', menu)
    section = (DOCS / "console.md").read_text().split("## What is where")[1].split("\n## ")[0]

    assert len(named) > 5
    assert re.findall(r"^\| \*\*([^*]+)\*\*", section, re.MULTILINE) == named
