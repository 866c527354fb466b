"""The command line of the simulators: `ringmain simulate charger | fleet | site | target`."""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex
from typing import Annotated, Literal, TypeAlias
from urllib.parse import unquote

import typer

from csms import arguments
from csms.completing import ORGANIZATIONS
from csms.examples import examples
from csms.playing import play
from simulators.enrolment import enrol, names
from simulators.programs import run_charger, run_fleet, run_site, run_target
from simulators.tls import charger_tls

simulate = typer.Typer(no_args_is_help=True, help="Simulated chargers and targets.")

Version: TypeAlias = Literal["1.6", "2.0.1", "2.1"]
Api = Annotated[str, typer.Option(callback=arguments.api_url, help="The server's HTTP address.")]
Org = Annotated[str, typer.Option(help="The organization's UUID.", autocompletion=ORGANIZATIONS)]
Key = Annotated[str, typer.Option(envvar="RINGMAIN_API_KEY", help="A key of that organization.")]
Seconds = Annotated[float | None, typer.Option(min=1, help="Stop by itself after so long.")]
Factor = Annotated[float, typer.Option(min=0.01, help="How much faster than the clock.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON line per event.")]
TlsCa = Annotated[
    Path | None, typer.Option(help="PEM authorities that it trusts; else the machine's.")
]
TlsCert = Annotated[Path | None, typer.Option(help="PEM client certificate (security profile 3).")]
TlsKey = Annotated[Path | None, typer.Option(help="Its PEM key; else that in --tls-cert.")]


@simulate.command(
    "charger",
    epilog=examples(
        "ringmain simulate charger --url ws://127.0.0.1:9000/$ORG/ocpp_proxy/CP-1",
        "OCPP_PASSWORD=secret ringmain simulate charger --version 2.0.1 "
        "--url wss://csms.example/$ORG/ocpp_proxy/CP-1 --tls-ca ca.pem",
    ),
)
def simulate_charger(
    url: Annotated[
        str,
        typer.Option(
            callback=arguments.charger_url, help="The ocpp_proxy_url or ocpp_url of enrolment."
        ),
    ],
    password: Annotated[str | None, typer.Option(envvar="OCPP_PASSWORD")] = None,
    version: Annotated[Version, typer.Option(help="OCPP version.")] = "1.6",
    time_factor: Factor = 1.0,
    seconds: Seconds = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Play one charger that charges now and then, and obeys."""
    base, _, charge_box_id = url.rpartition("/")
    play(
        run_charger(
            base,
            unquote(charge_box_id),
            password,
            version=version,
            time_factor=time_factor,
            seconds=seconds,
            as_json=as_json,
            ssl=charger_tls(tls_ca, tls_cert, tls_key),
        )
    )


@simulate.command(
    "fleet",
    epilog=examples(
        'ringmain simulate fleet --api http://127.0.0.1:8080 --org "$ORG" --key "$KEY" --count 10',
    ),
)
def simulate_fleet(
    api: Api,
    org: Org,
    key: Key,
    count: Annotated[int, typer.Option(min=1, max=9999)] = 10,
    prefix: Annotated[str, typer.Option(help="Their ids are this and a number.")] = "SIM-",
    time_factor: Factor = 1.0,
    seconds: Seconds = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Enrol many chargers, all versions in turn, and play them all."""
    ssl = charger_tls(tls_ca, tls_cert, tls_key)

    async def enrol_and_run() -> None:
        dials = await enrol(api, org, key, names(count, prefix))
        await run_fleet(dials, time_factor=time_factor, seconds=seconds, as_json=as_json, ssl=ssl)

    play(enrol_and_run())


@simulate.command(
    "site",
    epilog=examples(
        'ringmain simulate site --api http://127.0.0.1:8080 --org "$ORG" --key "$KEY" --count 10',
    ),
)
def simulate_site(
    api: Api,
    org: Org,
    key: Key,
    count: Annotated[int, typer.Option(min=1, max=999)] = 10,
    prefix: Annotated[
        str | None, typer.Option(help="Their ids are this and a number; a new one each time.")
    ] = None,
    time_factor: Factor = 1.0,
    seconds: Seconds = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Enrol chargers, OCPP 1.6 and 2.0.1 in turn, make a site of them, and play them all."""
    prefix = prefix or f"SITE-{token_hex(2)}-"
    play(
        run_site(
            api,
            org,
            key,
            name=f"Simulated site {prefix.strip('-')}",
            charge_box_ids=names(count, prefix),
            time_factor=time_factor,
            seconds=seconds,
            as_json=as_json,
        )
    )


@simulate.command(
    "target",
    epilog=examples(
        "ringmain simulate target --port 9100",
    ),
)
def simulate_target(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 9100,
    password: Annotated[str | None, typer.Option(help="Refuse whoever has another one.")] = None,
    seconds: Seconds = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Play a third-party CSMS that takes every charger, of all versions."""
    play(run_target("127.0.0.1", port, password, seconds=seconds, as_json=as_json))
