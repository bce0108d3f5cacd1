"""The table of secrets: one item for each project and type, holding the present version."""

from pynamodb.attributes import BinaryAttribute, UnicodeAttribute

from chalicelib.dynamo import IntegerAttribute, Table, TimeAttribute, named


class SecretRow(Table):
    """A sealed secret; nothing in it opens it without the key service."""

    class Meta:
        """Keyed by project, so that a project's types are one query."""

        table_name = named("secrets")

    project_id = UnicodeAttribute(hash_key=True)
    type = UnicodeAttribute(range_key=True)
    version = IntegerAttribute()
    seal_id = UnicodeAttribute()
    scheme = UnicodeAttribute()
    ciphertext = BinaryAttribute(legacy_encoding=False)
    nonce = BinaryAttribute(legacy_encoding=False)
    wrapped_key = BinaryAttribute(legacy_encoding=False)
    key_id = UnicodeAttribute()
    created_at = TimeAttribute()
    updated_at = TimeAttribute()


TABLES: tuple[type[Table], ...] = (SecretRow,)
