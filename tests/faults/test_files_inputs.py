"""An input that is not what was marked any more fails its job; a download that breaks off goes on."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import IncompleteReadError
from botocore.response import StreamingBody

from tests.faults.faults import Injector, of
from tests.faults.file_story import FileStory
from tests.support.files import PEOPLE

CHANGED = "The input file was uploaded again after it had been marked as uploaded."
HEAD, KEPT, DROPPED = b"name,city\n", b"Alice,New York\n", b"Bob,London\n"


def _large(story: FileStory) -> FileStory:
    """An input of several pieces."""
    story.content = HEAD + (KEPT + DROPPED) * 100_000
    story.expected = HEAD + KEPT * 100_000
    return story.begin()


def _overwritten(story: FileStory) -> None:
    marked, story.content = story.content, PEOPLE
    story.put()
    story.content = marked


def _deleted(story: FileStory) -> None:
    from chalicelib.objects import leftovers

    leftovers.delete(story.head["input_key"])


def _break_off(story: FileStory, then: Callable[[FileStory], None]) -> None:
    """The next download breaks off after its first piece, and something happens to the input."""
    real = StreamingBody.iter_chunks
    times = iter([True])

    def iter_chunks(body: StreamingBody, size: int) -> Iterator[bytes]:
        pieces = real(body, size)
        if next(times, False):
            yield next(pieces)
            then(story)
            raise IncompleteReadError(actual_bytes=size, expected_bytes=len(story.content))
        yield from pieces

    story.patches.setattr(StreamingBody, "iter_chunks", iter_chunks)


def _fails(story: FileStory, message: str) -> None:
    story.finish()
    story.check_failed()
    assert story.files.read(story.job)["error_message"] == message
    assert story.outcomes == ["failed"]
    assert story.cloud.failures == []


@pytest.mark.parametrize("behaviour", ["before", "during"])
@pytest.mark.parametrize(("change", "message"), [
    (_overwritten, CHANGED),
    (_deleted, "the input file is no longer stored"),
])  # fmt: skip
def test_input_that_changes_before_its_download_is_over_fails_the_job(
    file_story: FileStory, behaviour: str, change: Callable[[FileStory], None], message: str
) -> None:
    story = _large(file_story)
    if behaviour == "before":
        change(story)
    else:
        _break_off(story, change)
    story.stage()
    _fails(story, message)


def test_input_that_is_overwritten_while_it_streams_is_processed_as_it_was(file_story: FileStory) -> None:
    story = _large(file_story)
    story.hooks["downloading"] = lambda _: _overwritten(story)
    story.stage()
    story.finish()
    story.check_completed()


def test_input_that_is_overwritten_after_a_kill_fails_the_next_attempt(
    file_story: FileStory, injector: Injector
) -> None:
    story = file_story.begin()
    story.hooks["processing"] = lambda _: injector.kill()
    with injector.watching():
        story.stage()
    _overwritten_by_less(story)
    story.finish()
    story.check_failed()
    assert story.files.read(story.job)["error_message"] == CHANGED
    assert story.outcomes == ["expired", "failed"]


def _overwritten_by_less(story: FileStory) -> None:
    story.content = story.content[:-1]
    story.put()


def test_download_that_breaks_off_goes_on_where_it_was(file_story: FileStory, injector: Injector) -> None:
    story = _large(file_story)
    _break_off(story, lambda _: None)
    with injector.watching() as calls:
        story.stage()
    asked: list[dict[str, Any]] = [call.parameters for call in calls if of("GetObject")(call)]
    assert [each.get("Range") for each in asked] == [None, f"bytes={1024 * 1024}-"]
    assert len({each["IfMatch"] for each in asked}) == 1
    story.finish()
    story.check_completed()
    assert story.outcomes == ["completed"]
