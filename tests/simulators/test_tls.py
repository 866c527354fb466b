from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from simulators.programs import run_charger
from simulators.target import Target
from simulators.tls import UnusableFiles, charger_tls
from tests import certificates
from tests.simulators.test_programs import paper

pytestmark = pytest.mark.sqlite_only("simulators know no database")


def test_nothing_said_is_nothing_made() -> None:
    assert charger_tls() is None


def test_files_that_cannot_be_used_are_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(certificates.authority())
    (tmp_path / "none.pem").write_text("")
    cases = [
        (tmp_path / "gone.pem", None, None, "gone.pem cannot be used for TLS: No such file"),
        (tmp_path / "none.pem", None, None, "none.pem cannot be used for TLS"),
        (None, tmp_path / "ca.pem", None, "ca.pem cannot be used .* Without --tls-key it has to"),
        (None, None, tmp_path / "x.key", "--tls-key is of no use"),
    ]
    for ca, certificate, key, words in cases:
        with pytest.raises(UnusableFiles, match=words) as refused:
            charger_tls(ca, certificate, key)
        assert "\n" not in str(refused.value)


async def test_a_charger_shows_its_certificate_to_whom_it_trusts(tmp_path: Path) -> None:
    own = certificates.certificate(tmp_path, "CP-1", bears=())
    (tmp_path / "ca.pem").write_text(certificates.authority())
    context = certificates.server_side(certificates.certificate(tmp_path, "localhost"))
    context.load_verify_locations(tmp_path / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    async with Target.listening(ssl=context) as target:
        url = target.url.replace("127.0.0.1", "localhost")
        tls = charger_tls(tmp_path / "ca.pem", own)
        await run_charger(url, "CP-1", id_token=None, seconds=1.0, console=paper()[0], ssl=tls)

        assert target.connections
