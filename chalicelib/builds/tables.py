"""The table of WebSocket connections."""

from pynamodb.attributes import TTLAttribute, UnicodeAttribute

from chalicelib.dynamo import IntegerAttribute, Table, named


class ConnectionRow(Table):
    """Somebody who watches a job. ``told`` is the job's version that they know; none until they have been greeted."""

    class Meta:
        """Keyed by job, so that one strong query finds all watchers there are."""

        table_name = named("connections")

    job_id = UnicodeAttribute(hash_key=True)
    connection_id = UnicodeAttribute(range_key=True)
    told = IntegerAttribute(null=True)
    expires = TTLAttribute()


TABLES: tuple[type[Table], ...] = (ConnectionRow,)
