"""Pages in this contract's two forms: an object with its cursor, and a bare list with the cursor in a header."""

from collections.abc import Sequence
from typing import Any

from chalicelib.surfaces.surface import Reply


def listed(items: Sequence[Any], cursor: str | None) -> Reply:
    """A bare list, as the contract has it; the next page's cursor is in ``X-Next-Cursor``."""
    return Reply(body=items, headers={"X-Next-Cursor": cursor} if cursor else {})


def paged(items: Sequence[Any], cursor: str | None, *, more: bool) -> dict[str, Any]:
    """``{"data", "cursor", "hasMore"}``."""
    return {"data": items, "cursor": cursor, "hasMore": more}
