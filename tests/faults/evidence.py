"""What the tables hold, and the rules that it must keep to whatever has happened."""

import base64
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from chalicelib.jobs.model import FINAL, HELD, State

Head = dict[str, Any]


def heads(job_ids: Iterable[str]) -> dict[str, Head]:
    """The heads of these jobs as they are stored, by id."""
    from chalicelib.jobs.tables import JobRow

    return {row.job_id: dict(row.attribute_values) for row in JobRow.batch_get(list(job_ids), consistent_read=True)}


def jobs_of(project_id: str) -> list[str]:
    """Ids of all jobs of a project."""
    from chalicelib.jobs.tables import JobRow

    return [row.job_id for row in JobRow.by_owner.query(f"project:{project_id}")]


def agenda_of(queues: Iterable[str]) -> list[tuple[str, str]]:
    """(slot, job id) of every entry in these queues, under a lease, or waiting for its time or its upload."""
    from chalicelib.jobs import agenda
    from chalicelib.jobs.tables import JobRow

    slots = [slot for queue in queues for slot in agenda.queue_slots(queue)]
    slots += [*agenda.lease_slots(), *agenda.later_slots(), *agenda.upload_slots()]
    return [(slot, row.job_id) for slot in slots for row in JobRow.agenda.query(slot)]


def check_heads(found: dict[str, Head]) -> None:
    """Each job is in a legal state, and its fields, its place in the agenda among them, agree with it."""
    for head in found.values():
        _check_head(head)


def check_agenda(found: dict[str, Head]) -> None:
    """The agenda's index holds each of these jobs once, in its slot, and none that is finished."""
    entries = agenda_of({head["queue"] for head in found.values()})
    ours = sorted((job_id, slot) for slot, job_id in entries if job_id in found)
    assert ours == sorted((job_id, head["slot"]) for job_id, head in found.items() if not _finished(head))


def _finished(head: Head) -> bool:
    return State(head["state"]) in FINAL


def _check_head(head: Head) -> None:
    from chalicelib.jobs.agenda import later_slots, lease_slots, queue_slots, upload_slots

    state, slot = State(head["state"]), head.get("slot")
    has = {name for name, value in head.items() if value is not None}
    if state in FINAL:
        assert not has & {"slot", "due", "deadline_slot", "token_hash", "token_expires", "redemption_id"}
        assert {"finished_at", "expires"} <= has
    elif state in HELD:
        assert slot in lease_slots()
        assert {"agent", "claimed_at", "due", "token_hash", "token_expires"} <= has
        assert head["attempt"] > 0
    else:
        waits_for_upload = state is State.AWAITING_UPLOAD
        assert slot in (upload_slots() if waits_for_upload else {*later_slots(), *queue_slots(head["queue"])})
        assert not has & {"agent", "claimed_at", "claim_request", "token_hash", "redemption_id", "finished_at"}


def log_of(job_id: str) -> list[str]:
    """The messages of a job's log as they are stored; their numbers have neither gap nor overlap."""
    from chalicelib.jobs import logs
    from chalicelib.jobs.tables import LogRow

    lines: list[str] = []
    for chunk in LogRow.query(job_id, consistent_read=True):
        assert chunk.segment == len(lines)
        entries = list(logs._unpack(zlib.decompress(chunk.data), chunk.segment))
        assert chunk.entries == len(entries)
        lines += [entry.message for entry in entries]
    return lines


def history_of(job_id: str) -> list[str]:
    """How each attempt at a job that has ended came to its end; they are numbered from 1."""
    from chalicelib.jobs.tables import AttemptRow

    rows = list(AttemptRow.query(job_id, consistent_read=True))
    assert [row.attempt for row in rows] == list(range(1, len(rows) + 1))
    return [row.outcome for row in rows]


def histories() -> dict[str, list[str]]:
    """How each attempt at each job came to its end, by the job's id; they are numbered from 1."""
    from chalicelib.jobs.tables import AttemptRow

    found: dict[str, list[str]] = {}
    for row in sorted(AttemptRow.scan(consistent_read=True), key=lambda row: (row.job_id, row.attempt)):
        outcomes = found.setdefault(row.job_id, [])
        outcomes.append(row.outcome)
        assert row.attempt == len(outcomes)
    return found


def document(head: Head, name: str) -> Any:
    """A job's payload or result."""
    from chalicelib.jobs import documents

    return documents.get(head["job_id"], head.get(name))


def leaks(canaries: Iterable[str]) -> list[tuple[str, str]]:
    """(table, canary) wherever a canary lies in a table: plain, base64, and inside what is compressed."""
    wanted = {form: canary for canary in canaries for form in (canary.encode(), base64.b64encode(canary.encode()))}
    return [(table, canary) for table, content in _stored() for form, canary in wanted.items() if form in content]


def duplicates(values: Iterable[str]) -> list[str]:
    """Those that come more than once."""
    return [value for value, count in Counter(values).items() if count > 1]


def _stored() -> Iterator[tuple[str, bytes]]:
    """Each table's whole content as one string of bytes, by table."""
    from chalicelib.storage import MODELS

    for model in MODELS:
        connection = model._get_connection().connection
        content: list[bytes] = []
        page = connection.dispatch("Scan", {"TableName": model.Meta.table_name})
        while True:
            content += [part for item in page["Items"] for value in item.values() for part in _bytes(value)]
            if "LastEvaluatedKey" not in page:
                break
            after = page["LastEvaluatedKey"]
            page = connection.dispatch("Scan", {"TableName": model.Meta.table_name, "ExclusiveStartKey": after})
        yield model.Meta.table_name, b"\n".join(content)


def _bytes(value: dict[str, Any]) -> Iterator[bytes]:
    for kind, content in value.items():
        if kind == "B":
            yield content
            yield _inflated(content)
        else:
            yield str(content).encode()


def _inflated(content: bytes) -> bytes:
    try:
        return zlib.decompress(content)
    except zlib.error:
        return b""


def objects_under(prefix: str) -> list[str]:
    """The keys in the bucket that begin so."""
    from chalicelib import aws
    from chalicelib.settings import settings

    found = aws.s3().list_objects_v2(Bucket=settings().bucket, Prefix=prefix)
    return [item["Key"] for item in found.get("Contents", ())]


def remove_objects(keys: Iterable[str]) -> None:
    """What lay under the keys is gone."""
    from chalicelib import aws
    from chalicelib.settings import settings

    if named := [{"Key": key} for key in keys]:
        aws.s3().delete_objects(Bucket=settings().bucket, Delete={"Objects": named})


def uploads_under(prefix: str) -> list[str]:
    """The keys of uploads in parts that were begun and neither completed nor aborted."""
    from chalicelib import aws
    from chalicelib.settings import settings

    found = aws.s3().list_multipart_uploads(Bucket=settings().bucket, Prefix=prefix)
    return [item["Key"] for item in found.get("Uploads", ())]
