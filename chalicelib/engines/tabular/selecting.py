"""The one place where a SELECT is put together."""


def select(given: str, source: str, rest: str = "") -> str:
    """A SELECT over another one.

    All three are SQL made here, of identifiers and placeholders: names and values of users are never in it.

    Args:
        given: what it gives.
        source: the SELECT that it reads.
        rest: what comes after, such as ``WHERE …``.
    """
    return f"SELECT {given} FROM ({source}) {rest}".rstrip()  # noqa: S608  as said above
