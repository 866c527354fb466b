from __future__ import annotations

from dataclasses import fields
from ipaddress import ip_network
from pathlib import Path

import pytest
from sqlalchemy import make_url

from csms.settings import VARIABLES, Bind, Rate, SettingError, Settings, describe, read

BAD_VALUES = {
    "RINGMAIN_DATA_DIR": [""],
    "RINGMAIN_DATABASE_URL": ["mysql://localhost/ringmain", "/var/lib/ringmain.sqlite3"],
    "RINGMAIN_HTTP_BIND": ["", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "example.com:80"],
    "RINGMAIN_OCPP_BIND": ["127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1", "[::1:9000"],
    "RINGMAIN_PUBLIC_OCPP_URL": [
        "https://example.com",
        "example.com",
        "wss://",
        "wss://:443",
        "wss://example.com:99999",
        "wss://example.com?a=b",
        "wss://example.com#a",
        "wss://[::1",
    ],
    "RINGMAIN_PUBLIC_HTTP_URL": ["example.com", "wss://example.com", "https://"],
    "RINGMAIN_BUS": ["", "kafka://broker:9092"],
    "RINGMAIN_ALLOW_PLAIN": ["", "perhaps", "2"],
    "RINGMAIN_TRUSTED_PROXIES": ["proxy", "10.0.0.1/8", "10.0.0.0/33"],
    "RINGMAIN_CLIENT_CERT_HEADER": ["X-Client-Cert", "Client-Cert,X-SSL-Client-Cert"],
    "RINGMAIN_MAX_FRAME_BYTES": ["", "1 MiB", "4095", "67108865", "1e6"],
    "RINGMAIN_UNKNOWN_CHARGER_STATUS": ["", "403"],
    "RINGMAIN_ALLOW_INSECURE_TARGETS": ["", "maybe"],
    "RINGMAIN_ALLOWED_TARGET_NETWORKS": ["localhost", "127.0.0.1/8"],
    "RINGMAIN_RETENTION_DAYS": ["", "0", "-1", "3651", "1e2", "90 days", "forever"],
    "RINGMAIN_GCP_TOKEN_URI": [
        "",
        "oauth2.googleapis.com/token",
        "ftp://oauth2.googleapis.com/token",
        "https://",
        "https://oauth2.googleapis.com:99999/token",
        "https://oauth2.googleapis.com/token?a=b",
    ],
    "RINGMAIN_RATE_LIMIT": ["", "0", "100/99", "-1/5", "1e3", "100 a second", "1/2/3"],
    "RINGMAIN_TLS_CERT": ["a.pem,b.pem,c.pem"],
    "RINGMAIN_TLS_KEY": ["a.pem,b.pem,c.pem"],
    "RINGMAIN_TLS_CLIENT_CA": ["a.pem,b.pem,c.pem"],
    "RINGMAIN_TLS_PRESET": ["", "modern"],
    "RINGMAIN_CA_COMMAND": ["sign 'unended"],
    "RINGMAIN_CA_URL": ["ca.example.com", "ldap://ca.example.com"],
    "RINGMAIN_KRATOS_URL": ["kratos", "ws://kratos"],
    "RINGMAIN_KRATOS_COOKIE": ["", "a b", "a=b", "a;b"],
    "RINGMAIN_TRACES_URL": ["127.0.0.1:4318", "grpc://127.0.0.1:4317", "http://"],
    "RINGMAIN_LOG_FORMAT": ["", "xml"],
    "RINGMAIN_LOG_LEVEL": ["", "loud", "fatal"],
}


def test_defaults_are_those_of_the_contract() -> None:
    assert read({}) == Settings(
        data_dir=Path("./ringmain-data"),
        database_url=None,
        http_bind=Bind("127.0.0.1", 8080),
        ocpp_bind=Bind("127.0.0.1", 9000),
        public_ocpp_url=None,
        public_http_url=None,
        bus="embedded",
        allow_plain=False,
        trusted_proxies=(),
        client_cert_header=None,
        max_frame_bytes=1 << 20,
        unknown_charger_status=401,
        allow_insecure_targets=False,
        allowed_target_networks=(),
        retention_days=90,
        gcp_token_uri="https://oauth2.googleapis.com/token",
        rate_limit=Rate(100, 1000),
        tls_cert=(),
        tls_key=(),
        tls_client_ca=(),
        tls_preset="strict",
        ca_command=(),
        ca_url=None,
        kratos_url=None,
        kratos_cookie="ory_kratos_session",
        traces_url=None,
        log_format="auto",
        log_level="info",
    )


def test_every_variable_is_read() -> None:
    chosen = read(
        {
            "RINGMAIN_DATA_DIR": "/var/lib/ringmain",
            "RINGMAIN_DATABASE_URL": "sqlite:////var/lib/ringmain/other.sqlite3",
            "RINGMAIN_HTTP_BIND": "localhost:0",
            "RINGMAIN_OCPP_BIND": "[::]:9001",
            "RINGMAIN_PUBLIC_OCPP_URL": "wss://example.com/ocpp/",
            "RINGMAIN_PUBLIC_HTTP_URL": "https://example.com/",
            "RINGMAIN_BUS": "embedded",
            "RINGMAIN_ALLOW_PLAIN": "Yes",
            "RINGMAIN_TRUSTED_PROXIES": "10.0.0.0/8, fd00::/8,",
            "RINGMAIN_CLIENT_CERT_HEADER": "Client-Cert",
            "RINGMAIN_MAX_FRAME_BYTES": "65536",
            "RINGMAIN_UNKNOWN_CHARGER_STATUS": "404",
            "RINGMAIN_ALLOW_INSECURE_TARGETS": "1",
            "RINGMAIN_ALLOWED_TARGET_NETWORKS": "127.0.0.0/8",
            "RINGMAIN_RETENTION_DAYS": "7",
            "RINGMAIN_GCP_TOKEN_URI": "https://tokens.example.com/token",
            "RINGMAIN_RATE_LIMIT": "5/50",
            "RINGMAIN_TLS_CERT": "rsa.pem,ec.pem",
            "RINGMAIN_TLS_KEY": "rsa.key,ec.key",
            "RINGMAIN_TLS_CLIENT_CA": "clients.pem",
            "RINGMAIN_TLS_PRESET": "OCPP-conformance",
            "RINGMAIN_CA_COMMAND": "/opt/sign --quiet",
            "RINGMAIN_CA_URL": "",
            "RINGMAIN_KRATOS_URL": "http://kratos:4433/",
            "RINGMAIN_KRATOS_COOKIE": "session",
            "RINGMAIN_TRACES_URL": "http://127.0.0.1:4318/v1/traces",
            "RINGMAIN_LOG_FORMAT": "JSON",
            "RINGMAIN_LOG_LEVEL": "WARNING",
            "HOME": "/root",
        }
    )

    assert chosen == Settings(
        data_dir=Path("/var/lib/ringmain"),
        database_url=make_url("sqlite:////var/lib/ringmain/other.sqlite3"),
        http_bind=Bind("localhost", 0),
        ocpp_bind=Bind("::", 9001),
        public_ocpp_url="wss://example.com/ocpp",
        public_http_url="https://example.com",
        bus="embedded",
        allow_plain=True,
        trusted_proxies=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
        client_cert_header="client-cert",
        max_frame_bytes=65536,
        unknown_charger_status=404,
        allow_insecure_targets=True,
        allowed_target_networks=(ip_network("127.0.0.0/8"),),
        retention_days=7,
        gcp_token_uri="https://tokens.example.com/token",
        rate_limit=Rate(5, 50),
        tls_cert=(Path("rsa.pem"), Path("ec.pem")),
        tls_key=(Path("rsa.key"), Path("ec.key")),
        tls_client_ca=(Path("clients.pem"),),
        tls_preset="ocpp-conformance",
        ca_command=("/opt/sign", "--quiet"),
        ca_url=None,
        kratos_url="http://kratos:4433",
        kratos_cookie="session",
        traces_url="http://127.0.0.1:4318/v1/traces",
        log_format="json",
        log_level="warning",
    )


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD_VALUES.items() for value in values]
)
def test_bad_value_is_refused_with_its_name_on_one_line(name: str, value: str) -> None:
    with pytest.raises(SettingError) as refused:
        read({name: value})

    told, asks, _ = value.partition("?")
    shown = f"{told}?***" if asks else value
    assert str(refused.value).startswith(f"{name}: {shown!r} cannot be used: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2:8080", "[::1]"])
def test_tokens_may_be_fetched_in_clear_from_the_same_machine(host: str) -> None:
    plain = f"http://{host}/token"

    assert read({"RINGMAIN_GCP_TOKEN_URI": plain}).gcp_token_uri == plain


@pytest.mark.parametrize("host", ["tokens.example.com", "10.0.0.1", "localhost.example.com"])
def test_tokens_cross_a_network_in_clear_only_where_that_is_allowed(host: str) -> None:
    plain = {"RINGMAIN_GCP_TOKEN_URI": f"http://{host}/token"}

    with pytest.raises(SettingError, match="RINGMAIN_GCP_TOKEN_URI: tokens would cross"):
        read(plain)
    assert read({**plain, "RINGMAIN_ALLOW_INSECURE_TARGETS": "true"}).gcp_token_uri


def test_every_variable_has_a_bad_value_and_a_field() -> None:
    assert {variable.name for variable in VARIABLES} == set(BAD_VALUES)
    assert [variable.field for variable in VARIABLES] == [field.name for field in fields(Settings)]


def test_password_in_a_token_endpoint_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingError, match="without a user") as refused:
        read({"RINGMAIN_GCP_TOKEN_URI": "https://me:s3cret@tokens.example.com/token"})

    assert "s3cret" not in str(refused.value)


def test_misspelt_variable_is_refused() -> None:
    with pytest.raises(SettingError, match="RINGMAIN_HTTP_BINDING is no setting of Ringmain"):
        read({"RINGMAIN_HTTP_BINDING": "127.0.0.1:8080"})
    with pytest.raises(
        SettingError, match=r"RINGMAIN_TLS_CERTS .*: RINGMAIN_TLS_CERT may be meant"
    ):
        read({"RINGMAIN_TLS_CERTS": "rsa.pem"})
    with pytest.raises(SettingError, match=r"no setting of Ringmain\. `ringmain serve --help`"):
        read({"RINGMAIN_ZZZ": "1"})


def test_a_network_with_host_bits_is_told_how_networks_are_written() -> None:
    for wrong in ("10.0.0.1/8", "proxy.example"):
        with pytest.raises(
            SettingError, match=r"networks whose host bits are zero, like 10\.0\.0\.0/8"
        ):
            read({"RINGMAIN_TRUSTED_PROXIES": wrong})


def test_the_simulators_key_may_stay_in_the_environment() -> None:
    assert read({"RINGMAIN_API_KEY": "rm_0"}) == read({})


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ringmain:p@ss/w0rd@db/ringmain",
        "ringmain:p@ss/w0rd@db/ringmain",
        "mysql://db/ringmain?user=ringmain&password=p@ss/w0rd",
        "mysql://ringmain:p@ss?w0rd@db/ringmain",
        "mysql://ringmain:w0rd?p@ss@db/ringmain",
    ],
)
def test_password_in_a_refused_url_is_not_repeated(url: str) -> None:
    with pytest.raises(SettingError) as refused:
        read({"RINGMAIN_DATABASE_URL": url})

    assert "p@ss" not in str(refused.value)
    assert "w0rd" not in str(refused.value)


@pytest.mark.parametrize("url", ["htp://127.0.0.1/v1?token=s3cret", "127.0.0.1?token=s3cret"])
def test_the_query_of_a_refused_url_is_not_repeated(url: str) -> None:
    with pytest.raises(SettingError, match=r"127\.0\.0\.1") as refused:
        read({"RINGMAIN_TRACES_URL": url})

    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("bind", ["0.0.0.0:9000", "[::]:9000", "192.0.2.1:9000"])
def test_plain_listener_for_other_machines_must_be_wanted(bind: str) -> None:
    with pytest.raises(SettingError, match="RINGMAIN_OCPP_BIND"):
        read({"RINGMAIN_OCPP_BIND": bind})

    assert read({"RINGMAIN_OCPP_BIND": bind, "RINGMAIN_ALLOW_PLAIN": "true"})
    assert read({"RINGMAIN_OCPP_BIND": bind, "RINGMAIN_TRUSTED_PROXIES": "10.0.0.0/8"})


@pytest.mark.parametrize("bind", ["127.0.0.1:9000", "127.3.2.1:9000", "[::1]:9000", "localhost:0"])
def test_plain_listener_on_loopback_is_the_default_s_way(bind: str) -> None:
    assert str(read({"RINGMAIN_OCPP_BIND": bind}).ocpp_bind) == bind


def test_help_lists_every_variable_with_its_default() -> None:
    lines = describe().splitlines()

    assert [line.split()[0] for line in lines] == [variable.name for variable in VARIABLES]
    assert "RINGMAIN_MAX_FRAME_BYTES (default: 1048576): one cap for both links." in lines
    assert "[" not in describe(), "rich takes what is in brackets for style and leaves it out"


def test_what_pages_are_compared_with_names_no_user() -> None:
    with pytest.raises(SettingError, match=r"RINGMAIN_PUBLIC_HTTP_URL: .*without a user") as wrong:
        read({"RINGMAIN_PUBLIC_HTTP_URL": "https://me:secret@example.com"})

    assert "secret" not in str(wrong.value)


TLS = {"RINGMAIN_TLS_CERT": "rsa.pem, ec.pem", "RINGMAIN_TLS_KEY": "rsa.key,ec.key"}


def test_a_listener_with_tls_may_be_reached_from_everywhere() -> None:
    settings = read({"RINGMAIN_OCPP_BIND": "0.0.0.0:9000", **TLS})

    assert settings.secured
    assert settings.tls_cert == (Path("rsa.pem"), Path("ec.pem"))


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({**TLS, "RINGMAIN_TLS_KEY": "rsa.key"}, "RINGMAIN_TLS_KEY: wanted is one key for each"),
        ({"RINGMAIN_TLS_CLIENT_CA": "ca.pem"}, "RINGMAIN_TLS_CLIENT_CA: without RINGMAIN_TLS_CERT"),
        ({"RINGMAIN_CLIENT_CERT_HEADER": "Client-Cert"}, "the proxy that sets it in"),
        ({"RINGMAIN_CA_COMMAND": "sign", "RINGMAIN_CA_URL": "http://ca"}, "only one authority"),
    ],
)
def test_half_a_matter_is_refused(environ: dict[str, str], told: str) -> None:
    with pytest.raises(SettingError, match=told):
        read(environ)
