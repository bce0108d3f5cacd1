"""Every AWS call of an evaluation's life fails once: it comes to its right end, with nothing lost or doubled."""

import itertools
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from local.cloud import LocalCloud
from tests.faults.evaluation_flows import FLOWS, EvaluationFlow
from tests.faults.evaluation_story import EvaluationStory
from tests.faults.faults import MODES, AwsCall, Injector
from tests.faults.story import ok_
from tests.support.api import Caller


@pytest.mark.parametrize("flow", FLOWS, ids=str)
def test_evaluation_survives_a_failure_at_each_of_its_calls(
    quiet: LocalCloud, user: Caller, injector: Injector, flow: EvaluationFlow
) -> None:
    with ExitStack() as stories:
        told = Teller(quiet, user, injector, flow, stories)
        calls = told.undisturbed()
        chosen = range(flow.since, len(calls))
        assert len(chosen) >= flow.calls, calls
        for number, mode in itertools.product(chosen, MODES):
            if calls[number].reads and mode != "before":
                continue  # What changes nothing fails in one way only: the app has no answer.
            try:
                told.disturbed(number, mode)
            except BaseException as failure:
                failure.add_note(f"{flow.name}: call {number} of {[call.operation for call in calls]}, {mode}")
                raise


class Teller:
    """Tells a flow's story again and again, from its step on where what came before can be brought back."""

    def __init__(
        self, cloud: LocalCloud, user: Caller, injector: Injector, flow: EvaluationFlow, stories: ExitStack
    ) -> None:
        self._cast = (cloud, user)
        self._injector = injector
        self._flow = flow
        self._stories = stories
        self._picture: Any = None
        self._begun: tuple[EvaluationStory, Callable[[], None]] | None = None

    def undisturbed(self) -> list[AwsCall]:
        """The calls that the flow's step makes; nothing of it fails."""
        story = self._story()
        with self._injector.watching() as calls:
            ok_(self._flow.step(story))
        self._picture = story.picture()
        story.finish()
        self._flow.end(story)
        assert story.cloud.failures == []
        return calls

    def disturbed(self, number: int, mode: str) -> None:
        """One call behaves as the mode says, and everybody does what they would do then."""
        flow, story = self._flow, self._story()
        with self._injector.at(number, MODES[mode]):
            answer = flow.step(story)
        if mode == "lost-once":
            ok_(answer)
            assert story.cloud.failures == []
            if not flow.anew:
                assert story.picture() == self._picture
                return
        assert answer is None or answer.status_code in {200, 201, 500}, answer.text
        story.check()
        if flow.again and not (answer is not None and answer.ok):
            ok_(flow.again(story))
        story.finish()
        flow.end(story)

    def _story(self) -> EvaluationStory:
        if self._begun and not self._flow.anew:
            story, back = self._begun
            back()
        else:
            self._stories.close()
            story = self._stories.enter_context(EvaluationStory.told(*self._cast))
            for step in self._flow.before:
                ok_(step(story))
            story.cloud.failures.clear()
            self._begun = story, story.moment()
        _forget()
        return story


def _forget() -> None:
    """What a process remembers, so that every flow is counted as a new process makes it."""
    from chalicelib import queues
    from chalicelib.jobs import claims

    queues._url.cache_clear()
    claims.lease_watch.__init__()  # type: ignore[misc]
    claims.contention.__init__()  # type: ignore[misc]
