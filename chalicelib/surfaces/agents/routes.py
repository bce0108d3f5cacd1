"""The agents contract with all its routes."""

from . import admin, artifacts, jobs, projects, work  # noqa: F401  they add their routes
from .surface import surface

__all__ = ["surface"]
