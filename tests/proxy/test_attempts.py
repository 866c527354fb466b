"""How often a message goes out, how long apart, when it is given up, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from csms import frames
from csms.errors import LinkClosed
from csms.frames import OCPP16
from csms.link import Link
from proxy.attempts import Trial, lose, past_trials
from proxy.silence import MUTE
from storage.records import Copy, MessageType
from tests.doubles import Peer, settled, socket_pair, until
from tests.proxy.post import DURABLE, Post, posted
from tests.proxy.stage import QUICK, Stage

AT_ONCE = replace(QUICK, attempt_interval=0.0)


async def flags(post: Post) -> list[bool | None]:
    """Return which copies the target may have had before, in order."""
    return [copy.call.maybe_duplicate for copy in await post.copies()]


async def reason(post: Post) -> tuple[str, int]:
    """Return why the one dead letter died, and how often it was sent."""
    await post.storage.journal.flush()
    (letter,) = await post.storage.dead_letters.list(post.stored.id)
    assert letter.dead
    return letter.dead.reason, letter.attempts


# ---- what is flagged ----


async def test_what_goes_out_for_the_first_time_is_no_duplicate(stage: Stage) -> None:
    post = await posted(stage.storage, AT_ONCE)
    position = await post.says(DURABLE, 1)
    await post.connects()
    await post.hears()

    (copy,) = await post.copies()
    assert (copy.call.origin, copy.call.maybe_duplicate) == (position, False)
    await post.hangs_up()


async def test_what_was_lost_with_its_link_may_be_one(stage: Stage) -> None:
    post = await posted(stage.storage, AT_ONCE)
    await post.says(DURABLE, 1)
    await post.connects()
    await post.takes()
    await post.hangs_up()
    await post.connects()
    await post.hears()

    assert await flags(post) == [False, True]
    await post.hangs_up()


async def test_what_was_not_answered_in_time_may_be_one(stage: Stage) -> None:
    post = await posted(stage.storage, replace(AT_ONCE, answer=0.02, silent_calls=4))
    await post.says(DURABLE, 1)
    await post.connects()
    for _ in range(3):
        await post.takes()
    await post.drains()

    assert await flags(post) == [False, True, True]
    assert await reason(post) == ("The target did not answer in time.", 3)
    await post.hangs_up()


async def test_what_was_refused_is_none(stage: Stage) -> None:
    post = await posted(stage.storage, AT_ONCE)
    await post.says(DURABLE, 1)
    await post.connects()
    for refuse in (True, True, False):
        await post.hears(refuse=refuse)

    assert await flags(post) == [False, False, False]
    await post.hangs_up()


async def test_what_was_out_when_we_were_restarted_may_be_one(stage: Stage) -> None:
    post = await posted(stage.storage, AT_ONCE)
    await post.says(DURABLE, 1)
    await post.connects()
    await post.takes()
    await post.restarts()
    await post.connects()
    await post.hears()

    assert await flags(post) == [False, True]
    await post.hangs_up()


# ---- what counts ----


async def test_refusals_before_a_restart_count_after_it(stage: Stage) -> None:
    post = await posted(stage.storage, replace(QUICK, attempt_interval=60.0))
    await post.says(DURABLE, 1)
    for _ in range(3):
        await post.connects()
        await post.hears(refuse=True)
        await settled()
        await post.restarts()
    await post.connects()
    await post.drains()

    assert await reason(post) == ("The target answered InternalError.", 3)
    await post.hangs_up()


async def test_a_target_that_hangs_up_on_one_message_time_and_again_gets_the_next(
    stage: Stage,
) -> None:
    post = await posted(stage.storage, replace(AT_ONCE, hang_ups=3))
    await post.says(DURABLE, 1)
    await post.says(DURABLE, 2)
    for _ in range(3):
        peer = await post.connects()
        await post.takes()
        await peer.calls("Heartbeat")
        assert (await peer.hears())[0] == 3
        await post.hangs_up()
    await post.connects()
    await post.hears()

    assert post.heard == [1, 1, 1, 2]
    assert await reason(post) == ("The link ended each time that it was sent.", 3)
    await post.hangs_up()


async def test_what_never_said_a_word_was_no_target(stage: Stage) -> None:
    post = await posted(stage.storage, replace(AT_ONCE, hang_ups=3))
    await post.says(DURABLE, 1)
    for _ in range(5):
        await post.connects()
        await post.takes()
        await post.hangs_up()
    await post.connects()
    await post.hears()

    assert post.heard == [1] * 6
    assert (await post.backlog()).dead_letters == 0
    await post.hangs_up()


async def speaks(peer: Peer) -> None:
    """Let the target say something of its own."""
    await peer.calls("Heartbeat")
    assert (await peer.hears())[0] == 3


async def goes_mute(post: Post) -> None:
    """Let the target say a word, then answer nothing until its link is given up."""
    peer = await post.connects()
    await post.takes()  # it waits already, and might come before the answer
    await speaks(peer)
    for _ in range(2):
        await post.takes()
    with pytest.raises(LinkClosed) as closed:
        await post.fails()
    assert closed.value.reason == MUTE
    await post.hangs_up()


# Long enough for a machine that does much else.
MUTED = replace(AT_ONCE, answer=0.5, attempts=3, silent_calls=3)


async def test_what_a_target_leaves_unanswered_that_answers_nothing_is_not_buried(
    stage: Stage,
) -> None:
    post = await posted(stage.storage, MUTED)
    await post.says(DURABLE, 1)
    await post.says(DURABLE, 2)
    for _ in range(3):
        await goes_mute(post)
    await post.connects()
    for _ in range(2):
        await post.hears()

    assert post.heard == [1] * 10 + [2]
    assert await flags(post) == [False] + [True] * 9 + [False]
    assert (await post.backlog()).dead_letters == 0
    await post.hangs_up()


async def test_one_message_does_not_make_a_target_mute_for_ever(stage: Stage) -> None:
    post = await posted(stage.storage, replace(MUTED, hang_ups=2))
    await post.says(DURABLE, 1)
    await post.says(DURABLE, 2)
    for _ in range(2):
        await goes_mute(post)
    await post.connects()
    await post.hears()

    assert post.heard[-1] == 2
    assert await reason(post) == ("The link ended each time that it was sent.", 6)
    await post.hangs_up()


async def test_what_is_lost_while_it_waits_for_another_attempt_has_not_failed(
    stage: Stage,
) -> None:
    slow = replace(MUTED, attempts=2, attempt_interval=60.0)
    post = await posted(stage.storage, slow)
    await post.says(DURABLE, 1)
    for _ in range(3):
        peer = await post.connects()
        await post.takes()
        await speaks(peer)
        post.delivery.silence.calls = 0
        await until(lambda: post.delivery.silence.calls == 1)
        await post.hangs_up()
    await post.connects()

    assert await post.hears()
    assert (await post.backlog()).dead_letters == 0
    await post.hangs_up()


async def test_a_target_that_says_anything_between_keeps_its_link(stage: Stage) -> None:
    post = await posted(stage.storage, MUTED)
    await post.says(DURABLE, 1)
    await post.says(DURABLE, 2)
    peer = await post.connects()
    for _ in range(3):
        await post.takes()
        await speaks(peer)
    await post.hears()

    assert post.heard == [1, 1, 1, 2]
    assert await reason(post) == ("The target did not answer in time.", 3)
    await post.hangs_up()


async def test_the_target_s_own_words_are_kept_without_what_no_log_should_hold(
    stage: Stage,
) -> None:
    post = await posted(stage.storage, AT_ONCE)
    await post.says(DURABLE, 1)
    peer = await post.connects()
    call = await peer.hears()
    said = frames.call_error(call[1], "NotSupported", "no\x00 \n" + "x" * 1000)
    await peer.says(said.text)
    await post.drains()

    why, attempts = await reason(post)
    assert why.startswith("The target answered NotSupported: no xxx")
    assert why.isprintable()
    assert (len(why) <= 300, attempts) == (True, 1)
    await post.hangs_up()


@pytest.mark.parametrize(
    ("answers", "trial"),
    [
        ([None], Trial(attempts=1, doubtful=True)),
        (["CallError"], Trial(attempts=1, failures=1, reason="The target refused it.")),
        ([None, "CallResult"], Trial(attempts=2, doubtful=True, answer=b"said")),
    ],
)
def test_the_journal_tells_how_it_went(answers: list[MessageType | None], trial: Trial) -> None:
    copies = [Copy(7, kind, kind and b"said") for kind in answers]

    assert past_trials(copies) == {7: trial}


@pytest.mark.parametrize(("answered", "failures", "losses"), [(1, 1, 0), (0, 0, 1)])
def test_silence_to_one_message_counts_once_where_the_target_has_answered_others(
    answered: int, failures: int, losses: int
) -> None:
    link = Link(socket_pair()[0], dialect=OCPP16)
    link.traffic.answered, link.traffic.frames_received = answered, 1
    link.hang_up(reason=MUTE)
    trial = Trial(failures=3, silences=3)

    lose(link, trial)

    assert (trial.failures, trial.silences, trial.losses) == (failures, 0, losses)
