"""Pages as bare lists; those that are objects with their cursor are in ``answers``."""

from typing import TypeVar

from chalicelib.surfaces.surface import Reply

CURSOR_HEADER = "X-Next-Cursor"
Item = TypeVar("Item")


def listed(items: list[Item], cursor: str | None) -> Reply[list[Item]]:
    """A bare list, as the contract has it; the next page's cursor is in ``X-Next-Cursor``."""
    return Reply(body=items, headers={CURSOR_HEADER: cursor} if cursor else {})
