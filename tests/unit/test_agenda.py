"""The agenda's order: oldest first, each level of priority a fixed head start, so that nothing starves."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.harness import changed_settings

pytestmark = pytest.mark.usefixtures("configured")

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HEAD_START = 300


def _due(*, priority: int = 0, age: float = 0, queue: str = "default") -> datetime:
    """When a job that is ``age`` seconds old is due."""
    from chalicelib.jobs import agenda

    made = NOW - timedelta(seconds=age)
    return agenda.ready("job_1", queue, priority=priority, since=made, not_before=None)[1]


@given(st.integers(0, 9), st.floats(0, 1e6), st.integers(0, 9), st.floats(0, 1e6))
def test_order_is_age_and_a_fixed_head_start_a_level(first: int, age: float, second: int, other_age: float) -> None:
    lead = (age + HEAD_START * first) - (other_age + HEAD_START * second)
    if abs(lead) > 0.001:
        assert (_due(priority=first, age=age) < _due(priority=second, age=other_age)) == (lead > 0)


def test_old_job_of_no_priority_comes_before_a_new_one_of_the_highest() -> None:
    assert _due(priority=9) < _due(priority=0)
    assert _due(priority=0, age=9 * HEAD_START + 1) < _due(priority=9)


@given(st.integers(0, 9))
def test_ready_job_is_due_at_once_whatever_its_priority(priority: int) -> None:
    assert _due(priority=priority) <= NOW


@given(st.integers(0, 9), st.floats(0.001, 1e7))
def test_delayed_job_waits_apart_until_its_time_and_its_priority_does_not_hasten_it(priority: int, wait: float) -> None:
    from chalicelib.jobs import agenda

    at = NOW + timedelta(seconds=wait)
    assert agenda.ready("job_1", "q", priority=priority, since=NOW, not_before=at) == ("later#0", at)
    slot, _ = agenda.ready("job_1", "q", priority=priority, since=NOW, not_before=NOW - timedelta(seconds=wait))
    assert slot == "ready#q#0"


@given(st.none() | st.floats(1, 1e5))
def test_lease_ends_after_its_length_or_at_the_deadline(left: float | None) -> None:
    from chalicelib.jobs import agenda

    deadline = NOW + timedelta(seconds=left) if left is not None else None
    slot, due = agenda.lease("job_1", seconds=1800, since=NOW, deadline=deadline)
    assert slot == "lease#0"
    assert due == min(NOW + timedelta(minutes=30), deadline or datetime.max.replace(tzinfo=UTC))


def test_shards_share_a_queue_and_a_job_stays_in_its_own() -> None:
    from chalicelib.jobs import agenda

    with changed_settings(queue_shards="busy=4,calm=1", lease_shards="3"):
        assert agenda.queue_slots("busy") == [f"ready#busy#{shard}" for shard in range(4)]
        assert agenda.queue_slots("calm") == ["ready#calm#0"]
        assert agenda.queue_slots("other") == ["ready#other#0"]
        jobs = [f"job_{number}" for number in range(200)]
        slots = [agenda.ready(job, "busy", priority=0, since=NOW, not_before=None)[0] for job in jobs]
        assert set(slots) == set(agenda.queue_slots("busy"))
        assert min(slots.count(slot) for slot in set(slots)) > 20
        assert slots == [agenda.ready(job, "busy", priority=9, since=NOW, not_before=None)[0] for job in jobs]
        leases = {agenda.lease(job, seconds=60, since=NOW, deadline=None)[0] for job in jobs}
        assert leases == set(agenda.lease_slots())
