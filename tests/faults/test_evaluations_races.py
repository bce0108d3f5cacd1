"""Stages, looks and clocks that get in each other's way: one of them does it, and each row is in it once."""

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from local.cloud import LocalCloud
from tests.contract.harness import changed_settings
from tests.faults.evaluation_flows import ALL_DONE, SPREAD, SUBMITTED, Step
from tests.faults.evaluation_story import EvaluationStory, Look
from tests.faults.faults import AwsCall, Injector, Proceed, die_before, of, sets, to_state
from tests.faults.file_story import PATIENCE_SECONDS
from tests.faults.story import ok_
from tests.support.api import Api, ok
from tests.support.evaluations import csv_of

S = EvaluationStory


def second_batch(call: AwsCall) -> bool:
    """Whether it makes the job of the second batch."""
    return call.operation == "PutItem" and (call.written("claimcheck-jobs") or "").endswith("-1")


def _take(story: EvaluationStory, *steps: Step) -> EvaluationStory:
    for step in steps:
        ok_(step(story))
    return story


def _completed_once(story: EvaluationStory, *, batch_attempts: int = 1) -> None:
    assert story.cloud.failures == []
    story.finish()
    story.check_completed()
    assert set(story.scored.values()) == {1}
    assert {head["attempt"] for head in story.batches.values()} == {batch_attempts}


@pytest.mark.parametrize("before", [SUBMITTED, SPREAD], ids=["evaluation", "batch"])
def test_stages_that_claim_at_once_do_it_once(evaluation_story: EvaluationStory, before: tuple[Step, ...]) -> None:
    """Both have read the same job before either writes."""
    from chalicelib.evaluations import stage
    from chalicelib.jobs import claims

    story = _take(evaluation_story, S.with_one_batch, *before)
    both = threading.Barrier(2, timeout=PATIENCE_SECONDS)
    real: Callable[..., Any] = claims._take
    waited = threading.local()

    def taken(*arguments: Any) -> Any:
        if not getattr(waited, "once", False):
            waited.once = True
            both.wait()
        return real(*arguments)

    with pytest.MonkeyPatch.context() as patches, ThreadPoolExecutor(2) as threads:
        patches.setattr(claims, "_take", taken)
        found = list(threads.map(lambda name: stage.serve(name, 900), ("one", "two")))
    assert sorted(found) == [False, True]
    _completed_once(story)


def test_message_that_comes_again_while_a_batch_is_done_finds_the_next(evaluation_story: EvaluationStory) -> None:
    story = _take(evaluation_story, *SPREAD)
    story.hooks["evaluating"] = lambda _: story.redeliver()
    story.stage()
    assert {head["state"] for head in story.batches.values()} == {"completed"}
    _completed_once(story)


def _points(
    story: EvaluationStory, injector: Injector, step: Step, like: Callable[[AwsCall], bool] = lambda _: True
) -> Iterator[int]:
    """The number of each call of the step that is ``like`` that; after each, the step is to be taken anew."""
    back = story.moment()
    with injector.watching() as calls:
        ok_(step(story))
    for number, call in enumerate(calls):
        if not like(call):
            continue
        back()
        try:
            yield number
        except BaseException as failure:
            failure.add_note(f"at call {number}, {call.operation}")
            raise


def test_looks_at_the_last_batch_at_once_put_it_together_once(
    evaluation_story: EvaluationStory, injector: Injector
) -> None:
    from chalicelib.evaluations import gathering

    story = _take(evaluation_story, *ALL_DONE)

    def overtaken(proceed: Proceed) -> Any:
        gathering.look(story.job_id)
        assert story.state == "completed"
        return proceed()

    for number in _points(story, injector, S.gather):
        with injector.at(number, overtaken):
            story.gather()
        outputs = story.outputs
        _completed_once(story)
        assert story.outputs == outputs
        assert len(outputs) == 3


def test_look_that_comes_before_the_batches_are_counted_is_made_up_for(
    evaluation_story: EvaluationStory, injector: Injector
) -> None:
    story = _take(evaluation_story, *SUBMITTED)

    def overtaken(proceed: Proceed) -> Any:
        _take(story, S.record, S.stages, S.record, S.gathers)
        assert {head["state"] for head in story.batches.values()} == {"completed"}
        assert len(story.messages) == 1
        return proceed()

    with injector.once(sets("checkpoint"), overtaken):
        # The message of the evaluation is in the hands of its stage.
        story.stage()
    assert story.state == "running"
    story.do_all()
    _completed_once(story)


CANCELLED = {
    "spreading": SUBMITTED,
    "evaluating": SPREAD,
    "spreading again": (*ALL_DONE, S.lose_gathers, S.lose_evaluation),
}


@pytest.mark.parametrize("phase", CANCELLED)
def test_evaluation_that_is_cancelled_ends_so_at_once_and_so_do_its_batches(
    evaluation_story: EvaluationStory, injector: Injector, phase: str
) -> None:
    """Before each call of the function that is at work; no lease has to run out for it."""
    story = _take(evaluation_story, S.with_one_batch, *CANCELLED[phase])
    for number in _points(story, injector, S.stage, _sees_jobs):
        with injector.at(number, _cancelled(story)):
            story.stage()
        story.do_all()
        story.check_cancelled()
        assert story.cloud.failures == []


def test_evaluation_that_is_cancelled_while_it_is_put_together_ends_one_way(
    evaluation_story: EvaluationStory, injector: Injector
) -> None:
    story = _take(evaluation_story, S.with_one_batch, *ALL_DONE)
    for number in _points(story, injector, S.gather, _sees_jobs):
        with injector.at(number, _cancelled(story)):
            story.gather()
        story.do_all()
        story.check_cancelled()
        assert story.cloud.failures == []


def _sees_jobs(call: AwsCall) -> bool:
    """Whether the call can tell that a job has been cancelled; before any other it is as before the next of these."""
    return "claimcheck-jobs" in str(call.parameters.get("TableName", call.parameters.get("RequestItems")))


def _cancelled(story: EvaluationStory) -> Callable[[Proceed], Any]:
    def cancelled(proceed: Proceed) -> Any:
        ok_(story.cancel())
        return proceed()

    return cancelled


def test_stage_at_a_batch_hears_of_a_cancel_at_its_next_look(evaluation_story: EvaluationStory) -> None:
    story = _take(evaluation_story, *SPREAD)

    def cancelled(look: Look) -> None:
        _take(story, S.cancel, S.record, S.gathers)
        look(1)

    story.hooks["evaluating"] = cancelled
    story.stage()
    assert not story.scored
    story.do_all()
    story.check_cancelled()
    assert {head["state"] for head in story.batches.values()} == {"cancelled"}


def test_batch_that_fails_fails_the_evaluation_and_stops_the_others(evaluation_story: EvaluationStory) -> None:
    story = _take(evaluation_story, *SPREAD, S.lose_rows, S.stage, S.record, S.gathers)
    story.do_all()
    story.check_failed()
    first, second = (story.head(job_id) for job_id in story.batch_ids)
    assert (first["state"], second["state"]) == ("failed", "cancelled")
    assert story.evaluations.read(story.job)["error"]["message"] == first["error_message"]
    assert not story.scored


def test_segment_that_is_written_late_changes_nothing(evaluation_story: EvaluationStory, injector: Injector) -> None:
    """Its stage hung, and lost its batch to another, which has done it."""
    story = _take(evaluation_story, S.with_one_batch, *SPREAD)
    (batch,) = story.batch_ids

    def late(proceed: Proceed) -> Any:
        calls[-1].parameters["Body"] = b'{"row": 1}'
        story.lose_lease(batch)
        story.stage()
        assert story.head(batch)["state"] == "completed"
        return proceed()

    with injector.once(of("PutObject"), late) as calls:
        story.stage()
    assert story.segments(batch) == ["1-0.jsonl", "2-0.jsonl"]
    assert json.loads(story.head(batch)["checkpoint"])["segments"] == [[2, 0, 2]]
    assert story.cloud.failures == []
    story.finish()
    story.check_completed()


@pytest.mark.parametrize("where", [sets("checkpoint"), to_state("completed")], ids=["checkpoint", "last word"])
def test_word_of_a_stage_that_has_lost_its_batch_is_refused(
    evaluation_story: EvaluationStory, injector: Injector, where: Callable[[AwsCall], bool]
) -> None:
    story = _take(evaluation_story, S.with_one_batch, *SPREAD)
    (batch,) = story.batch_ids

    def late(proceed: Proceed) -> Any:
        story.lose_lease(batch)
        story.stage()
        return proceed()

    with injector.once(where, late):
        story.stage()
    assert story.head(batch)["attempt"] == 2
    assert story.cloud.failures == []
    story.finish()
    story.check_completed()


def test_evaluation_whose_lease_runs_out_goes_on_with_the_batches_there_are(evaluation_story: EvaluationStory) -> None:
    story = _take(evaluation_story, *SPREAD, S.stage, S.record, S.gathers)
    made = {job_id: head["created_at"] for job_id, head in story.batches.items()}

    def lost(_: Look) -> None:
        story.lose_evaluation()
        story.redeliver()
        assert story.head(story.job_id)["attempt"] == 2

    story.hooks["evaluating"] = lost
    story.stage()
    assert {job_id: head["created_at"] for job_id, head in story.batches.items()} == made
    _completed_once(story)


def test_evaluation_that_is_given_up_leaves_no_batch_behind(evaluation_story: EvaluationStory) -> None:
    from chalicelib.jobs.tables import JobRow

    story = _take(evaluation_story, *SPREAD, S.hold_batch)
    JobRow(story.job_id).update(actions=[JobRow.max_attempts.set(1)])
    story.lose_evaluation()
    story.finish()
    story.check_failed()
    assert story.head(story.job_id)["error_code"] == "CLAIM_EXPIRED"
    assert not story.scored


def test_spreading_that_was_overtaken_makes_no_batch_twice(
    evaluation_story: EvaluationStory, injector: Injector
) -> None:
    """A stage hung between its batches; another has spread the evaluation, and its batches are done."""
    story = _take(evaluation_story, *SUBMITTED)

    def late(proceed: Proceed) -> Any:
        story.lose_evaluation()
        story.do_all()
        assert story.state == "completed"
        return proceed()

    with injector.once(second_batch, late):
        story.stage()
    _completed_once(story)


def test_batch_that_runs_out_of_time_goes_on_where_it_was(evaluation_story: EvaluationStory) -> None:
    story = _take(evaluation_story, S.with_one_batch, *SPREAD)
    story.patches.setattr("chalicelib.evaluations.rows.SEGMENT_ROWS", 1)

    def first(_: Look) -> None:
        story.hooks["evaluating"] = lambda look: look(900)

    story.hooks["evaluating"] = first
    story.stage()
    (batch,) = story.batch_ids
    assert (story.head(batch)["state"], dict(story.scored)) == ("ready", {1: 1})
    _completed_once(story, batch_attempts=2)


def test_data_set_that_takes_too_long_to_spread_is_refused(evaluation_story: EvaluationStory) -> None:
    story = _take(evaluation_story, *SUBMITTED)
    story.hooks["preparing"] = lambda look: look(900)
    story.stage()
    story.do_all()
    story.check_failed()
    assert "within the time" in story.evaluations.read(story.job)["error"]["message"]


def test_batch_that_is_kept_ever_so_often_is_kept(evaluation_story: EvaluationStory) -> None:
    """Each row takes so long that it is time to keep what there is; the keeping itself has its bounds."""
    from chalicelib.evaluations import rows
    from chalicelib.evaluations.batches import Done
    from chalicelib.jobs.holding import MAX_CHECKPOINT_BYTES

    longest = Done(segments=((20, 99_999, 250),) * rows.MOST_SEGMENTS, tokens=10**12).as_json()
    assert len(json.dumps(longest, separators=(",", ":"))) <= MAX_CHECKPOINT_BYTES
    story, clock = evaluation_story, itertools.count(step=61)
    story.patches.setattr(rows, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    story.patches.setattr(rows, "SEGMENT_ROWS", 1)
    story.patches.setattr(rows, "MOST_SEGMENTS", 8)
    story.content = csv_of(60)
    with changed_settings(evaluation_batch_rows="60"):
        _take(story, *SPREAD, S.stage)
        (batch,) = story.batches.values()
        assert [rows for _, _, rows in json.loads(batch["checkpoint"])["segments"]] == [8] * 7 + [4]
        _completed_once(story)


def test_batch_whose_agent_is_gone_fails_at_once_with_its_reason(evaluation_story: EvaluationStory, api: Api) -> None:
    story, path = evaluation_story, "/api/admin/evaluation-agents/gone"
    ok(api.admin().put(path, {"name": "Gone", "url": "http://127.0.0.1:1/v1", "model": "m"}))
    story.configuration = {"agent_configuration": {"selected_agent_id": "gone"}}
    _take(story, *SPREAD)
    ok(api.admin().delete(path))
    story.do_all()
    story.check_failed()
    assert "no longer registered" in story.evaluations.read(story.job)["error"]["message"]


@pytest.fixture
def semantic_agents(quiet: LocalCloud) -> Iterator[None]:  # noqa: ARG001  it has read its settings
    """Agents give the semantic scores; none is there."""
    with changed_settings(evaluation_semantic_agents="true", evaluation_batch_rows="2"):
        yield


@pytest.mark.usefixtures("semantic_agents")
@pytest.mark.parametrize("spread", [False, True])
def test_batch_that_waits_for_an_agent_ends_with_its_evaluation(
    evaluation_story: EvaluationStory, injector: Injector, *, spread: bool
) -> None:
    story = evaluation_story
    story.configuration = {"evaluation_criteria": {"use_semantic_scoring": True}}
    _take(story, *SUBMITTED)

    def killed(proceed: Proceed) -> Any:
        _take(story, S.record, S.stages, S.record)
        return injector.dying(die_before)(proceed)

    if spread:
        _take(story, S.stage, S.record, S.stages)
    else:
        with injector.once(second_batch, killed):
            story.stage()
    assert {head["queue"] for head in story.batches.values() if head["state"] == "ready"} == {"evaluations-semantic"}
    _take(story, S.cancel)
    story.finish()
    story.check_cancelled()
