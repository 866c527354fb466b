"""A target that answers no CALL is left; one that says anything is not."""

from __future__ import annotations

from csms import frames
from csms.link import Link
from proxy.silence import MUTE, Silence
from tests.doubles import socket_pair


def linked() -> Link:
    return Link(socket_pair()[0], dialect=frames.OCPP16)


def test_so_many_unanswered_calls_in_a_row_end_the_link() -> None:
    silence, link = Silence(3), linked()

    ended = [(silence.noted(link), link.closed and link.closed.reason) for _ in range(3)]

    assert ended == [(1, None), (2, None), (3, MUTE)]


def test_any_word_between_them_keeps_it() -> None:
    silence, link = Silence(3), linked()
    for _ in range(3):
        assert [silence.noted(link) for _ in range(2)] == [1, 2]
        link.traffic.frames_received += 1

    assert link.closed is None


def test_the_next_link_begins_anew() -> None:
    silence, links = Silence(2), [linked(), linked()]

    assert [silence.noted(link) for link in links] == [1, 1]
    assert [link.closed for link in links] == [None, None]
