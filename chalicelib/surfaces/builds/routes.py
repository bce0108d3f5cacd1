"""The builds contract with all its routes."""

from . import accounts, analyses, builds  # noqa: F401  they add their routes
from .surface import surface

__all__ = ["surface"]
