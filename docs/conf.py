"""How the pages in this folder become a site: `make docs` writes build/docs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]

project = "Ringmain"
author = "The Ringmain developers"
release = version = PROJECT["version"]
language = "en"

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["words.txt"]
nitpicky = True
suppress_warnings = ["misc.highlighting_failure"]  # what is shown is shortened by ellipses

myst_heading_anchors = 4  # `#what-it-says`, as where the repository is read

html_theme = "furo"
html_title = f"Ringmain {release}"
html_static_path = ["static"]
html_css_files = ["ringmain.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
# Nothing is fetched from elsewhere: no fonts, no scripts, no pictures.
html_theme_options = {"footer_icons": []}

_SECTION = re.compile(r"^## (.+?)$(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
_PAGE = re.compile(r"^- \[([^\]]+)\]\(([\w/-]+)\.md\)", re.MULTILINE)
_TREE = "\n```{{toctree}}\n:hidden:\n{options}\n\n{pages}\n```\n"


def _add_contents(_: Sphinx, name: str, source: list[str]) -> None:
    """Make the lists of links on a page the site's table of contents.

    So the page stays plain Markdown, and is written once.
    """
    if name == root_doc:
        source[0] += "".join(
            _TREE.format(
                options=f":caption: {caption}",
                pages="\n".join(f"{title} <{page}>" for title, page in _PAGE.findall(links)),
            )
            for caption, links in _SECTION.findall(source[0])
        )
    if name == "decisions":
        source[0] += _TREE.format(options=":glob:", pages="adr/*")


def setup(app: Sphinx) -> None:
    """Register what is ours; Sphinx calls it."""
    app.connect("source-read", _add_contents)
