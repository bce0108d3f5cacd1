"""Surfaces are imported when one of their paths is first asked for: a cold start pays for its own contract only.

Whoever asks for all routes, to deploy or to document them, gets all of them.
"""

from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from chalice.app import Chalice

if TYPE_CHECKING:
    from .surface import Surface

_PLACES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("/api/jobs/{job_id}/results", ("evaluations.routes",)),
    ("/api/jobs/{job_id}/", ("agents.routes",)),
    ("/api/jobs/{job_id}", ("agents.routes", "shared")),
    ("/api/jobs/", ("agents.routes",)),
    ("/api/jobs", ("evaluations.routes",)),
    ("/api/uploads", ("evaluations.routes",)),
    ("/api/evaluation-agents", ("evaluations.routes",)),
    ("/api/admin/evaluation-agents", ("evaluations.routes",)),
    ("/api/webhooks", ("webhooks.routes",)),
    ("/api/v1/", ("files.routes",)),
    ("/api/health", ("health",)),
    ("/api/build", ("builds.routes",)),
    ("/api/analysis", ("builds.routes",)),
    ("/api/ws", ("builds.routes",)),
    ("/api/", ("agents.routes",)),
    ("/auth/", ("builds.routes",)),
    ("/u/", ("pipelines.routes",)),
    ("/", ("docs",)),
)
"""What a path begins with, and the modules that have its routes; the first that fits is meant."""


class LazyChalice(Chalice):
    """A Chalice app whose surfaces are loaded by its routes."""

    def __init__(self, app_name: str, **options: Any) -> None:  # noqa: ANN401  Chalice's
        super().__init__(app_name, **options)
        self.routes = _Routes(self)


class _Routes(defaultdict[str, dict[str, Any]]):
    """Chalice's table of routes, filled as it is read."""

    def __init__(self, app: Chalice) -> None:
        super().__init__(dict)
        self._app = app
        self._registered: set[str] = set()
        self._registering = False

    def __getitem__(self, path: str) -> dict[str, Any]:
        self._register(_modules_of(path))
        return super().__getitem__(path)

    def __contains__(self, path: object) -> bool:
        self._register(_modules_of(str(path)))
        return super().__contains__(path)

    def __iter__(self) -> Iterator[str]:
        self._register(_all_modules())
        return super().__iter__()

    def __len__(self) -> int:
        self._register(_all_modules())
        return super().__len__()

    def keys(self) -> Any:  # noqa: ANN401  a dict's view
        """All paths."""
        self._register(_all_modules())
        return super().keys()

    def values(self) -> Any:  # noqa: ANN401  a dict's view
        """All routes."""
        self._register(_all_modules())
        return super().values()

    def items(self) -> Any:  # noqa: ANN401  a dict's view
        """All paths with their routes."""
        self._register(_all_modules())
        return super().items()

    def _register(self, modules: tuple[str, ...]) -> None:
        if self._registering:
            return  # Chalice reads this table to add to it.
        self._registering = True
        try:
            for module in modules:
                if module not in self._registered:
                    self._app.register_blueprint(_imported(module))
                    self._registered.add(module)
        finally:
            self._registering = False


def import_all() -> None:
    """Import every surface."""
    for module in _all_modules():
        _imported(module)


def _imported(module: str) -> "Surface":
    found: Surface = import_module(f"{__package__}.{module}").surface
    return found


def _modules_of(path: str) -> tuple[str, ...]:
    """The modules that have a path's routes; none for a path that is nowhere."""
    return next((modules for place, modules in _PLACES if path == place or _is_below(path, place)), ())


def _is_below(path: str, place: str) -> bool:
    return path.startswith(place if place.endswith("/") else f"{place}/")


def _all_modules() -> tuple[str, ...]:
    # Of two that are as near to a path which is nowhere, the first is asked for its envelope.
    return tuple(sorted({module for _, modules in _PLACES for module in modules}))
