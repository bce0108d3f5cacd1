"""Webhooks with all their routes."""

from . import deliveries, hooks  # noqa: F401  they add their routes
from .surface import surface

__all__ = ["surface"]
