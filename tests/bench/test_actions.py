"""The page of all commands says what the code does."""

from __future__ import annotations

from api.app import ALL
from bench.actions import BASE, PAGE, ROUTES, page
from csms.requests import actions_of
from csms.stations import STATIONS


def test_the_page_is_as_it_would_be_written_now() -> None:
    assert PAGE.read_text() == page(), "write it anew: python -m bench.actions"


def test_every_route_that_the_page_names_is_served() -> None:
    served = {f"{one.method} {one.path}" for one in ALL}
    named = {route.replace(" ", f" {BASE}", 1) for route in ROUTES.values()}

    assert named <= served


def test_every_action_with_a_route_of_its_own_is_an_action() -> None:
    assert set(ROUTES) <= set().union(*map(actions_of, STATIONS.values()))
