"""The server as its image runs it: no root, no capabilities, nothing writable but its data."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CONTAINERFILE = (ROOT / "deploy" / "Containerfile").read_text()

# A mount namespace of its own, in which all that was there can only be read.
SCRIPT = """
set -eu
trap 'cat "$PLACE/log" >&2' EXIT
mount --make-rprivate /
mount -t tmpfs -o mode=0755 tmpfs "$PLACE"
install --directory --owner="$ACCOUNT" --group="$ACCOUNT" --mode=0700 "$PLACE/data"
mount --bind / / && mount -o remount,ro,bind /
touch "$ROOT/written" 2> /dev/null && echo 'the root can be written'
cd "$PLACE/data"
fence="setpriv --reuid=$ACCOUNT --regid=$ACCOUNT --clear-groups --no-new-privs --bounding-set=-all"
$fence "$PYTHON" -m csms serve 2> "$PLACE/log" &
server=$!
healthy=no
for try in $(seq 100); do
    if $fence "$PYTHON" -c "$HEALTHCHECK" 2> /dev/null; then healthy=yes; break; fi
    kill -0 $server || break
    sleep 0.2
done
echo "healthy $healthy"
grep -E '^(Uid|CapEff|NoNewPrivs)' /proc/$server/status
ls "$PLACE/data"
kill -TERM $server
wait $server && echo 'drained'
"""


def can_be_fenced() -> bool:
    """Whether this account may make a mount namespace."""
    if shutil.which("unshare") is None or shutil.which("setpriv") is None:
        return False
    tried = ["unshare", "--mount", "sh", "-c", "mount --make-rprivate /"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that any account gets to, which those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="ringmain-fenced-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(not can_be_fenced(), reason="no mount namespaces here: the fence is not tried")
def test_it_is_healthy_with_nothing_but_its_data(place: Path) -> None:
    [account] = re.findall(r"^USER (\d+)$", CONTAINERFILE, re.MULTILINE)
    [line] = re.findall(r"^ +CMD (\[.+\])$", CONTAINERFILE, re.MULTILINE)
    _, _, healthcheck = json.loads(line)
    http = free_port()

    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", SCRIPT],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHON": sys.executable,
            "ROOT": str(ROOT),
            "PLACE": str(place),
            "ACCOUNT": account,
            "HEALTHCHECK": healthcheck.replace("8080", str(http)),
            "RINGMAIN_DATA_DIR": str(place / "data"),
            "RINGMAIN_HTTP_BIND": f"0.0.0.0:{http}",
            "RINGMAIN_OCPP_BIND": "0.0.0.0:0",
            "RINGMAIN_ALLOW_PLAIN": "true",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )

    said = done.stdout
    assert "the root can be written" not in said
    assert "healthy yes" in said, done.stderr
    assert re.search(rf"Uid:\s+{account}\s+{account}", said)
    assert re.search(r"CapEff:\s+0+$", said, re.MULTILINE)
    assert re.search(r"NoNewPrivs:\s+1", said)
    assert "keyring.json" in said
    assert "drained" in said, done.stderr
