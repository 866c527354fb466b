"""Objects at AWS S3, at DigitalOcean Spaces, and at every store that speaks their protocol.

The library signs requests and reads answers. Whatever else it would do by itself is taken from it:
profile files, variables of the environment, instance metadata, proxies, sockets of its own,
following a redirect or a bucket into another region.
"""

from __future__ import annotations

import asyncio
import os
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from functools import cache, partial
from hashlib import md5
from typing import Any, Self

from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from aiohttp import ClientSession
from botocore.awsrequest import AWSPreparedRequest
from botocore.configprovider import ConfigValueStore, ConstantProvider
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader
from yarl import URL

from storage.records import SinkRecord
from storage.sinks import names
from storage.sinks.connecting import FAILURES, NO_STORE, open_session, translated
from storage.sinks.errors import SinkRefused, SinkUnavailable
from storage.sinks.names import Rule
from storage.sinks.port import Outside
from storage.sinks.s3_faults import told

CONTENT_TYPE = "application/gzip"
NO_HOST = "endpoint_url cannot work: its host must be of letters a to z, digits, hyphens and dots."


@dataclass(frozen=True, slots=True)
class Provider:
    """What its buckets and regions are called, and where it is; None is what botocore knows."""

    bucket: Rule
    region: Rule
    endpoint: str | None = None


PROVIDERS: Mapping[str, Provider] = {
    "aws_s3": Provider(names.s3_bucket, names.aws_region),
    "digital_ocean_spaces": Provider(
        names.spaces_bucket, names.spaces_region, "https://{region}.digitaloceanspaces.com"
    ),
}


async def open_s3(record: SinkRecord, outside: Outside) -> S3Sink:
    """Return the sink of a record; raise SinkRefused where it could never work."""
    provider, given = PROVIDERS[record.type], record.configuration
    url: str | None = given.get("endpoint_url")
    bucket = names.checked(given, "bucket", provider.bucket)
    region = names.checked(given, "region", names.any_region if url else provider.region)
    if url is None and provider.endpoint is not None:
        url = provider.endpoint.format(region=region)
    if url is not None:
        outside.door.check(url)
    client = _client(record.credentials, region, url, outside)
    stack = AsyncExitStack()
    try:
        opened = await stack.enter_async_context(client)
    except (BotoCoreError, ValueError) as invalid:  # it is stricter with hosts than the door
        raise SinkRefused(NO_HOST) from invalid
    opened.meta.events.register("before-call.s3", _stay_in_the_region)
    return S3Sink(opened, bucket, stack, outside.put_timeout)


def _client(
    credentials: Mapping[str, str], region: str, url: str | None, outside: Outside
) -> AbstractAsyncContextManager[Any]:
    key = names.checked(credentials, "access_key_id", names.access_key_id)
    secret = names.checked(credentials, "secret_access_key", names.secret_access_key)
    return _library().create_client(  # type: ignore[no-any-return] # it has no annotations
        "s3",
        region_name=region,
        endpoint_url=url,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=_config(outside),
    )


class S3Sink:
    """One bucket, through one client: making another costs more than an upload."""

    def __init__(self, client: Any, bucket: str, stack: AsyncExitStack, patience: float) -> None:
        self._client, self._bucket = client, bucket
        self._stack, self._patience = stack, patience

    async def put(self, name: str, body: bytes) -> None:
        """Store an object whole; raise SinkError."""
        # The checksum that every store knows; a bucket with object lock asks for one.
        digest = md5(body, usedforsecurity=False).digest()
        answer = await self._ask(
            self._client.put_object,
            "s3:PutObject",
            Key=name,
            Body=body,
            ContentType=CONTENT_TYPE,
            ContentMD5=b64encode(digest).decode(),
        )
        if "ETag" not in answer:  # the library takes any 200 for a success
            raise SinkRefused(NO_STORE)

    async def delete(self, name: str) -> None:
        """Remove an object, also where there is none; raise SinkError."""
        await self._ask(self._client.delete_object, "s3:DeleteObject", Key=name)

    async def close(self) -> None:
        """Cut off what is under way."""
        await self._stack.aclose()

    async def _ask(
        self, call: Callable[..., Awaitable[dict[str, Any]]], right: str, **named: Any
    ) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._patience):
                return await call(Bucket=self._bucket, **named)
        except ClientError as refusal:
            raise told(refusal.response, right) from refusal
        except FAILURES as failure:
            raise translated(failure) from failure
        except Exception as failure:  # over what is no S3 the library trips in many ways
            raise SinkRefused(NO_STORE) from failure


class Http:
    """How the library sends its requests: through vetted addresses only, to where it was told."""

    def __init__(self, outside: Outside, **_: Any) -> None:
        # The rest is what the library has found in its surroundings.
        self._outside = outside
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = await open_session(self._outside)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Cut off what is under way."""
        if self._session is not None:
            await self._session.close()

    async def send(self, request: AWSPreparedRequest) -> AioAWSResponse:
        """Return the answer to a request, read whole; raise what aiohttp raises, or SinkError."""
        if self._session is None or self._session.closed:
            raise SinkUnavailable("The connector was closed.")
        answer = await self._session.request(
            request.method,
            URL(request.url, encoded=True),
            headers=_headers(request),
            data=request.body,
            allow_redirects=False,
            skip_auto_headers=("Accept-Encoding", "Content-Type"),
        )
        await answer.read()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return AioAWSResponse(request.url, answer.status, headers, answer)


def _headers(request: AWSPreparedRequest) -> dict[str, str]:
    # Without Expect, which is not signed: not every store says "100 Continue", and nothing would
    # end the wait for it.
    told = {name: value for name, value in request.headers.items() if name.lower() != "expect"}
    return {name: _text(value) for name, value in told.items()}


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _config(outside: Outside) -> AioConfig:
    return AioConfig(
        http_session_cls=partial(Http, outside),
        ignore_configured_endpoint_urls=True,
        user_agent="Ringmain",
        warm_up_loader_caches=True,  # in a thread
        # What fails on its way is tried again by the exporter, which has the patience for it.
        retries={"total_max_attempts": 2, "mode": "standard"},
        # Other stores than AWS do not know the newer checksums.
        request_checksum_calculation="when_required",
        # The bucket goes into AWS's own hosts, and into the path where the endpoint is given.
        s3={"addressing_style": "auto", "us_east_1_regional_endpoint": "regional"},
    )


@cache
def _library() -> AioSession:
    """Return the library as it comes, without what the surroundings would tell it."""
    session = AioSession()
    defaults = {name: default for name, (*_, default, _) in session.SESSION_VARIABLES.items()}
    nothing = {"config_file": os.devnull, "credentials_file": os.devnull}
    settings = {name: ConstantProvider(value) for name, value in {**defaults, **nothing}.items()}
    session.register_component("config_store", ConfigValueStore(settings))
    # Its own descriptions of services only, none from a home directory.
    loader = Loader(
        extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False
    )
    session.register_component("data_loader", loader)
    return session


def _stay_in_the_region(context: dict[str, Any], **_: Any) -> None:
    # What a store says of a bucket's region would become a host; so it is told, not followed.
    context["s3_redirect"]["redirected"] = True
