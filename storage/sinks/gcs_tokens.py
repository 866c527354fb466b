"""Where a service account gets its tokens: at one place, and from an answer that makes sense."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.auth.crypt import RSASigner
from google.auth.transport import Request, Response
from google.oauth2.service_account import Credentials
from requests import Session

from storage.sinks.errors import SinkUnavailable
from storage.sinks.gcs_account import ServiceAccount

_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_BUSY = frozenset({408, 429})
_TOKEN = re.compile(r"[!-~]{1,4096}")


class Account(Credentials):
    """A service account that asks for tokens and for nothing else."""

    @classmethod
    def of(cls, account: ServiceAccount, token_uri: str) -> Account:
        """Return the credentials of an account, with nothing else of its key file."""
        key_id = account.private_key_id or None
        signer = RSASigner(account.private_key, key_id)  # type: ignore[no-untyped-call]  # half annotated
        return cls(signer, account.email, token_uri, scopes=[_SCOPE])

    def _is_regional_access_boundary_lookup_required(self) -> bool:
        # It would ask a third server, from one more thread.
        return False


@dataclass(frozen=True, slots=True)
class Answer(Response):
    """What a token endpoint said, once it is known to make sense."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class TokenRequest(Request):
    """Ask a token endpoint once; the library would try three times and sleep in between."""

    def __init__(self, session: Session, timeout: tuple[float, float]) -> None:
        self._session, self._timeout = session, timeout

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: object = None,
        **_: object,
    ) -> Answer:
        """Return an answer; raise SinkUnavailable for one that is none."""
        response = self._session.request(
            method, url, data=body, headers=headers, timeout=self._timeout
        )
        if response.status_code in _BUSY or response.status_code >= 500:
            raise SinkUnavailable(
                "The token endpoint is not available now "
                f"(HTTP status {response.status_code}); it is tried again."
            )
        if not _makes_sense(response.status_code, response.content):
            raise SinkUnavailable(
                "What the token endpoint answers cannot be understood "
                f"(HTTP status {response.status_code}): check RINGMAIN_GCP_TOKEN_URI."
            )
        return Answer(response.status_code, response.headers, response.content)


def _makes_sense(status: int, body: bytes) -> bool:
    try:
        said = json.loads(body)
        if status != 200:
            return isinstance(said["error"], str)
        lifetime = said["expires_in"]
        return bool(_TOKEN.fullmatch(said["access_token"])) and 0 < int(lifetime) <= 86400
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return False
