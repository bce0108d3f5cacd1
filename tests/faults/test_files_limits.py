"""A file that is too much for a function goes to a bigger machine, or fails with the reason where there is none."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from tests.contract.harness import changed_settings
from tests.faults.file_story import FileStory, Look
from tests.support.files import PEOPLE


@contextmanager
def _too_little(story: FileStory, what: str) -> Iterator[None]:
    """For one stage."""
    with pytest.MonkeyPatch.context() as little:
        if what == "time":
            little.setattr("local.messages.TIME_LIMIT_SECONDS", 10)
        elif what == "time in the end":
            story.with_little_time()
        elif what == "space":
            little.setattr("chalicelib.files.stage.shutil", _Disk([len(PEOPLE) - 1]))
        else:
            little.setattr("chalicelib.files.stage.shutil", _Disk([1000, 10]))
        yield


class _Disk:
    """Says of a disk how much of it is free, by and by."""

    def __init__(self, free: list[int]) -> None:
        self._free = free[::-1]

    def disk_usage(self, _: object) -> SimpleNamespace:
        return SimpleNamespace(free=self._free.pop())


LITTLE = {"time": "time", "time in the end": "time", "space": "space", "space for the work": "space"}


@pytest.mark.parametrize("what", LITTLE)
def test_file_that_is_too_much_is_handed_over_and_done_elsewhere(file_story: FileStory, what: str) -> None:
    story = file_story.begin()
    with _too_little(story, what):
        story.stage()
    assert (story.head["state"], story.head["queue"], story.outputs) == ("ready", "files-large", [])
    assert story.files.read(story.job)["status"] == "QUEUED"
    story.record()
    story.stage()
    assert story.head["state"] == "ready", "it is no stage's any more"
    story.finish()
    story.check_completed()
    assert story.outcomes == ["released", "completed"]
    assert story.cloud.failures == []


@pytest.mark.parametrize("what", LITTLE)
def test_file_that_is_too_much_fails_with_the_reason_where_there_is_no_bigger_machine(
    file_story: FileStory, what: str
) -> None:
    story = file_story.begin()
    with changed_settings(file_max_bytes="100000", file_large_bytes="100000"), _too_little(story, what):
        story.stage()
    story.finish()
    story.check_failed()
    assert LITTLE[what] in story.files.read(story.job)["error_message"]
    assert story.outcomes == ["failed"]
    assert story.cloud.failures == []


def test_file_whose_time_runs_out_in_its_upload_leaves_nothing_here(file_story: FileStory) -> None:
    story = file_story.begin()
    story.with_parts()

    def late(look: Look) -> None:
        look(900)

    story.hooks["uploading"] = late
    _slowly(story)
    story.stage()
    story.record()
    assert (story.head["queue"], story.outputs, story.parts_left) == ("files-large", [], [])
    story.finish()
    story.check_completed()


def _slowly(story: FileStory) -> None:
    """An upload is not over before the stage has looked once."""
    from s3transfer.futures import TransferFuture

    real = TransferFuture.done
    asked: set[int] = set()

    def done(self: TransferFuture) -> bool:
        first = id(self) not in asked
        asked.add(id(self))
        return not first and real(self)

    story.patches.setattr(TransferFuture, "done", done)
