from __future__ import annotations

from csms.traffic import Traffic


def test_what_came_is_counted_and_shows_that_the_peer_lives() -> None:
    traffic = Traffic(heard_at=0.0)
    traffic.came(7)

    assert (traffic.frames_received, traffic.bytes_received) == (1, 7)
    assert traffic.heard_at > 0


def test_two_links_add_up_and_stay_two() -> None:
    whole = Traffic(frames_received=1, frames_sent=2, bytes_received=3, bytes_sent=4)
    other = Traffic(frames_received=10, answered=5, malformed=6, unsolicited=7)
    whole.add(other)

    assert (whole.frames_received, whole.frames_sent) == (11, 2)
    assert (whole.bytes_received, whole.bytes_sent) == (3, 4)
    assert (whole.answered, whole.malformed, whole.unsolicited) == (5, 6, 7)
    assert Traffic(heard_at=0.0) != Traffic(heard_at=0.0)
