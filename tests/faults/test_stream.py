"""The stream delivers a record twice, in another order, or one that cannot be handled: the effects are the same."""

import copy
import random
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from local.cloud import LocalCloud
from tests.faults.recorder import Recorder
from tests.faults.story import Story, ok_
from tests.support.api import Api, Caller

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture
def story(quiet: LocalCloud, api: Api, user: Caller) -> Story:
    """A chat's job that one agent gave back and another completed with a reply."""
    told = Story(quiet, api, user)
    steps = (
        *(Story.open_chat, Story.write_message, Story.claim, Story.start, Story.release, Story.hand_over),
        *(Story.claim, Story.start, Story.finish),
    )
    for step in steps:
        ok_(step(told))
    return told


def _rows(story: Story) -> Rows:
    """What the stream's effects have written."""
    from chalicelib.jobs.tables import AttemptRow
    from chalicelib.projects.tables import MessageRow

    return {
        "attempts": [dict(row.attribute_values) for row in AttemptRow.query(story.job_id)],
        "messages": [dict(row.attribute_values) for row in MessageRow.query(story.chat_id)],
    }


def _forget_attempts(story: Story) -> None:
    from chalicelib.jobs.tables import AttemptRow

    for row in AttemptRow.query(story.job_id):
        row.delete()


def test_records_delivered_again_in_any_order_change_nothing(recorder: Recorder, story: Story) -> None:
    story.check_end()
    before = _rows(story)
    assert [len(rows) for rows in before.values()] == [2, 2]
    shuffle = random.Random(0)  # noqa: S311  the same orders in each run
    again = recorder.records * 2
    with time_machine.travel(timedelta(hours=1)):
        for _ in range(10):
            shuffle.shuffle(again)
            recorder.afresh().deliver(again)
            assert _rows(story) == before


def test_effects_are_whole_whatever_the_order_they_first_come_in(recorder: Recorder, story: Story) -> None:
    before = _rows(story)
    _forget_attempts(story)
    recorder.afresh().deliver(recorder.records[::-1])
    assert _rows(story) == before


def test_a_poisoned_record_does_not_stop_the_others(recorder: Recorder, story: Story) -> None:
    before = _rows(story)
    _forget_attempts(story)
    poisoned = copy.deepcopy(recorder.records[0])
    poisoned["dynamodb"]["NewImage"]["state"] = {"S": "nonsense"}
    delivery = recorder.afresh()
    middle = len(recorder.records) // 2
    delivery.deliver([*recorder.records[:middle], poisoned, *recorder.records[middle:]])
    assert len(delivery.set_aside) == 1
    assert _rows(story) == before


def test_a_head_that_has_gone_takes_everything_with_it(recorder: Recorder, story: Story) -> None:
    """What lay beside it is deleted, and a second delivery finds nothing more to delete."""
    from chalicelib.jobs.tables import AttemptRow, DocumentRow, JobRow, LogRow

    JobRow(story.job_id).delete()
    story.cloud.drain()
    recorder.afresh().deliver(recorder.records[-1:])
    for table in (AttemptRow, DocumentRow, LogRow):
        assert list(table.query(story.job_id)) == []
