"""Effects of a change: a pure function of the two images."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.jobs.changes import (
    AttemptEnded,
    ChangeRecord,
    Event,
    Forgotten,
    GatherDue,
    OutputAbandoned,
    ReplyDue,
    WorkDue,
    effects,
)
from chalicelib.jobs.model import HELD, Job, Kind, State

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _job(state: State, **given: Any) -> Job:
    held: dict[str, Any] = {"agent": "shared:a", "claimed_at": NOW, "due": NOW, "attempt": 1} if state in HELD else {}
    values: dict[str, Any] = {
        "job_id": "job_1", "kind": "task", "type": "build", "queue": "default", "owner": "project:p",
        "created_by": "user:u", "priority": 0, "attempt": 0, "max_attempts": 1, "created_at": NOW, "updated_at": NOW,
        "version": 3,
    }  # fmt: skip
    return Job(**{**values, **held, "state": state, **given})


JOBS = st.builds(
    _job,
    st.sampled_from(State),
    attempt=st.integers(0, 3),
    version=st.integers(0, 9),
    progress=st.none() | st.just("{}"),
    chat_id=st.none() | st.just("chat_1"),
)


def test_creation_is_announced_once() -> None:
    new = _job(State.READY, version=0)
    assert effects(None, new) == [ChangeRecord(event=Event.CREATED, job=new, sequence=0)]
    assert ChangeRecord(event=Event.CREATED, job=new, sequence=0).message_id == "job_1.0"


@pytest.mark.parametrize(("old", "new", "event"), [
    (State.CLAIMED, State.RUNNING, Event.STARTED),
    (State.RUNNING, State.COMPLETED, Event.COMPLETED),
    (State.RUNNING, State.FAILED, Event.FAILED),
    (State.READY, State.CANCELLED, Event.CANCELLED),
    (State.CANCELLING, State.CANCELLED, Event.CANCELLED),
    (State.READY, State.CLAIMED, None),
    (State.RUNNING, State.CANCELLING, None),
    (State.FAILED, State.READY, None),
])  # fmt: skip
def test_change_of_state_is_announced_by_its_event(old: State, new: State, event: Event | None) -> None:
    found = [effect.event for effect in effects(_job(old), _job(new)) if isinstance(effect, ChangeRecord)]
    assert found == ([event] if event else [])


def test_progress_is_announced_when_it_changes_and_only_then() -> None:
    quiet, told = _job(State.RUNNING), _job(State.RUNNING, progress='{"p":1}')
    assert [type(effect) for effect in effects(quiet, told)] == [ChangeRecord]
    assert effects(told, replace(told, version=9, due=NOW + timedelta(minutes=1))) == []
    assert effects(told, quiet) == []


@pytest.mark.parametrize(("new", "outcome"), [
    (State.COMPLETED, "completed"), (State.FAILED, "failed"), (State.CANCELLED, "cancelled"), (State.READY, "released"),
])  # fmt: skip
def test_end_of_a_claim_is_recorded_with_how_it_ended(new: State, outcome: str) -> None:
    after = _job(new, attempt=1, updated_at=NOW + timedelta(minutes=3), error_code="X", error_message="why")
    (ended,) = [effect for effect in effects(_job(State.RUNNING), after) if isinstance(effect, AttemptEnded)]
    assert (ended.attempt, ended.agent, ended.claimed_at, ended.ended_at) == (1, "shared:a", NOW, after.updated_at)
    assert (ended.outcome, ended.error_code, ended.error_message) == (outcome, "X", "why")


def test_completed_chat_job_calls_for_its_reply_once() -> None:
    done = _job(State.COMPLETED, chat_id="chat_1")
    assert ReplyDue(done) in effects(_job(State.RUNNING, chat_id="chat_1"), done)
    assert effects(done, replace(done, version=4)) == []
    assert not [e for e in effects(_job(State.RUNNING), _job(State.COMPLETED)) if isinstance(e, ReplyDue)]


def test_vanished_head_is_forgotten() -> None:
    assert effects(_job(State.COMPLETED), None) == [Forgotten("job_1")]
    assert effects(None, None) == []


@given(st.none() | JOBS, st.none() | JOBS)
def test_effects_are_the_same_each_time_and_each_at_most_once(old: Job | None, new: Job | None) -> None:
    """A stream delivers again what it delivered before: the same images must ask for the very same."""
    first = effects(old, new)
    assert effects(old, new) == first
    assert len({type(effect) for effect in first}) == len(first)


@given(JOBS)
def test_change_that_changed_nothing_has_no_effects(job: Job) -> None:
    assert effects(job, job) == []


@pytest.mark.parametrize(("old", "new", "woken"), [
    (None, _job(State.READY, slot="ready#files#0"), True),
    (None, _job(State.READY, slot="later#0"), False),
    (_job(State.READY, slot="later#0"), _job(State.READY, slot="ready#files#0"), True),
    (_job(State.AWAITING_UPLOAD, slot="upload#0"), _job(State.READY, slot="ready#files#0"), True),
    (_job(State.RUNNING, slot="lease#0"), _job(State.READY, slot="ready#files#0"), True),
    (_job(State.READY, slot="ready#files#0"), _job(State.READY, slot="ready#files#0", marked="m"), False),
    (_job(State.READY, slot="ready#files#0"), _job(State.CLAIMED, slot="lease#0"), False),
])  # fmt: skip
def test_stage_is_woken_once_for_each_time_a_job_becomes_ready(old: Job | None, new: Job, *, woken: bool) -> None:
    assert (WorkDue("default") in effects(old, new)) == woken


@pytest.mark.parametrize(("state", "abandoned"), [
    (State.READY, True), (State.FAILED, True), (State.CANCELLED, True),
    (State.COMPLETED, False), (State.RUNNING, False),
])  # fmt: skip
def test_output_of_an_attempt_that_came_to_nothing_is_abandoned(state: State, *, abandoned: bool) -> None:
    old, new = _job(State.RUNNING, kind=Kind.FILE), _job(state, kind=Kind.FILE)
    assert (OutputAbandoned("job_1", 1) in effects(old, new)) == abandoned


@pytest.mark.parametrize(("change", "gathers"), [
    ({"checkpoint": '{"segments":[[1,0,5]]}'}, True),
    ({"state": State.COMPLETED}, True), ({"state": State.FAILED}, True),
    ({"progress": "{}"}, False), ({"state": State.READY}, False),
])  # fmt: skip
def test_job_looks_at_its_parts_when_one_gets_on(change: dict[str, Any], *, gathers: bool) -> None:
    old = _job(State.RUNNING, kind=Kind.BATCH, owner="job_eval_1")
    new = replace(old, **change)
    found = effects(old, new)
    assert (GatherDue("job_eval_1") in found) == gathers
    assert not any(isinstance(effect, ChangeRecord) for effect in found)


PARTS = '{"batches":2,"rows":50}'


@pytest.mark.parametrize("checkpoint", [None, PARTS])
@pytest.mark.parametrize("state", [State.CANCELLING, State.FAILED, State.CANCELLED, State.COMPLETED])
def test_job_that_stops_early_looks_at_its_parts(state: State, checkpoint: str | None) -> None:
    """Whether or not it has got all of them."""
    old = _job(State.RUNNING, kind=Kind.EVALUATION, checkpoint=checkpoint)
    found = effects(old, replace(old, state=state))
    assert (GatherDue("job_1") in found) == (state is not State.COMPLETED)


def test_job_that_has_got_its_parts_looks_at_them() -> None:
    old = _job(State.RUNNING, kind=Kind.EVALUATION)
    assert GatherDue("job_1") in effects(old, replace(old, checkpoint=PARTS))


@pytest.mark.parametrize("checkpoint", [None, PARTS])
def test_job_that_is_taken_up_again_looks_at_its_parts(checkpoint: str | None) -> None:
    old = _job(State.CLAIMED, kind=Kind.EVALUATION, checkpoint=checkpoint)
    assert (GatherDue("job_1") in effects(old, replace(old, state=State.RUNNING))) == (checkpoint is not None)


def test_job_without_files_abandons_no_output() -> None:
    assert not any(isinstance(effect, OutputAbandoned) for effect in effects(_job(State.RUNNING), _job(State.FAILED)))
