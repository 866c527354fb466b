"""Keep stand-ins for object stores for as long as somebody holds our standard input open.

Each is started when it is first asked for, by a line with its name on a connection to our port; the
answer is a line of JSON. Whoever started us may be killed: his end of the pipe closes with him, and
the stand-ins end. They hold everything in memory.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / ".venv-stores/bin/python"  # its own: moto wants another botocore than ours
AZURITE = ROOT / "tests/node/node_modules/.bin/azurite-blob"

# Whose objects begin with `lake/`.
DOCUMENTED_BUCKET = "ringmain-documented"

Answer = Mapping[str, str]

_ACCOUNT = "ringmaintests"
_ACCOUNT_KEY = base64.b64encode(secrets.token_bytes(64)).decode()

_MOTO = """
import logging
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print("listens on http://127.0.0.1:%d" % server.get_host_and_port()[1], flush=True)
server._thread.join()
"""
_GCS = """
from gcp_storage_emulator.server import create_server
server = create_server("127.0.0.1", 0, in_memory=True)
server.start()
print("listens on http://127.0.0.1:%d" % server._api._httpd.server_port, flush=True)
"""
_AZURITE = (
    "--blobHost=127.0.0.1",
    "--blobPort=0",
    "--silent",
    "--skipApiVersionCheck",
    "--disableTelemetry",
    "--inMemoryPersistence",
)
_LISTENS = re.compile(r"listens on (http://127\.0\.0\.1:\d+)")
_UNSIGNED = (
    "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/{}/aws4_request, "
    "SignedHeaders=host, Signature=any"
)
_ALL_OF_S3 = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}


def keep() -> None:
    """Start what is asked for, and end all of it when standard input ends."""
    # A Ctrl-C is meant for pytest, and so is what ends all of a terminal or group: it tells us.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with _Door() as door:
        threading.Thread(target=door.serve_forever, daemon=True).start()
        print(door.server_address[1], flush=True)  # noqa: T201 - who started us waits for it
        sys.stdin.read()
        door.shutdown()
        door.end()


class _Door(socketserver.TCPServer):
    """Serve one request after the other, so that nothing is started twice."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self._processes: list[subprocess.Popen[str]] = []
        self._answers: dict[str, Answer] = {}

    def ask(self, name: str) -> Answer:
        """Return where a stand-in is and who may use it, once it runs."""
        if name not in self._answers:
            command, arrange = _STAND_INS[name]
            self._answers[name] = arrange(self._started(command))
        return self._answers[name]

    def end(self) -> None:
        """End all; they have nothing to put in order."""
        for process in self._processes:
            process.kill()
            process.wait()

    def _started(self, command: list[str]) -> str:
        environment = {**os.environ, "AZURITE_ACCOUNTS": f"{_ACCOUNT}:{_ACCOUNT_KEY}"}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        self._processes.append(process)
        assert process.stdout
        for line in process.stdout:
            if found := _LISTENS.search(line):
                # What it may still say must not fill the pipe.
                threading.Thread(target=process.stdout.read, daemon=True).start()
                return found[1]
        raise OSError(f"{command[0]} ended with {process.wait()}.")


class _Request(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Door)
        name = self.rfile.readline().decode().strip()
        try:
            answer = self.server.ask(name)
        except OSError as error:
            answer = {"error": str(error)}
        self.wfile.write(json.dumps(answer).encode() + b"\n")


# ---- what is there before the first test ----


def _nothing(endpoint_url: str) -> Answer:
    return {"endpoint_url": endpoint_url}


def _one_account(endpoint_url: str) -> Answer:
    return {"endpoint_url": endpoint_url, "account": _ACCOUNT, "account_key": _ACCOUNT_KEY}


def _documented_user(endpoint_url: str) -> Answer:
    """Let nobody in but one user, with the rights that the documents tell owners to give him."""
    page = (ROOT / "docs/connectors.md").read_text().split("## AWS S3")[1]
    text = page.split("```json")[1].split("```")[0]
    policy = text.replace("BUCKET", DOCUMENTED_BUCKET).replace("PREFIX", "lake")
    bucket = f"{endpoint_url}/{DOCUMENTED_BUCKET}"
    with urlopen(Request(bucket, method="PUT", headers={"Authorization": _UNSIGNED.format("s3")})):
        return _one_user(endpoint_url, json.loads(policy))


def _one_user(endpoint_url: str, policy: Mapping[str, Any] = _ALL_OF_S3) -> Answer:
    """Let nobody in but one user; moto lets everybody in until it is told not to."""
    _iam(endpoint_url, Action="CreateUser", UserName="ringmain")
    _iam(
        endpoint_url,
        Action="PutUserPolicy",
        UserName="ringmain",
        PolicyName="all",
        PolicyDocument=json.dumps(policy),
    )
    key = _iam(endpoint_url, Action="CreateAccessKey", UserName="ringmain")
    plain = {"Content-Type": "text/plain"}
    with urlopen(Request(f"{endpoint_url}/moto-api/reset-auth", b"0", plain)):
        return {
            "endpoint_url": endpoint_url,
            "access_key_id": key["AccessKeyId"],
            "secret_access_key": key["SecretAccessKey"],
        }


def _iam(endpoint_url: str, **form: str) -> Mapping[str, str]:
    body = urlencode({"Version": "2010-05-08", **form}).encode()
    with urlopen(Request(endpoint_url, body, {"Authorization": _UNSIGNED.format("iam")})) as answer:
        elements = ET.fromstring(answer.read()).iter()
        return {each.tag.rpartition("}")[2]: each.text or "" for each in elements}


_STAND_INS: Mapping[str, tuple[list[str], Callable[[str], Answer]]] = {
    "s3": ([str(PYTHON), "-c", _MOTO], _nothing),
    "strict_s3": ([str(PYTHON), "-c", _MOTO], _one_user),
    "documented_s3": ([str(PYTHON), "-c", _MOTO], _documented_user),
    "gcs": ([str(PYTHON), "-c", _GCS], _nothing),
    "azure": ([str(AZURITE), *_AZURITE], _one_account),
}


if __name__ == "__main__":
    keep()
