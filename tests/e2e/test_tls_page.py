"""The page about TLS as its reader works through it: every line pasted into a shell."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs/tls.md"
HEADERS = (
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "Client-Cert",
    "X-SSL-Client-Cert",
    "X-SSL-Client-Verify",
)
# Whatever fails ends it, and the server with it.
STRICT = "set -euo pipefail\ntrap 'kill $SERVER 2> /dev/null || true' EXIT\nSERVER=0\n"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


@pytest.mark.skipif(
    not (shutil.which("jq") and shutil.which("openssl")), reason="the page needs jq and openssl"
)
@pytest.mark.sqlite_only("about the page")
async def test_every_line_works(tmp_path: Path) -> None:
    http, ocpp = free_ports()
    lines = "\n".join(blocks("sh")).replace(":8080", f":{http}").replace(":9000", f":{ocpp}")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    known = {name: text for name, text in os.environ.items() if not name.startswith("RINGMAIN_")}
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-c", STRICT + lines),
        cwd=tmp_path,
        env={**known, "PATH": path},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await shell.communicate())[0].decode()

    assert shell.returncode == 0, said[-2000:]
    assert said.count("1 of 1 connected") == 2
    assert "\n401\nIt came by TLS, with a client certificate (profile 3)" in said
    assert "Cipher is ECDHE-ECDSA-AES128-GCM-SHA256" in said
    assert "Cipher is ECDHE-RSA-AES128-GCM-SHA256" in said
    assert "profile 1" not in (tmp_path / "ready.json").read_text()


@pytest.mark.parametrize("proxy", ["nginx", "haproxy"])
@pytest.mark.parametrize("header", HEADERS)
def test_a_proxy_lets_no_header_through_that_we_believe(proxy: str, header: str) -> None:
    (block,) = blocks(proxy)

    assert re.search(rf"(proxy_set_header|set-header|del-header) {header}\b", block)
