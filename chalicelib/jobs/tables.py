"""The tables of jobs: heads with their indexes, documents, attempts, log chunks."""

from dataclasses import fields
from typing import Any

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, TTLAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection

from chalicelib import times
from chalicelib.dynamo import IntegerAttribute, Table, TimeAttribute, named

from .model import Job, State


class Agenda(GlobalSecondaryIndex[Any]):
    """What happens next, and when: each unfinished job once. It carries what a claim must know before it writes."""

    class Meta:
        """Sparse: a finished job has no slot."""

        index_name = "agenda"
        projection = IncludeProjection(["queue", "agent", "deadline"])

    slot = UnicodeAttribute(hash_key=True)
    due = TimeAttribute(range_key=True)


class ByOwner(GlobalSecondaryIndex[Any]):
    """An owner's jobs by time; keys only, because a wide index would double the price of every update."""

    class Meta:
        """Lists read keys here and then the heads."""

        index_name = "by_owner"
        projection = KeysOnlyProjection()

    owner = UnicodeAttribute(hash_key=True)
    job_id = UnicodeAttribute(range_key=True)


class ByKind(GlobalSecondaryIndex[Any]):
    """Everybody's jobs of a kind by time, for administrators; only the kinds that are listed so pay for it."""

    class Meta:
        """Sparse: only jobs of ``model.WATCHED`` have the attribute."""

        index_name = "by_kind"
        projection = KeysOnlyProjection()

    listed_kind = UnicodeAttribute(hash_key=True)
    job_id = UnicodeAttribute(range_key=True)


class Deadlines(GlobalSecondaryIndex[Any]):
    """Unfinished jobs that have a deadline, by it; only they pay for this index."""

    class Meta:
        """Sparse: ``deadline_slot`` goes when the job ends."""

        index_name = "deadlines"
        projection = KeysOnlyProjection()

    deadline_slot = UnicodeAttribute(hash_key=True)
    deadline = TimeAttribute(range_key=True)


class JobRow(Table):
    """The head of a job, kept under 1 KB; what its fields mean is said at ``model.Job``."""

    class Meta:
        """The only table with a stream: every effect of a change starts there."""

        table_name = named("jobs")
        stream_view_type = "NEW_AND_OLD_IMAGES"

    job_id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute()
    type = UnicodeAttribute()
    queue = UnicodeAttribute()
    owner = UnicodeAttribute()
    created_by = UnicodeAttribute()
    state = UnicodeAttribute()
    priority = IntegerAttribute(default=0)
    attempt = IntegerAttribute(default=0)
    max_attempts = IntegerAttribute(default=1)
    created_at = TimeAttribute()
    updated_at = TimeAttribute()
    version = IntegerAttribute(default=0)
    project_id = UnicodeAttribute(null=True)
    chat_id = UnicodeAttribute(null=True)
    agent = UnicodeAttribute(null=True)
    claimed_at = TimeAttribute(null=True)
    claim_request = UnicodeAttribute(null=True)
    slot = UnicodeAttribute(null=True)
    due = TimeAttribute(null=True)
    token_hash = BinaryAttribute(null=True, legacy_encoding=False)
    token_expires = TimeAttribute(null=True)
    redemption_id = UnicodeAttribute(null=True)
    not_before = TimeAttribute(null=True)
    deadline = TimeAttribute(null=True)
    deadline_slot = UnicodeAttribute(null=True)
    finished_at = TimeAttribute(null=True)
    payload = UnicodeAttribute(null=True)
    result = UnicodeAttribute(null=True)
    progress = UnicodeAttribute(null=True)
    error_code = UnicodeAttribute(null=True)
    error_message = UnicodeAttribute(null=True)
    log_full = BooleanAttribute(null=True)
    returned = UnicodeAttribute(null=True)
    input_key = UnicodeAttribute(null=True)
    input_etag = UnicodeAttribute(null=True)
    input_size = IntegerAttribute(null=True)
    marked = UnicodeAttribute(null=True)
    checkpoint = UnicodeAttribute(null=True)
    watched = IntegerAttribute(null=True)
    listed_kind = UnicodeAttribute(null=True)
    secrets_project = UnicodeAttribute(null=True)
    trace_parent = UnicodeAttribute(null=True)
    expires = TTLAttribute(null=True)

    agenda = Agenda()
    by_owner = ByOwner()
    by_kind = ByKind()
    deadlines = Deadlines()

    def to_job(self) -> Job:
        """The row as the frozen value that the rest of the house works with."""
        values = self.attribute_values
        given = {name: values[name] for name in _JOB_FIELDS if values.get(name) is not None}
        return Job(**{**given, "state": State(given["state"])})

    @classmethod
    def move(cls, job_id: str, *, actions: list[Action], condition: Condition) -> Job:
        """One conditional update of a head, which counts its version and time.

        Raises:
            dynamo.Refused: with the row as it stands, or None where there is no such job.
        """
        bookkeeping = [cls.updated_at.set(times.now()), cls.version.set(cls.version + 1)]
        return cls.change(job_id, actions=[*actions, *bookkeeping], condition=condition).to_job()


_JOB_FIELDS = tuple(field.name for field in fields(Job))


class DocumentRow(Table):
    """A payload or result: compressed JSON in place, or the S3 key of what is too large for that."""

    class Meta:
        """Keyed by job, so that a job's documents go together."""

        table_name = named("documents")

    job_id = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute(range_key=True)
    data = BinaryAttribute(null=True, legacy_encoding=False)
    object_key = UnicodeAttribute(null=True)
    expires = TTLAttribute()


class AttemptRow(Table):
    """How one attempt at a job ended; written once, by the stream."""

    class Meta:
        """A job's history of claims."""

        table_name = named("claims")

    job_id = UnicodeAttribute(hash_key=True)
    attempt = IntegerAttribute(range_key=True)
    agent = UnicodeAttribute()
    claimed_at = TimeAttribute()
    ended_at = TimeAttribute()
    outcome = UnicodeAttribute()
    error_code = UnicodeAttribute(null=True)
    error_message = UnicodeAttribute(null=True)
    expires = TTLAttribute()


class LogRow(Table):
    """A chunk of a job's log: compressed JSON lines, keyed by the number of its first entry."""

    class Meta:
        """``size`` is that of the whole log up to and with this chunk, uncompressed."""

        table_name = named("logs")

    job_id = UnicodeAttribute(hash_key=True)
    segment = IntegerAttribute(range_key=True)
    entries = IntegerAttribute()
    size = IntegerAttribute()
    data = BinaryAttribute(legacy_encoding=False)
    attempt = IntegerAttribute()
    write_id = UnicodeAttribute()
    digest = BinaryAttribute(legacy_encoding=False)
    expires = TTLAttribute()


TABLES: tuple[type[Table], ...] = (JobRow, DocumentRow, AttemptRow, LogRow)
