"""What a job may become, by whose word: the table of transitions is the only authority."""

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidStateTransition
from chalicelib.jobs.model import FINAL, HELD, MESSAGES, TRANSITIONS, Actor, ErrorCode, Job, Kind, State, sources

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LEGAL = {
    "awaiting_upload": {"ready": "owner", "cancelled": "owner", "failed": "clock"},
    "ready": {"claimed": "agent", "cancelled": "owner", "failed": "clock"},
    "claimed": {"running": "agent", "ready": "agent clock", "failed": "clock", "cancelling": "owner"},
    "running": {
        "running": "agent", "completed": "agent", "failed": "agent clock", "ready": "agent clock",
        "cancelling": "owner",
    },
    "cancelling": {"cancelled": "agent clock"},
    "failed": {"ready": "owner"},
    "completed": {},
    "cancelled": {},
}  # fmt: skip
STATES, ACTORS = st.sampled_from(State), st.sampled_from(Actor)


def a_job(**given: Any) -> Job:
    values: dict[str, Any] = {
        "job_id": "job_1", "kind": "task", "type": "build", "queue": "default", "owner": "project:p",
        "created_by": "user:u", "state": State.RUNNING, "priority": 0, "attempt": 1, "max_attempts": 1,
        "created_at": NOW, "updated_at": NOW, "version": 3,
    }  # fmt: skip
    return Job(**{**values, **given})


def test_transitions_are_exactly_those_of_the_contract() -> None:
    expected = {
        (State(old), State(new)): frozenset(Actor(actor) for actor in actors.split())
        for old, targets in LEGAL.items()
        for new, actors in targets.items()
    }
    assert expected == TRANSITIONS


@given(STATES, STATES, ACTORS)
def test_must_allow_agrees_with_the_table(old: State, new: State, actor: Actor) -> None:
    job = a_job(state=old)
    if actor in LEGAL[old].get(new, "").split():
        job.must_allow(new, actor)
        return
    with pytest.raises(InvalidStateTransition) as refused:
        job.must_allow(new, actor)
    details = refused.value.details
    assert (details["jobId"], details["state"], details["requested"]) == ("job_1", old, new)
    assert details["legal"] == sorted(target for target, actors in LEGAL[old].items() if actor in actors.split())


@given(STATES, ACTORS)
def test_sources_are_the_table_read_backwards(target: State, actor: Actor) -> None:
    assert sources(target, actor) == {old for old in State if actor in LEGAL[old].get(target, "").split()}


@given(st.lists(st.tuples(STATES, ACTORS), max_size=30))
def test_no_walk_leaves_a_final_state_but_by_a_retry(walk: list[tuple[State, Actor]]) -> None:
    state = State.READY
    for target, actor in walk:
        if actor not in TRANSITIONS.get((state, target), frozenset()):
            continue
        if state in FINAL:
            assert (state, target, actor) == (State.FAILED, State.READY, Actor.OWNER)
        if target in HELD and state not in HELD:
            assert (state, actor) == (State.READY, Actor.AGENT), "only a claim puts a job into an agent's hands"
        state = target


def test_every_state_is_waiting_held_or_final() -> None:
    assert {State.AWAITING_UPLOAD, State.READY} | HELD | FINAL == set(State)
    assert not HELD & FINAL


def test_lease_is_due_only_while_the_job_is_held() -> None:
    for state in State:
        job = a_job(state=state, due=NOW)
        assert job.lease_expires == (NOW if state in HELD else None)
        assert (job.held, job.finished) == (state in HELD, state in FINAL)
        assert job.cancel_requested is (state in {State.CANCELLING, State.CANCELLED})


@given(
    state=st.sampled_from(sorted(HELD)),
    attempt=st.integers(1, 20),
    max_attempts=st.integers(1, 20),
    late=st.none() | st.integers(-5, 5),
    why=st.sampled_from([ErrorCode.CLAIM_EXPIRED, ErrorCode.AGENT_REVOKED]),
)
def test_job_whose_holder_is_gone_goes_where_the_clock_may_take_it(
    state: State, attempt: int, max_attempts: int, late: int | None, why: ErrorCode
) -> None:
    deadline = NOW + timedelta(seconds=late) if late is not None else None
    job = a_job(state=state, attempt=attempt, max_attempts=max_attempts, deadline=deadline)
    target, error = job.after_lease(NOW, why)
    assert Actor.CLOCK in TRANSITIONS[state, target]
    assert (error is None) == (target is not State.FAILED)
    if state is State.CANCELLING:
        assert target is State.CANCELLED
    elif late is not None and late <= 0:
        assert error is ErrorCode.DEADLINE_EXCEEDED
    else:
        assert (target is State.READY) == (attempt < max_attempts)
        assert error in {None, why}


def test_job_is_frozen_and_keyword_only() -> None:
    with pytest.raises(FrozenInstanceError):
        a_job().state = State.READY  # type: ignore[misc]
    with pytest.raises(TypeError):
        Job("job_1")  # type: ignore[call-arg]


def test_every_error_code_has_a_message_and_every_kind_a_prefix() -> None:
    assert set(MESSAGES) == set(ErrorCode)
    prefixes = [kind.prefix for kind in Kind]
    assert len(set(prefixes)) == len(prefixes)
    # The rest of an id begins with a digit, so that no kind's ids begin as another's.
    assert all(prefix.replace("_", "").isalpha() for prefix in prefixes)
