"""A file job that is cancelled at each stage of its life ends so, once, and nothing of it stays."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.faults.faults import AwsCall, Injector, Proceed, of, to_state
from tests.faults.file_story import FileStory, Look, Upload

Arm = Callable[[FileStory, Injector], AbstractContextManager[list[AwsCall]]]


def _looking(phase: str) -> Arm:
    def arm(story: FileStory, injector: Injector) -> AbstractContextManager[list[AwsCall]]:
        def cancelled(look: Look) -> None:
            story.cancel_until_answered()
            look(1)

        story.hooks[phase] = cancelled
        return injector.watching()

    return arm


def _before(where: Callable[[Any], bool]) -> Arm:
    def arm(story: FileStory, injector: Injector) -> AbstractContextManager[list[AwsCall]]:
        def cancelled(proceed: Proceed) -> Any:
            story.cancel_until_answered()
            return proceed()

        return injector.once(where, cancelled)

    return arm


def _uploading(story: FileStory, injector: Injector) -> AbstractContextManager[list[AwsCall]]:
    upload = Upload()

    def cancelled(look: Look) -> None:
        story.cancel_until_answered()
        upload.finish()
        look(1)

    story.hooks["uploading"] = cancelled
    return injector.once(of("PutObject"), upload)


MOMENTS: dict[str, Arm] = {
    "claimed": _before(of("GetItem")),
    "starting": _before(to_state("running")),
    "downloading": _looking("downloading"),
    "processing": _looking("processing"),
    "uploading": _uploading,
    "uploaded": _before(of("PutItem")),
    "completing": _before(to_state("completed")),
}
AFTER_THE_WORK = {"uploading", "uploaded", "completing"}


@pytest.mark.parametrize("moment", MOMENTS)
def test_job_that_is_cancelled_while_a_stage_has_it_ends_so(
    file_story: FileStory, injector: Injector, moment: str
) -> None:
    story = file_story.begin()
    with MOMENTS[moment](story, injector) as calls:
        story.stage()
    assert story.head["state"] == "cancelled"
    assert any(of("PutObject")(call) for call in calls) == (moment in AFTER_THE_WORK)
    assert story.cloud.failures == []
    story.finish()
    story.check_cancelled()
    assert story.outcomes == ["cancelled"]


@pytest.mark.parametrize("moment", ["failing", "handing over"])
def test_job_that_is_cancelled_before_its_other_last_words_ends_so(
    file_story: FileStory, injector: Injector, moment: str
) -> None:
    story = file_story
    if moment == "failing":
        story.with_bad_file()
    else:
        story.with_little_time()
    story.begin()
    with _before(to_state("failed" if moment == "failing" else "ready"))(story, injector):
        story.stage()
    story.finish()
    story.check_cancelled()
    assert story.outcomes == ["cancelled"]


def test_job_that_is_cancelled_after_its_stage_was_killed_ends_with_its_lease(
    file_story: FileStory, injector: Injector
) -> None:
    story = file_story.begin()
    story.hooks["processing"] = lambda _: injector.kill()
    with injector.watching():
        story.stage()
    story.cancel_until_answered()
    assert story.files.read(story.job)["status"] == "CANCELLATION_REQUESTED"
    story.finish()
    story.check_cancelled()
    assert story.outcomes == ["cancelled"]


def test_cancel_reaches_a_stage_whose_lease_has_just_run_out(file_story: FileStory) -> None:
    """The clock cancels it first; the stage, which has heard of the cancel too, has nothing left to say."""
    story = file_story.begin()

    def cancelled(look: Look) -> None:
        story.cancel_until_answered()
        story.patches.setattr("chalicelib.jobs.staging.end", late)
        look(1)

    from chalicelib.jobs import staging

    real = staging.end

    def late(*arguments: Any) -> None:
        story.end_lease()
        story.sweep()
        real(*arguments)

    story.hooks["processing"] = cancelled
    story.stage()
    story.finish()
    story.check_cancelled()
    assert story.outcomes == ["cancelled"]


class Engine:
    """The engine; once it is within DuckDB the job is cancelled, and it is seen how long it goes on."""

    def __init__(self, story: FileStory) -> None:
        from chalicelib.engines.tabular.process import process

        self._story, self._process = story, process
        self.inside: list[float] = []
        self.since_cancel = 0
        self.seconds = 0.0
        self._stopped_at = 0.0

    def __call__(self, source: Any, folder: Any, plan: Any, limits: Any, monitor: Callable[[float], None]) -> Any:
        def watched(fraction: float) -> None:
            if self.inside:
                self.since_cancel += 1
            elif threading.current_thread().name == "tabular-watcher":
                self.inside.append(fraction)
                self._story.cancel_until_answered()
            try:
                monitor(fraction)
            except BaseException:
                self._stopped_at = time.monotonic()
                raise

        try:
            return self._process(source, folder, plan, limits, watched)
        finally:
            self.seconds = time.monotonic() - self._stopped_at


def test_cancel_interrupts_a_query_that_would_run_for_long(file_story: FileStory) -> None:
    story = file_story
    for name in ("staging", "watch"):
        story.patches.setattr(f"chalicelib.jobs.{name}.time", time)
    engine = Engine(story)
    story.patches.setattr("chalicelib.files.stage.process", engine)
    story.content = b"text\n" + b"abababababababababab\n" * 100_000
    story.steps = [_replace("a", "b"), _replace("b", "a")] * 20
    story.begin().stage()
    assert engine.inside, "the query was over before anybody looked"
    assert engine.inside[0] < 0.9
    # The watch looks once a second, and is asked four times and more.
    assert engine.since_cancel <= 12
    assert engine.seconds < 2
    assert story.head["state"] == "cancelled"
    story.finish()
    story.check_cancelled()


def _replace(old: str, new: str) -> dict[str, Any]:
    return {"type": "replace", "params": {"columns": ["text"], "old": old, "new": new, "match": "pattern"}}
