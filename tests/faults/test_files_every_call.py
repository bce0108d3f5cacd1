"""Every AWS call of a file job's life fails once, and its function dies at it: the job ends once, its output whole."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local.cloud import LocalCloud
from tests.faults.faults import MODES, AwsCall, Behaviour, Injector, die_after
from tests.faults.file_flows import FLOWS, KILLED, FileFlow, Step
from tests.faults.file_story import FileStory, clear, unless_storage_failed
from tests.faults.story import ok_
from tests.support.api import Api, Caller


@pytest.mark.parametrize("flow", FLOWS, ids=str)
def test_file_job_survives_a_failure_at_each_of_its_calls(
    quiet: LocalCloud, api: Api, user: Caller, injector: Injector, flow: FileFlow
) -> None:
    told = Teller(quiet, api, user, injector)
    calls = told.undisturbed(flow)
    chosen = [at for at in range(flow.since, len(calls)) if flow.only in {None, calls[at].service}]
    assert len(chosen) >= flow.calls, calls
    for number, mode in itertools.product(chosen, flow.modes):
        if calls[number].reads and mode != "before":
            continue  # What changes nothing fails in one way only: the app has no answer.
        try:
            told.disturbed(flow, number, mode)
        except BaseException as failure:
            failure.add_note(f"{flow.name}: call {number} of {[call.operation for call in calls]}, {mode}")
            raise


class Teller:
    """Tells a flow's story again and again."""

    def __init__(self, cloud: LocalCloud, api: Api, user: Caller, injector: Injector) -> None:
        self._injector = injector
        self._cast = (cloud, user, api.agent())
        clear(cloud)

    def undisturbed(self, flow: FileFlow) -> list[AwsCall]:
        """The calls that the flow's step makes; nothing of it fails."""
        with self._begun(flow) as story:
            with self._injector.watching() as calls:
                ok_(flow.step(story))
            self._ended(flow, story)
            assert story.cloud.failures == []
            assert len(story.outcomes) <= 1 or story.outcomes[0] in {"released", "expired"}
        return calls

    def disturbed(self, flow: FileFlow, number: int, mode: str) -> None:
        """One call behaves as the mode says, and everybody does what they would do then."""
        with self._begun(flow) as story:
            with self._injector.at(number, self._behaviour(mode)):
                answer = unless_storage_failed(flow.step, story)
            if mode == "lost-once":
                ok_(answer)
                assert story.cloud.failures == []
            assert answer is None or answer.status_code in {200, 201, 500}, answer.text
            story.check()
            if flow.again and not (answer is not None and answer.ok):
                ok_(flow.again(story))
            self._ended(flow, story)

    @contextmanager
    def _begun(self, flow: FileFlow) -> Iterator[FileStory]:
        with FileStory.told(*self._cast) as story:
            _take(story, flow.before)
            story.cloud.failures.clear()
            _forget()
            yield story

    def _ended(self, flow: FileFlow, story: FileStory) -> None:
        _take(story, flow.after)
        story.finish()
        flow.end(story)

    def _behaviour(self, mode: str) -> Behaviour:
        return self._injector.dying(die_after) if mode == KILLED else MODES[mode]


def _take(story: FileStory, steps: tuple[Step, ...]) -> None:
    for step in steps:
        ok_(step(story))


def _forget() -> None:
    """What a process remembers, so that every flow is counted as a new process makes it."""
    from chalicelib import queues
    from chalicelib.jobs import claims

    queues._url.cache_clear()
    claims.lease_watch.__init__()  # type: ignore[misc]
    claims.contention.__init__()  # type: ignore[misc]
