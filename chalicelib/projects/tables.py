"""The tables of projects, chats and messages."""

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute

from chalicelib.dynamo import IntegerAttribute, Table, TimeAttribute, named


class ProjectRow(Table):
    """A project, registered by hand or found on GitHub; no ``members`` means every user."""

    class Meta:
        """Small: it is read whole to list projects."""

        table_name = named("projects")

    project_id = UnicodeAttribute(hash_key=True)
    source = UnicodeAttribute()
    name = UnicodeAttribute()
    repo = UnicodeAttribute()
    default_branch = UnicodeAttribute()
    drive_folder_id = UnicodeAttribute(null=True)
    members = UnicodeSetAttribute(null=True)
    created_at = TimeAttribute()
    updated_at = TimeAttribute()


class SyncRow(Table):
    """What is known of the last look at GitHub: validators of its pages, and when to look again."""

    class Meta:
        """One item for each configured owner."""

        table_name = named("sync")

    owner = UnicodeAttribute(hash_key=True)
    look_after = TimeAttribute()
    validators = UnicodeAttribute(null=True)
    version = IntegerAttribute(default=0)


class ChatRow(Table):
    """A chat of a project."""

    class Meta:
        """Ids are ordered by time."""

        table_name = named("chats")

    project_id = UnicodeAttribute(hash_key=True)
    chat_id = UnicodeAttribute(range_key=True)
    title = UnicodeAttribute()
    llm_mode = UnicodeAttribute()
    created_by = UnicodeAttribute()
    created_at = TimeAttribute()
    updated_at = TimeAttribute()


class MessageRow(Table):
    """A message of a chat."""

    class Meta:
        """Ids are ordered by time."""

        table_name = named("messages")

    chat_id = UnicodeAttribute(hash_key=True)
    message_id = UnicodeAttribute(range_key=True)
    role = UnicodeAttribute()
    content = UnicodeAttribute()
    author = UnicodeAttribute()
    job_id = UnicodeAttribute(null=True)
    sent_at = TimeAttribute()


TABLES: tuple[type[Table], ...] = (ProjectRow, SyncRow, ChatRow, MessageRow)
