"""Queues of ready jobs, written in batches instead of asking the API for each."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import botocore.session

BATCH = 25
WRITERS = 4
OVERDUE_MS = 1_800_000


def fill(queue: str, count: int, endpoint: str) -> None:
    """Put this many jobs into a queue, as ``lifecycle.create`` would have made them; the first is the oldest."""
    from chalicelib.jobs.tables import JobRow  # noqa: PLC0415  its settings are there only now

    client = botocore.session.Session().create_client("dynamodb", endpoint_url=endpoint)
    batches = [range(start, min(start + BATCH, count)) for start in range(0, count, BATCH)]
    template = _head(queue)
    table = JobRow.Meta.table_name

    def write(numbers: range) -> None:
        puts = [{"PutRequest": {"Item": _numbered(template, number)}} for number in numbers]
        answer = client.batch_write_item(RequestItems={table: puts})
        assert not answer["UnprocessedItems"]

    with ThreadPoolExecutor(WRITERS) as pool:
        for _ in pool.map(write, batches):
            pass


def _head(queue: str) -> dict[str, Any]:
    from chalicelib import times  # noqa: PLC0415
    from chalicelib.jobs import agenda  # noqa: PLC0415
    from chalicelib.jobs.model import Kind, State  # noqa: PLC0415
    from chalicelib.jobs.tables import JobRow  # noqa: PLC0415

    now = times.now()
    slot, due = agenda.ready("", queue, priority=0, since=now, not_before=None)
    head = JobRow(
        "", kind=Kind.TASK, type="build", queue=queue, owner="project:bench", created_by="user:bench",
        project_id="bench", state=State.READY, slot=slot, due=due, created_at=now, updated_at=now,
    )  # fmt: skip
    return dict(head.serialize())


def _numbered(head: dict[str, Any], number: int) -> dict[str, Any]:
    """A head of its own id, due a millisecond after the one before it, from half an hour ago on."""
    from chalicelib.idempotency import new_seed  # noqa: PLC0415

    due = int(head["due"]["N"]) - OVERDUE_MS + number
    return {**head, "job_id": {"S": f"job_{new_seed()}"}, "due": {"N": str(due)}}
