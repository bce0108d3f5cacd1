"""DynamoDB is away while a file is processed: for a while nothing comes of it, for longer the job is done again."""

import pytest

from tests.faults.faults import Injector, fail_before
from tests.faults.file_story import FileStory, Look


def test_short_outage_while_a_file_is_processed_costs_nothing(file_story: FileStory, injector: Injector) -> None:
    story = file_story.begin()

    def away(look: Look) -> None:
        look(1)
        injector.outage("dynamodb", fail_before)
        for _ in range(5):
            look(1)
        injector.outage("dynamodb", None)
        look(1)

    story.hooks["processing"] = away
    with injector.watching():
        story.stage()
    assert story.cloud.failures == []
    story.finish()
    story.check_completed()
    assert story.outcomes == ["completed"]


def test_renewal_that_failed_is_tried_again_before_the_lease_ends(file_story: FileStory, injector: Injector) -> None:
    """One of three renewals may fail."""
    story = file_story.begin()
    renewed: list[bool] = []

    def away(look: Look) -> None:
        due = story.head["due"]
        injector.outage("dynamodb", fail_before)
        look(21)
        injector.outage("dynamodb", None)
        look(20)
        renewed.append(story.head["due"] > due)

    story.hooks["processing"] = away
    with injector.watching():
        story.stage()
    assert renewed == [True]


def test_outage_that_ends_well_before_the_lease_does_not_lose_it(file_story: FileStory, injector: Injector) -> None:
    """Of 60 seconds DynamoDB is away from the 19th to the 42nd."""
    story = file_story.begin()
    renewed: list[bool] = []

    def away(look: Look) -> None:
        due = story.head["due"]
        look(18)
        injector.outage("dynamodb", fail_before)
        for _ in range(23):
            look(1)
        injector.outage("dynamodb", None)
        for _ in range(17):
            look(1)
        renewed.append(story.head["due"] > due)

    story.hooks["processing"] = away
    with injector.watching():
        story.stage()
    assert renewed == [True]


@pytest.mark.parametrize("swept", [True, False], ids=["taken-by-another", "nobody-looked"])
def test_outage_that_outlasts_the_lease_leaves_the_job_to_the_next(
    file_story: FileStory, injector: Injector, *, swept: bool
) -> None:
    story = file_story.begin()
    went_on: list[str] = []

    def away(look: Look) -> None:
        story.hooks["uploading"] = lambda _: went_on.append("uploading")
        injector.outage("dynamodb", fail_before)
        for _ in range(3):
            look(20)
        injector.outage("dynamodb", None)
        del story.hooks["uploading"]
        if swept:
            story.lose_lease()
        else:
            story.end_lease()
        story.hooks["uploading"] = lambda _: went_on.append("uploading")
        look(1)

    story.hooks["processing"] = away
    with injector.watching():
        story.stage()
    assert went_on == []
    assert story.cloud.failures == []
    story.hooks.clear()
    story.finish()
    story.check_completed()
    assert story.outcomes == ["expired", "completed"]


def test_outage_at_the_last_word_leaves_the_job_to_the_next(file_story: FileStory, injector: Injector) -> None:
    story = file_story.begin()

    def away(_: Look) -> None:
        injector.outage("dynamodb", fail_before)

    story.hooks["processing"] = away
    with injector.watching():
        story.stage()
    assert len(story.cloud.failures) == 1
    assert len(story.outputs) == 1
    story.finish()
    story.check_completed()
    assert story.outcomes == ["expired", "completed"]


def test_outage_of_the_store_leaves_the_job_to_the_next(file_story: FileStory, injector: Injector) -> None:
    story = file_story.begin()
    with injector.always("s3", fail_before):
        story.stage()
    assert (len(story.cloud.failures), story.outputs) == (1, [])
    story.finish()
    story.check_completed()
    assert story.outcomes == ["expired", "completed"]
