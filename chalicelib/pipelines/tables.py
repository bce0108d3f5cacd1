"""The tables of pipelines: what a user has of each job, and which contracts are known to be verified."""

from typing import Any

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, LocalSecondaryIndex

from chalicelib.dynamo import Table, TimeAttribute, named


class ByCreated(LocalSecondaryIndex[Any]):
    """A user's jobs by time. Local, so that it can be read strongly: who has just made a job sees it in the list."""

    class Meta:
        """Whole: a list is read from it."""

        index_name = "by_created"
        projection = AllProjection()

    user_id = UnicodeAttribute(hash_key=True)
    created_at = TimeAttribute(range_key=True)


class RecordRow(Table):
    """A job in its user's list. Of a job of ours the truth is elsewhere; of one from outside it is ``cache``."""

    class Meta:
        """``tags`` and ``cache`` are JSON; ``audit``, ``compliance`` and ``verification`` are ids of other jobs.

        ``upstream`` is the URL of the service outside that has made the job for this user.
        """

        table_name = named("records")

    user_id = UnicodeAttribute(hash_key=True)
    job_id = UnicodeAttribute(range_key=True)
    type = UnicodeAttribute()
    prompt = UnicodeAttribute(null=True)
    filename = UnicodeAttribute(null=True)
    network = UnicodeAttribute(null=True)
    title = UnicodeAttribute(null=True)
    description = UnicodeAttribute(null=True)
    tags = UnicodeAttribute(null=True)
    cache = UnicodeAttribute(null=True)
    own = BooleanAttribute()
    upstream = UnicodeAttribute(null=True)
    audit = UnicodeAttribute(null=True)
    compliance = UnicodeAttribute(null=True)
    verification = UnicodeAttribute(null=True)
    created_at = TimeAttribute()
    updated_at = TimeAttribute()
    deleted_at = TimeAttribute(null=True)
    last_opened_at = TimeAttribute(null=True)

    by_created = ByCreated()


class VerifiedRow(Table):
    """A contract on a network whose source was found to be what is deployed there."""

    class Meta:
        """Keyed by network and address: what is verified, is so for everybody."""

        table_name = named("verified")

    contract = UnicodeAttribute(hash_key=True)
    explorer_url = UnicodeAttribute(null=True)
    verified_at = TimeAttribute()


TABLES: tuple[type[Table], ...] = (RecordRow, VerifiedRow)
