"""The files contract with all its routes."""

from . import accounts, jobs, uploads  # noqa: F401  they add their routes
from .surface import surface

__all__ = ["surface"]
