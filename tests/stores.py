"""Stand-ins for object stores: real servers of each protocol, one of each for the whole run.

They are started when a test first asks for one, and shared by the workers: what keeps tests apart
is that each makes buckets of its own. Where they are not installed (`make stores`) those tests are
skipped, but not in CI.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.parse import parse_qs, quote
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from azure.storage.blob import BlobServiceClient
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.store_keeper import AZURITE, PYTHON, ROOT

Words = Mapping[str, str]

GOOGLES = "https://oauth2.googleapis.com/token"


# ---- the process that keeps them ----


class StoreKeeper:
    """The process that starts stand-ins, and ends them when this one ends, however it does."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.store_keeper"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    @cached_property
    def port(self) -> int:
        assert self._process.stdout
        return int(self._process.stdout.readline())

    def stop(self) -> None:
        """End all, and wait until they are gone."""
        self._process.communicate()


_KEEPER = pytest.StashKey[StoreKeeper]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker whom to ask: all of them share the stand-ins."""
    node.workerinput["stores"] = _port(node.config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the stand-ins, if this process has started any."""
    keeper = config.stash.get(_KEEPER, None)
    if keeper:
        keeper.stop()


def _port(config: pytest.Config) -> int:
    told: dict[str, Any] = getattr(config, "workerinput", {})
    if "stores" in told:
        return int(told["stores"])
    if _KEEPER not in config.stash:
        config.stash[_KEEPER] = StoreKeeper()
    return config.stash[_KEEPER].port


def _asked(config: pytest.Config, name: str, program: Path) -> Words:
    """Return where a stand-in is and who may use it; start it if nobody has."""
    if not program.exists() and os.environ.get("CI") != "true":
        pytest.skip(f"{program.relative_to(ROOT)} not found: `make stores` installs the stand-ins")
    with (
        socket.create_connection(("127.0.0.1", _port(config))) as connection,
        connection.makefile("rw") as lines,
    ):
        lines.write(f"{name}\n")
        lines.flush()
        answer: dict[str, str] = json.loads(lines.readline())
    if "error" in answer:
        raise OSError(answer["error"])
    return answer


# ---- what a test sees of them ----


class Store(Protocol):
    """One of the stores: what a connector is created with, and a look at what is inside."""

    @property
    def credentials(self) -> Words:
        """Return what lets a connector in."""

    def configuration(self, bucket: str) -> dict[str, Any]:
        """Return what leads a connector to a bucket."""

    def new_bucket(self) -> str:
        """Make a bucket, or a container, that no other test has."""

    def make(self, bucket: str) -> None:
        """Make a bucket of this name."""

    def delete(self, bucket: str) -> None:
        """Delete a bucket with all that is in it."""

    def put(self, bucket: str, name: str, content: bytes) -> None:
        """Place an object that is not the connector's."""

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Return all objects of a bucket, by name; none where it is not there."""

    def headers(self, bucket: str, name: str) -> tuple[str | None, str | None]:
        """Return the content type and the content encoding of an object."""


def unused_name() -> str:
    """Return a name that is a bucket's at every store, and nobody's yet."""
    return f"ringmain-{uuid4().hex}"


@dataclass(frozen=True)
class S3Store:
    """moto's server: AWS S3, and what is compatible with it."""

    endpoint_url: str
    access_key_id: str
    secret_access_key: str
    region: str = "us-east-1"

    @cached_property
    def client(self) -> Any:
        return Session().create_client(
            "s3",
            region_name=self.region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            config=Config(s3={"addressing_style": "path"}, proxies={}),
        )

    @property
    def credentials(self) -> Words:
        return {
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
        }

    def configuration(self, bucket: str) -> dict[str, Any]:
        return {"bucket": bucket, "region": self.region, "endpoint_url": self.endpoint_url}

    def new_bucket(self) -> str:
        bucket = unused_name()
        self.make(bucket)
        return bucket

    def make(self, bucket: str) -> None:
        self.client.create_bucket(Bucket=bucket)

    def delete(self, bucket: str) -> None:
        for name in self._names(bucket):
            self.client.delete_object(Bucket=bucket, Key=name)
        self.client.delete_bucket(Bucket=bucket)

    def put(self, bucket: str, name: str, content: bytes) -> None:
        self.client.put_object(Bucket=bucket, Key=name, Body=content)

    def objects(self, bucket: str) -> dict[str, bytes]:
        return {name: self._get(bucket, name)["Body"].read() for name in self._names(bucket)}

    def headers(self, bucket: str, name: str) -> tuple[str | None, str | None]:
        head = self.client.head_object(Bucket=bucket, Key=name)
        return head.get("ContentType"), head.get("ContentEncoding")

    def _get(self, bucket: str, name: str) -> Any:
        return self.client.get_object(Bucket=bucket, Key=name)

    def _names(self, bucket: str) -> list[str]:
        try:
            pages = list(self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket))
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucket":
                raise
            return []
        return [each["Key"] for page in pages for each in page.get("Contents", ())]


@dataclass(frozen=True)
class AzureStore:
    """Azurite; its URL holds the account in its path, which the real one has in its host."""

    endpoint_url: str
    account: str
    account_key: str

    @cached_property
    def client(self) -> BlobServiceClient:
        credential = {"account_name": self.account, "account_key": self.account_key}
        return BlobServiceClient(self.endpoint_url, credential=credential)

    @property
    def credentials(self) -> Words:
        return {"account_key": self.account_key}

    def configuration(self, bucket: str) -> dict[str, Any]:
        return {
            "storage_account": self.account,
            "container": bucket,
            "endpoint_url": self.endpoint_url,
        }

    def new_bucket(self) -> str:
        bucket = unused_name()
        self.make(bucket)
        return bucket

    def make(self, bucket: str) -> None:
        self.client.create_container(bucket)

    def delete(self, bucket: str) -> None:
        self.client.delete_container(bucket)

    def put(self, bucket: str, name: str, content: bytes) -> None:
        self.client.get_blob_client(bucket, name).upload_blob(content)

    def objects(self, bucket: str) -> dict[str, bytes]:
        container = self.client.get_container_client(bucket)
        if not container.exists():
            return {}
        names = list(container.list_blob_names())
        return {name: container.download_blob(name).readall() for name in names}

    def headers(self, bucket: str, name: str) -> tuple[str | None, str | None]:
        kept = self.client.get_blob_client(bucket, name).get_blob_properties().content_settings
        return kept.content_type, kept.content_encoding


@dataclass(frozen=True)
class GcsStore:
    """gcp-storage-emulator; it asks for no token, so a connector is refused at `GcpOAuth`."""

    endpoint_url: str
    service_account: Words

    @property
    def credentials(self) -> Words:
        return {"service_account_json": json.dumps(self.service_account)}

    def configuration(self, bucket: str) -> dict[str, Any]:
        return {"bucket": bucket, "endpoint_url": self.endpoint_url}

    def new_bucket(self) -> str:
        bucket = unused_name()
        self.make(bucket)
        return bucket

    def make(self, bucket: str) -> None:
        self._ask("POST", "/storage/v1/b", json.dumps({"name": bucket}).encode())

    def delete(self, bucket: str) -> None:
        for name in self._names(bucket):
            self._ask("DELETE", self._path(bucket, name))
        self._ask("DELETE", f"/storage/v1/b/{bucket}")

    def put(self, bucket: str, name: str, content: bytes) -> None:
        path = f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(name, safe='')}"
        self._ask("POST", path, content, "application/octet-stream")

    def objects(self, bucket: str) -> dict[str, bytes]:
        return {
            name: self._ask("GET", f"/download{self._path(bucket, name)}?alt=media")
            for name in self._names(bucket)
        }

    def headers(self, bucket: str, name: str) -> tuple[str | None, str | None]:
        told = json.loads(self._ask("GET", self._path(bucket, name)))
        return told.get("contentType"), told.get("contentEncoding")

    def _names(self, bucket: str) -> list[str]:
        try:
            page = json.loads(self._ask("GET", f"/storage/v1/b/{bucket}/o"))
        except HTTPError as error:
            if error.code != 404:
                raise
            error.close()
            return []
        assert "nextPageToken" not in page
        return [each["name"] for each in page.get("items", ())]

    def _path(self, bucket: str, name: str) -> str:
        return f"/storage/v1/b/{bucket}/o/{quote(name, safe='')}"

    def _ask(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/json"
    ) -> bytes:
        headers = {"Content-Type": kind}
        request = Request(f"{self.endpoint_url}{path}", body, headers, method=method)
        with urlopen(request) as answer:
            content: bytes = answer.read()
            return content


class GcpOAuth:
    """Google's token endpoint: gives everybody a token, or refuses as it does a revoked key."""

    def __init__(self) -> None:
        self.refuses = False
        self.refused: set[str] = set()  # service accounts, by their address
        self.assertions: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.answer))
        self.url = f"http://127.0.0.1:{self._server.server_port}/token"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def answer(self, form: Mapping[str, list[str]]) -> tuple[int, Words | dict[str, Any]]:
        """Judge a request for a token, and note what its assertion claims."""
        claims = form["assertion"][0].split(".")[1]
        self.assertions.append(json.loads(base64.urlsafe_b64decode(claims + "==")))
        if self.refuses or self.assertions[-1].get("iss") in self.refused:
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        return 200, {"access_token": "token", "expires_in": 3600, "token_type": "Bearer"}

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(
    answer: Callable[[Mapping[str, list[str]]], tuple[int, Mapping[str, Any]]],
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            status, told = answer(parse_qs(self.rfile.read(size).decode()))
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    return Handler


# ---- fixtures ----


@pytest.fixture(scope="session")
def s3_store(request: pytest.FixtureRequest) -> Iterator[S3Store]:
    """Return an S3 that lets everybody in, whatever his key."""
    told = _asked(request.config, "s3", PYTHON)
    store = S3Store(told["endpoint_url"], "AKIAANYBODY", "whatever")
    yield store
    store.client.close()


@pytest.fixture(scope="session")
def strict_s3_store(request: pytest.FixtureRequest) -> Iterator[S3Store]:
    """Return an S3 that lets in the one user whose key it holds, and nobody else."""
    store = S3Store(**_asked(request.config, "strict_s3", PYTHON))
    yield store
    store.client.close()


@pytest.fixture(scope="session")
def documented_s3_store(request: pytest.FixtureRequest) -> S3Store:
    """Return an S3 that lets in a user with the rights that the documents tell owners to give."""
    return S3Store(**_asked(request.config, "documented_s3", PYTHON))


@pytest.fixture(scope="session")
def azure_store(request: pytest.FixtureRequest) -> Iterator[AzureStore]:
    """Return an Azure that knows one account and its key."""
    told = _asked(request.config, "azure", AZURITE)
    url = f"{told['endpoint_url']}/{told['account']}"
    store = AzureStore(url, told["account"], told["account_key"])
    yield store
    store.client.close()


@pytest.fixture(scope="session")
def gcs_store(request: pytest.FixtureRequest, service_account: Words) -> GcsStore:
    """Return a Google that lets everybody in who has a token, whatever it is."""
    told = _asked(request.config, "gcs", PYTHON)
    return GcsStore(told["endpoint_url"], service_account)


@pytest.fixture
def gcp_oauth() -> Iterator[GcpOAuth]:
    """Give out tokens; the server under test is told of it by RINGMAIN_GCP_TOKEN_URI."""
    oauth = GcpOAuth()
    yield oauth
    oauth.stop()


@pytest.fixture(scope="session")
def service_account() -> Words:
    """Return the key file of a service account; the key is thrown away with the run."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "project_id": "ringmain-tests",
        "private_key_id": uuid4().hex,
        "private_key": pem.decode(),
        "client_email": "exporter@ringmain-tests.iam.gserviceaccount.com",
        "client_id": "100000000000000000001",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": GOOGLES,
        "universe_domain": "googleapis.com",
    }
