"""S-10: a service account is a stranger's word, and no address in it is ever asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.security.ground import Outside, answering, sending_to, served, trap
from tests.stores import GOOGLES, GcpOAuth, Words

pytestmark = pytest.mark.sqlite_only("what is refused is not stored")

OTHERS = ("auth_uri", "auth_provider_x509_cert_url", "client_x509_cert_url")


def connector(account: object, **configuration: str) -> dict[str, object]:
    return {
        "name": "google",
        "type": "gcp_storage",
        "configuration": {"bucket": "lake", **configuration},
        "credentials": {"service_account_json": json.dumps(account)},
        "enabled": False,
    }


async def test_a_token_uri_that_is_not_googles_is_refused_and_never_asked(
    tmp_path: Path, outside: Outside, service_account: Words
) -> None:
    async with served(tmp_path) as ground, trap("0.0.0.0") as laid:
        for uri in (
            f"http://127.0.0.1:{laid.port}/token",
            f"http://localhost:{laid.port}/token",
            f"https://oauth2.googleapis.com@127.0.0.1:{laid.port}/token",
            f"https://oauth2.googleapis.com.127.0.0.1.nip.io:{laid.port}/token",
            "https://oauth2.googleapis.com/token#",
            "https://OAUTH2.googleapis.com/token",
            "http://oauth2.googleapis.com/token",
            "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token",
            "file:///etc/passwd",
            "",
            None,
        ):
            account = {**service_account, "token_uri": uri}
            status, told = await ground("POST", ground.connectors, connector(account))
            assert status == 422, uri
            assert "token_uri" in str(told), told

        assert (laid.touched, outside.dialled(ground)) == ([], [])


TYPES = (
    "authorized_user",
    "external_account",
    "impersonated_service_account",
    "gdch_service_account",
)


async def test_credentials_of_another_type_are_refused(
    tmp_path: Path, outside: Outside, service_account: Words
) -> None:
    async with served(tmp_path) as ground, trap("0.0.0.0") as laid:
        place = f"http://127.0.0.1:{laid.port}/"
        for type in TYPES:
            account = {
                **service_account,
                "type": type,
                "token_url": place,
                "credential_source": {"url": place, "file": "/etc/passwd", "executable": "id"},
                "service_account_impersonation_url": place,
            }
            assert (await ground("POST", ground.connectors, connector(account)))[0] == 422, type

        assert (laid.touched, outside.dialled(ground)) == ([], [])


async def test_no_other_address_in_it_is_asked_and_tokens_come_from_the_pinned_endpoint(
    tmp_path: Path, outside: Outside, service_account: Words, gcp_oauth: GcpOAuth
) -> None:
    variables = {
        "RINGMAIN_ALLOWED_TARGET_NETWORKS": "127.0.0.0/8",
        "RINGMAIN_GCP_TOKEN_URI": gcp_oauth.url,
    }
    async with (
        served(tmp_path, variables) as ground,
        trap("127.0.0.2") as laid,
        answering(sending_to(f"http://127.0.0.2:{laid.port}/", 307)) as store,
    ):
        place = f"http://127.0.0.2:{laid.port}/"
        account = {**service_account, **dict.fromkeys(OTHERS, place), "token_uri": GOOGLES}
        body = connector(account, endpoint_url=f"http://127.0.0.1:{store}")
        made = await ground.ok("POST", ground.connectors, body)
        told = await ground.ok("POST", f"{ground.connectors}/{made['connector']['id']}/test")

        assert told["ok"] is False
        assert len(gcp_oauth.assertions) == 1
        assert laid.touched == []
        token_port = int(gcp_oauth.url.rpartition(":")[2].partition("/")[0])
        assert {*outside.dialled(ground)} == {("127.0.0.1", token_port), ("127.0.0.1", store)}


async def test_a_universe_of_its_own_is_refused(
    tmp_path: Path, outside: Outside, service_account: Words
) -> None:
    async with served(tmp_path) as ground:
        account = {**service_account, "universe_domain": "evil.example"}
        status, told = await ground("POST", ground.connectors, connector(account))

        assert status == 422
        assert "universe_domain" in str(told)
        assert outside.dialled(ground) == []
