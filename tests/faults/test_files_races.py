"""Two stages and one file job: whatever the order of their calls, one does it and nothing of the other stays."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.faults.faults import Injector, Proceed, fail_before, of, to_state
from tests.faults.file_story import PATIENCE_SECONDS, FileStory, Look, Upload


def _done_once(story: FileStory, *outcomes: str) -> None:
    assert story.cloud.failures == []
    story.finish()
    story.check_completed()
    assert story.outcomes == [*outcomes, "completed"]


def test_message_that_comes_twice_before_finds_one_job(file_story: FileStory) -> None:
    story = file_story.begin()
    story.wake()
    story.stage()
    _done_once(story)


def test_message_that_comes_again_afterwards_finds_nothing(file_story: FileStory) -> None:
    story = file_story.begin()
    story.stage()
    version = story.head["version"]
    story.wake()
    story.stage()
    assert story.head["version"] == version
    _done_once(story)


@pytest.mark.parametrize("phase", ["downloading", "processing"])
def test_message_that_comes_again_meanwhile_finds_nothing(file_story: FileStory, phase: str) -> None:
    """Its own message too, which has become visible again."""
    story = file_story.begin()
    seen: list[tuple[Any, Any]] = []

    def again(_: Look) -> None:
        before = story.head["version"]
        story.wake()
        story.stage()
        seen.append((before, story.head["version"]))

    story.hooks[phase] = again
    story.stage()
    assert [before for before, after in seen if before == after]
    _done_once(story)


def test_stage_that_is_overtaken_at_its_claim_finds_nothing(file_story: FileStory, injector: Injector) -> None:
    story = file_story.begin()

    def overtaken(proceed: Proceed) -> Any:
        story.wake()
        story.stage()
        assert story.head["state"] == "completed"
        return proceed()

    with injector.once(to_state("claimed"), overtaken):
        story.stage()
    _done_once(story)


def test_stages_that_claim_at_once_do_it_once(file_story: FileStory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have read the same job before either writes."""
    from chalicelib.files import stage
    from chalicelib.jobs import claims

    story = file_story.begin()
    both = threading.Barrier(2, timeout=PATIENCE_SECONDS)
    real: Callable[..., Any] = claims._take
    waited = threading.local()

    def taken(*arguments: Any) -> Any:
        if not getattr(waited, "once", False):
            waited.once = True
            both.wait()
        return real(*arguments)

    monkeypatch.setattr(claims, "_take", taken)
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda name: stage.serve(name, 900), ("one", "two")))
    assert sorted(found) == [False, True]
    _done_once(story)


def test_last_word_of_a_stage_whose_job_was_done_by_another_is_refused(
    file_story: FileStory, injector: Injector
) -> None:
    story = file_story.begin()
    outputs: list[str] = []

    def overtaken(proceed: Proceed) -> Any:
        story.lose_lease()
        outputs.extend(story.outputs)
        return proceed()

    with injector.once(to_state("completed"), overtaken):
        story.stage()
    assert story.outputs == outputs
    assert [key.split("/")[2] for key in outputs] == ["2"]
    _done_once(story, "expired")


def test_last_word_of_a_stage_whose_lease_ran_out_is_refused_though_nobody_took_the_job(
    file_story: FileStory, injector: Injector
) -> None:
    story = file_story.begin()

    def late(proceed: Proceed) -> Any:
        story.end_lease()
        return proceed()

    with injector.once(to_state("completed"), late):
        story.stage()
    assert (story.head["state"], story.outputs) == ("running", [])
    _done_once(story, "expired")


@pytest.mark.parametrize("phase", ["downloading", "processing"])
def test_stage_whose_job_was_done_by_another_stops_at_its_next_look(file_story: FileStory, phase: str) -> None:
    story = file_story.begin()
    looked: list[str] = []

    def overtaken(look: Look) -> None:
        story.lose_lease()
        story.hooks["uploading"] = lambda _: looked.append("went on")
        look(1)

    story.hooks[phase] = overtaken
    story.stage()
    assert looked == []
    _done_once(story, "expired")


@pytest.mark.parametrize("state", ["failed", "ready", "cancelled"])
def test_other_last_words_of_a_stage_that_has_lost_its_job_are_refused(
    file_story: FileStory, injector: Injector, state: str
) -> None:
    """That it failed, is to be done elsewhere, or was cancelled as its owner wanted; nothing is left to say."""
    story = file_story

    def overtaken(proceed: Proceed) -> Any:
        story.end_lease()
        story.cloud.sweep()
        return proceed()

    def cancelled(look: Look) -> None:
        story.cancel_until_answered()
        look(1)

    if state == "failed":
        story.with_bad_file()
    elif state == "ready":
        story.with_little_time()
    else:
        story.hooks["processing"] = cancelled
    story.begin()
    with injector.once(to_state(state), overtaken):
        story.stage()
    story.record()
    assert story.outcomes[0] == ("cancelled" if state == "cancelled" else "expired")
    assert story.cloud.failures == []


def test_stage_that_runs_out_of_time_after_its_job_was_done_by_another_leaves_nothing(
    file_story: FileStory, injector: Injector
) -> None:
    story, upload = file_story.begin(), Upload()

    def late(look: Look) -> None:
        story.lose_lease()
        upload.finish()
        look(900)

    story.hooks["uploading"] = late
    with injector.once(of("PutObject"), upload):
        story.stage()
    story.finish()
    story.check_completed()
    assert story.outcomes == ["expired", "completed"]


@pytest.mark.parametrize("operation", ["ListObjectsV2", "DeleteObject"])
def test_output_of_a_lost_attempt_goes_though_discarding_it_fails_once(
    file_story: FileStory, injector: Injector, operation: str
) -> None:
    """The lease runs out before the upload, so that what the stream discards is not there yet."""
    story = file_story.begin()
    overtaken = threading.Event()

    def lose(_: Look) -> None:
        story.lose_lease()
        overtaken.set()

    # The watch does not look again before the last word.
    story.hooks["processing"] = lose
    with injector.once(lambda call: overtaken.is_set() and call.operation == operation, fail_before):
        story.stage()
    assert len(story.cloud.failures) == 1
    story.finish()
    story.check_completed()
