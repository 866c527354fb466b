"""The certificate authority of docs/certificates.md, as whoever follows the page has it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/certificates.md"


def blocks(kind: str) -> list[str]:
    """Return what is shown on the page as this kind of text."""
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def installed(folder: Path) -> Path:
    """Do what the page says, and return the command that signs."""
    folder.mkdir()
    (script,) = [block for block in blocks("sh") if block.startswith("#!/bin/sh")]
    (extensions,) = blocks("ini")
    (setup,) = [block for block in blocks("sh") if block.startswith("openssl req")]
    (folder / "sign.sh").write_text(script)
    (folder / "client.cnf").write_text(extensions)
    subprocess.run(["sh", "-euc", setup], cwd=folder, check=True, capture_output=True)
    return folder / "sign.sh"
