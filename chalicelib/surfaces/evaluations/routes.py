"""The evaluations contract with all its routes."""

from . import admin, jobs, uploads  # noqa: F401  they add their routes
from .surface import surface

__all__ = ["surface"]
