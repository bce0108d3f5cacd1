"""What a claim costs, however long the queue is."""

from typing import Any

from .counting import Tally, counted
from .queues import fill
from .report import Row

SHORT, LONG = 10, 100_000
PAYLOAD = {"branch": "main", "buildVariant": "release"}


def rows(endpoint: str) -> list[Row]:
    """One claim of a job with a payload, in a queue of 10 and in one of 100,000."""
    short, long = _cost_of_one("q-short", SHORT, endpoint), _cost_of_one("q-long", LONG, endpoint)
    return [
        *_rows(f"claim with {SHORT:,} ready", short),
        *_rows(f"claim with {LONG:,} ready", long),
        Row(what=f"… its units to those with {SHORT:,}", measured=_units(long) / _units(short), budget=1),
    ]


def _cost_of_one(queue: str, ready: int, endpoint: str) -> Tally:
    from chalicelib.accounts.agents import Agent  # noqa: PLC0415  its settings are there only now
    from chalicelib.jobs import claims  # noqa: PLC0415

    # The filling is half an hour overdue; a head start of more than that brings the job with a payload to the front.
    _create(queue, priority=9)
    fill(queue, ready - 1, endpoint)
    with counted() as tally:
        claim = claims.claim(Agent("bench", registered=False), [queue])
    assert claim is not None
    assert claim.payload == PAYLOAD
    return tally


def _create(queue: str, priority: int) -> None:
    from chalicelib import idempotency  # noqa: PLC0415
    from chalicelib.jobs import lifecycle  # noqa: PLC0415
    from chalicelib.jobs.model import Kind, NewJob  # noqa: PLC0415

    told: dict[str, Any] = {"kind": Kind.TASK, "type": "build", "owner": "project:bench", "created_by": "user:bench"}
    new = NewJob(**told, project_id="bench", queue=queue, priority=priority, payload=PAYLOAD)
    lifecycle.create(new, idempotency.new_seed())


def _rows(what: str, tally: Tally) -> list[Row]:
    names = tally.names
    return [
        Row(what=f"{what}: queries", measured=names["Query jobs/agenda"], budget=1),
        Row(what="… updates", measured=names["UpdateItem jobs"], budget=1),
        Row(what="… reads of the payload", measured=names["GetItem documents"], budget=1),
        Row(what="… calls in all", measured=len(tally.calls), budget=3),
    ]


def _units(tally: Tally) -> float:
    return tally.read_units + tally.write_units
