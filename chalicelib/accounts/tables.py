"""The tables of accounts: users, agents, families of refresh tokens, and the counters of limits."""

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, TTLAttribute, UnicodeAttribute

from chalicelib.dynamo import IntegerAttribute, Table, TimeAttribute, named


class UserRow(Table):
    """A user, keyed by the normalized e-mail address, so that nobody registers twice."""

    class Meta:
        """One item a user."""

        table_name = named("users")

    email = UnicodeAttribute(hash_key=True)
    user_id = UnicodeAttribute()
    password_hash = UnicodeAttribute()
    role = UnicodeAttribute()
    created_at = TimeAttribute()
    updated_at = TimeAttribute()


class AgentRow(Table):
    """A remote agent: one registered with its own secret, or one seen with the shared secret (which ages out)."""

    class Meta:
        """Keyed by principal, so that the shared secret can never speak for a registered agent."""

        table_name = named("agents")

    principal = UnicodeAttribute(hash_key=True)
    secret_hash = BinaryAttribute(null=True, legacy_encoding=False)
    draining = BooleanAttribute(default=False)
    revoked_at = TimeAttribute(null=True)
    created_at = TimeAttribute()
    last_seen = TimeAttribute(null=True)
    expires = TTLAttribute(null=True)


class FamilyRow(Table):
    """A family of refresh tokens: all that came of one log-in. Only the newest is good, and only its hash is kept."""

    class Meta:
        """Keyed by the family, whose id each of its tokens begins with."""

        table_name = named("families")

    family_id = UnicodeAttribute(hash_key=True)
    email = UnicodeAttribute()
    token_hash = BinaryAttribute(legacy_encoding=False)
    revoked_at = TimeAttribute(null=True)
    created_at = TimeAttribute()
    expires = TTLAttribute()


class LimitRow(Table):
    """A fixed-window counter."""

    class Meta:
        """Keyed by what is counted and its window's number."""

        table_name = named("limits")

    key = UnicodeAttribute(hash_key=True)
    calls = IntegerAttribute()
    expires = TTLAttribute()


TABLES: tuple[type[Table], ...] = (UserRow, AgentRow, FamilyRow, LimitRow)
