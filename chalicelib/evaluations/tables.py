"""The table of the agents whose answers can be evaluated."""

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from chalicelib.dynamo import IntegerAttribute, Table, TimeAttribute, named


class AnsweringAgentRow(Table):
    """An agent under test: a chat endpoint; its key is in the secrets store."""

    class Meta:
        """Few and small: it is read whole to list them."""

        table_name = named("answering-agents")

    agent_id = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute()
    url = UnicodeAttribute()
    model = UnicodeAttribute()
    has_key = BooleanAttribute()
    concurrency = IntegerAttribute()
    timeout_seconds = IntegerAttribute()
    answer_tokens = IntegerAttribute(null=True)
    token_budget = IntegerAttribute(null=True)
    created_at = TimeAttribute()
    updated_at = TimeAttribute()


TABLES: tuple[type[Table], ...] = (AnsweringAgentRow,)
