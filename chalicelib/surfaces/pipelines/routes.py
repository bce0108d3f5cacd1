"""The pipelines contract with all its routes."""

from . import accounts, artifacts, examining, jobs, proxy  # noqa: F401  they add their routes
from .surface import surface

__all__ = ["surface"]
