"""The table of artifacts."""

from pynamodb.attributes import TTLAttribute, UnicodeAttribute

from chalicelib.dynamo import IntegerAttribute, Table, TimeAttribute, named


class ArtifactRow(Table):
    """An artifact; without ``uploaded_at`` it is only announced, invisible, and ages out."""

    class Meta:
        """Keyed by project; ids are ordered by time."""

        table_name = named("artifacts")

    project_id = UnicodeAttribute(hash_key=True)
    artifact_id = UnicodeAttribute(range_key=True)
    job_id = UnicodeAttribute()
    file_name = UnicodeAttribute()
    object_key = UnicodeAttribute()
    size = IntegerAttribute()
    sha256 = UnicodeAttribute()
    content_type = UnicodeAttribute()
    build_number = UnicodeAttribute()
    upload_id = UnicodeAttribute(null=True)
    created_at = TimeAttribute()
    uploaded_at = TimeAttribute(null=True)
    expires = TTLAttribute(null=True)


TABLES: tuple[type[Table], ...] = (ArtifactRow,)
