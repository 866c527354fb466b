"""What is shown of a server with traffic, and that page, dashboard and alerts name nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from simulators.charger import Charger
from simulators.target import Target
from tests.doubles import PATIENCE
from tests.e2e.conftest import Api

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/monitoring.md").read_text()
ALERTS = ROOT / "deploy/prometheus/alerts.yml"
RULE_TESTS = ROOT / "deploy/prometheus/alerts_test.yml"
DASHBOARD = json.loads((ROOT / "deploy/grafana/ringmain.json").read_text())
PARTS_OF_HISTOGRAMS = re.compile(r"_(?:bucket|sum|count)$")
NAMED = re.compile(r"\b(?:ringmain|process|python)_[a-z_]+")
# What only some systems tell.
OF_THE_SYSTEM = {"process_open_fds", "process_max_fds"}

Families = dict[str, tuple[str, frozenset[str]]]


def expressions() -> list[str]:
    """Return all that the dashboard asks for, with its variables filled in."""
    found = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    filled = {"$__rate_interval": "5m", "$instance": ".+", "$job": "ringmain"}
    for variable, value in filled.items():
        found = [expression.replace(variable, value) for expression in found]
    return found


def alerts() -> dict[str, str]:
    """Return the expression of each alert."""
    pairs = re.findall(r"- alert: (\w+)\n\s+expr: >-\n\s+(.+)", ALERTS.read_text())
    return dict(pairs)


def listed() -> Families:
    """Return what the page's table tells of each metric: its type and its labels."""
    rows = re.findall(r"^\| `(ringmain_\w+)` \| (\w+) \| ([\w, ]*) \|", PAGE, re.MULTILINE)
    return {
        name: (kind, frozenset(filter(None, labels.split(", ")))) for name, kind, labels in rows
    }


# ---- one scrape of a server that has something to tell ----


def families(text: str) -> Families:
    """Return the same of a scrape; the labels of what has no sample yet are not known."""
    found: Families = {}
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        found[name] = family.type, frozenset(labels)
    return found


async def refused(url: str) -> None:
    with contextlib.suppress(InvalidStatus):
        async with connect(url, proxy=None):
            pass


async def traffic(api: Api, target: Target) -> str:
    """Have chargers come, and be refused; a command, and what a target asks; return a scrape."""
    password = await api.enrol("CP-1", f"{target.url}/ocpp/{{charge_box_id}}")
    url = f"ws://{api.server.ocpp}/{api.organization_uuid}/ocpp_proxy"
    charger = Charger(url, "CP-1", password, "1.6", back_off=(0.05, 0.2))
    await refused(f"{url}/CP-9")
    async with charger.running(), asyncio.timeout(PATIENCE):
        await charger.wait_connected(PATIENCE)
        await target.until(lambda seen: seen.calls("StatusNotification", "CP-1"), PATIENCE)
        await target.command("CP-1", "ClearCache", {})
        for action in ("ClearCache", "GetLocalListVersion"):
            await api("POST", f"/api/chargingStations/CP-1/commands/{action}", {})
        async with api.session.get("/metrics") as answer:
            return await answer.text()


@pytest.mark.sqlite_only("what is shown, not how it is stored")
async def test_what_is_shown_is_what_the_page_the_dashboard_and_the_alerts_name(api: Api) -> None:
    async with Target.listening() as target:
        text = await traffic(api, target)
    found = families(text)

    ours = {name for name in found if name.startswith("ringmain_")}
    assert ours == listed().keys()
    for name, (kind, labels) in listed().items():
        assert found[name][0] == kind, name
        assert found[name][1] in (labels, frozenset()), name
    refusals = re.findall(r'refused_total{reason="(\w+)"}', text)
    page = next(row for row in PAGE.splitlines() if row.startswith("| `reason` |"))
    assert set(re.findall(r"`(\w+)`", page)) == {"reason", *refusals}
    named = {part for each in [*expressions(), *alerts().values()] for part in NAMED.findall(each)}
    known = {*found, *OF_THE_SYSTEM, "process_cpu_seconds_total"}
    assert {name for name in named if PARTS_OF_HISTOGRAMS.sub("", name) not in known} == set()
    for told in (
        'ringmain_chargers_connected{ocpp_version="1.6"} 1.0',
        'ringmain_chargers_enrolled{ocpp_version="1.6"} 1.0',
        'ringmain_target_links{state="ready"} 1.0',
        'ringmain_handshakes_refused_total{reason="unknown"} 1.0',
        'ringmain_security_events_total{type="UnknownCharger"} 1.0',
        'ringmain_commands_total{action="ClearCache",outcome="answered"} 1.0',
        'ringmain_calls_served_seconds_count{action="BootNotification",link="charger"} 1.0',
        'ringmain_calls_served_seconds_count{action="ClearCache",link="target"} 1.0',
        'ringmain_calls_asked_seconds_count{action="ClearCache",link="charger"} 2.0',
        'ringmain_calls_asked_seconds_count{action="BootNotification",link="target"} 1.0',
        'ringmain_links{link="target"} 1.0',
    ):
        assert told in text
    assert api.organization_uuid not in text
    assert "CP-1" not in text


# ---- labels that are asked for ----


def selected(expression: str) -> Iterator[tuple[str, set[str]]]:
    for name, inside in re.findall(r"(ringmain_\w+)\{([^}]*)\}", expression):
        yield PARTS_OF_HISTOGRAMS.sub("", name), set(re.findall(r"(\w+)(?:=~|!=|=)", inside))


def test_labels_that_are_asked_for_exist() -> None:
    of_prometheus = {"instance", "job"}
    for expression in [*expressions(), *alerts().values()]:
        for name, labels in selected(expression):
            assert labels - of_prometheus <= listed()[name][1], expression


# ---- the dashboard ----


def test_each_panel_asks_the_data_source_that_is_chosen() -> None:
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    sources = [panel["datasource"] for panel in panels]
    sources += [target["datasource"] for panel in panels for target in panel["targets"]]

    assert {json.dumps(source, sort_keys=True) for source in sources} == {
        '{"type": "prometheus", "uid": "${datasource}"}'
    }
    assert [each["title"] for each in DASHBOARD["panels"] if each["type"] == "row"] == [
        "Fleet",
        "Links",
        "Queues",
        "Latencies",
        "Storage",
        "Sinks",
        "Process",
    ]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_no_panel_lies_on_another() -> None:
    taken: dict[tuple[int, int], Any] = {}
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert x < 24
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]


# ---- the alerts ----


def test_each_alert_says_what_it_is_what_to_do_and_where_to_read_on() -> None:
    rules = ALERTS.read_text().split("- alert: ")[1:]
    for rule in rules:
        name = rule.partition("\n")[0]
        for word in ("summary", "description", "action"):
            assert re.search(rf"^ +{word}: \".{{20,}}\"$", rule, re.MULTILINE), f"{name}: {word}"
        assert f"runbook_url: docs/monitoring.md#{name.lower()}\n" in rule
        section = PAGE.partition(f"### {name}\n")[2].partition("\n### ")[0]
        action = json.loads(re.search(r"action: (\".*\")", rule)[1])  # type: ignore[index]  # as above
        assert action in section
        severity = re.search(r"severity: (\w+)", rule)
        assert severity
        assert severity[1] in {"critical", "warning"}
    assert len(rules) == len(alerts()) == PAGE.count("### Ringmain")


def test_each_alert_is_tried_both_ways() -> None:
    tried = re.findall(r"- name: (\w+) (fires|is quiet)", RULE_TESTS.read_text())

    assert set(tried) == {(name, way) for name in alerts() for way in ("fires", "is quiet")}


def test_what_is_asked_has_an_end_to_each_bracket() -> None:
    pairs = {")": "(", "]": "[", "}": "{"}
    for expression in [*expressions(), *alerts().values()]:
        open_ones: list[str] = []
        for sign in re.sub(r'"[^"]*"', "", expression):
            if sign in pairs.values():
                open_ones.append(sign)
            elif sign in pairs:
                assert open_ones.pop() == pairs[sign], expression
        assert not open_ones, expression


# ---- what Prometheus itself says ----

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None and os.environ.get("CI") != "true",
    reason="promtool (Debian: prometheus) is not there; in CI it has to be",
)


def promtool(*arguments: str) -> None:
    ran = subprocess.run(
        ["promtool", *arguments], cwd=ALERTS.parent, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@needs_promtool
def test_prometheus_takes_the_example_and_the_alerts() -> None:
    promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", "alerts.yml")


@needs_promtool
def test_alerts_fire_when_they_should() -> None:
    promtool("test", "rules", "alerts_test.yml")


@needs_promtool
@pytest.mark.sqlite_only("stores nothing")
def test_prometheus_understands_the_dashboard(tmp_path: Path) -> None:
    rules = [
        {"record": f"dashboard:{number}", "expr": expression}
        for number, expression in enumerate(expressions())
    ]
    file = tmp_path / "dashboard.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))

    promtool("check", "rules", str(file))
