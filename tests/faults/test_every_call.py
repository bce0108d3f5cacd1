"""Every AWS call of every flow fails once: before it took effect, after it, and with its answer lost inside the SDK."""

import contextlib
import itertools

import pytest

from chalicelib.errors import StorageFailed
from local.cloud import LocalCloud
from tests.faults.faults import MODES, AwsCall, Behaviour, Injector
from tests.faults.flows import FLOWS, Flow
from tests.faults.story import Answer, Step, Story, answered, ok_
from tests.support.api import Api, Caller


@pytest.mark.parametrize("flow", FLOWS, ids=str)
def test_a_flow_survives_a_failure_at_each_of_its_calls(
    quiet: LocalCloud, api: Api, user: Caller, injector: Injector, flow: Flow
) -> None:
    calls = _undisturbed(Story(quiet, api, user), injector, flow)
    chosen = [number for number, call in enumerate(calls) if flow.only in {None, call.service}]
    assert len(chosen) >= flow.calls, calls
    for number, mode in itertools.product(chosen, flow.modes):
        if calls[number].reads and mode == "after":
            continue  # What changes nothing fails in one way only: the app has no answer.
        try:
            _disturbed(Story(quiet, api, user), injector, flow, number, MODES[mode])
        except BaseException as failure:
            failure.add_note(f"{flow.name}: call {number} of {[call.operation for call in calls]}, {mode}")
            raise


def _undisturbed(story: Story, injector: Injector, flow: Flow) -> list[AwsCall]:
    with story.ending:
        _take(story, flow.before)
        _forget()
        with injector.watching() as calls:
            ok_(flow.step(story))
        _take(story, flow.after)
        flow.end(story)
    return calls


def _disturbed(story: Story, injector: Injector, flow: Flow, number: int, behaviour: Behaviour) -> None:
    with story.ending:
        _take(story, flow.before)
        _forget()
        with injector.at(number, behaviour):
            answer = _answer(flow.step, story)
        if behaviour is MODES["lost-once"]:
            ok_(answer)
        answered(answer)
        story.check()
        ok_(flow.repeated(story))
        _take(story, flow.after)
        flow.end(story)


def _take(story: Story, steps: tuple[Step, ...]) -> None:
    for step in steps:
        ok_(step(story))


def _answer(step: Step, story: Story) -> Answer:
    # The clock's handler has nobody to answer: it fails as a whole, and runs again a minute later.
    with contextlib.suppress(StorageFailed):
        return step(story)
    return None


def _forget() -> None:
    """What a process remembers, so that every flow is counted as a new process makes it."""
    from chalicelib.accounts import agents
    from chalicelib.jobs import claims

    agents._seen.clear()
    claims.lease_watch.__init__()  # type: ignore[misc]
    claims.contention.__init__()  # type: ignore[misc]
