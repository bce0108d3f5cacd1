"""White space at the ends of texts: all that Unicode calls so, as Python's ``strip()`` takes off."""

SPACES = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())


def trimmed(function: str, text: str, spaces: str) -> str:
    """SQL that takes white space off by DuckDB's ``trim``, ``ltrim`` or ``rtrim``.

    Args:
        function: which of the three.
        text: SQL.
        spaces: the placeholder to which ``SPACES`` are bound.
    """
    # Most texts begin and end with a visible ASCII character, which is quickly seen; a search for many is slow.
    ends = " AND ".join(f"{end}({text}, 1) BETWEEN '!' AND '~'" for end in ("left", "right"))
    return f"CASE WHEN {ends} THEN {text} ELSE {function}({text}, {spaces}) END"
