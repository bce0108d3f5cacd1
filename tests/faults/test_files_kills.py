"""A function killed in the midst of a file job: nothing of that attempt stays, and the next one does the job."""

from collections.abc import Callable

import pytest

from tests.faults.faults import Injector, Proceed, die_after, die_before, of, to_state
from tests.faults.file_story import FileStory, Look, Upload
from tests.support.files import PEOPLE

COMPLETED_LATER = ["expired", "completed"]


def _completed_later(story: FileStory) -> None:
    assert story.head["state"] == "running"
    assert len(story.cloud.failures) == 1
    story.finish()
    story.check_completed()
    assert story.outcomes == COMPLETED_LATER


@pytest.mark.parametrize("phase", ["downloading", "processing"])
def test_function_killed_at_its_work_leaves_it_to_the_next(
    file_story: FileStory, injector: Injector, phase: str
) -> None:
    story = file_story.begin()
    story.hooks[phase] = lambda _: injector.kill()
    with injector.watching():
        story.stage()
    assert story.outputs == []
    _completed_later(story)


@pytest.mark.parametrize("arrives", [True, False], ids=["arrived", "lost"])
def test_function_killed_while_it_uploads_leaves_nothing(
    file_story: FileStory, injector: Injector, *, arrives: bool
) -> None:
    story, upload = file_story.begin(), Upload(arrives=arrives)

    def killed(_: Look) -> None:
        upload.finish()
        injector.kill()

    story.hooks["uploading"] = killed
    with injector.once(of("PutObject"), upload):
        story.stage()
    assert len(story.outputs) == arrives
    _completed_later(story)


@pytest.mark.parametrize("behaviour", [die_before, die_after], ids=["before", "after"])
def test_function_killed_between_upload_and_completion_leaves_no_output(
    file_story: FileStory, injector: Injector, behaviour: Callable[[Proceed], object]
) -> None:
    story = file_story.begin()
    with injector.once(of("PutItem"), injector.dying(behaviour)):
        story.stage()
    assert len(story.outputs) == 1
    _completed_later(story)


def test_function_killed_between_parts_leaves_no_parts(file_story: FileStory, injector: Injector) -> None:
    story = file_story.begin()
    story.with_parts()
    with injector.once(of("UploadPart"), injector.dying(die_after)):
        story.stage()
    assert len(story.parts_left) == 1
    _completed_later(story)


def test_three_kills_fail_the_job(file_story: FileStory, injector: Injector) -> None:
    story = file_story.begin()
    for attempt in (1, 2, 3):
        with injector.once(of("PutItem"), injector.dying(die_before)):
            story.stage()
        assert (story.head["attempt"], len(story.outputs)) == (attempt, 1)
        story.end_lease()
        story.sweep()
        story.record()
        assert story.outputs == []
    story.finish()
    story.check_failed()
    assert story.head["error_code"] == "CLAIM_EXPIRED"
    assert story.outcomes == ["expired", "expired", "failed"]


def test_message_of_a_killed_function_that_is_delivered_again_claims_nothing(
    file_story: FileStory, injector: Injector
) -> None:
    story = file_story.begin()
    with injector.once(to_state("completed"), injector.dying(die_after)):
        story.stage()
    version = story.head["version"]
    assert len(story.cloud.failures) == 1
    story.finish()
    assert story.head["version"] == version
    story.check_completed()
    assert story.outcomes == ["completed"]


def test_what_arrives_after_its_attempt_was_discarded_is_discarded_too(
    file_story: FileStory, injector: Injector
) -> None:
    """A stage that hung in its upload past its lease, and goes on."""
    story, upload = file_story.begin(), Upload()

    def hanging(look: Look) -> None:
        story.lose_lease()
        upload.finish()
        look(1)

    story.hooks["uploading"] = hanging
    with injector.once(of("PutObject"), upload):
        story.stage()
    story.finish()
    story.check_completed()
    assert story.outcomes == COMPLETED_LATER
    assert story.cloud.failures == []


def test_what_arrives_after_its_attempt_was_discarded_does_not_stay_when_its_stage_is_killed(
    file_story: FileStory, injector: Injector
) -> None:
    story, upload = file_story.begin(), Upload()

    def hanging(_: Look) -> None:
        story.lose_lease()
        upload.finish()
        injector.kill()

    story.hooks["uploading"] = hanging
    with injector.once(of("PutObject"), upload):
        story.stage()
    story.finish()
    story.check_completed()


def test_killed_stage_holds_up_no_other_job(file_story: FileStory, injector: Injector) -> None:
    story = file_story.begin()
    story.hooks["processing"] = lambda _: injector.kill()
    with injector.watching():
        story.stage()
    other = story.files.started(content=PEOPLE)
    story.cloud.hurry()
    assert story.files.read(other)["status"] == "COMPLETED"
    _completed_later(story)
