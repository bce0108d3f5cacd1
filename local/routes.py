"""Which route serves a path, by API Gateway's rules."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple


class Match(NamedTuple):
    """The route as it was declared, and the parameters as they stood in the path."""

    resource: str
    parameters: dict[str, str]


class RouteTable:
    """The paths of an app, such as ``/api/jobs/{id}``, ready to be matched."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._by_length: dict[int, list[tuple[str, list[str]]]] = defaultdict(list)
        # Segment by segment from the left a literal comes before a parameter, as in API Gateway.
        for path in sorted(paths, key=_parameters_last):
            segments = _segments(path)
            self._by_length[len(segments)].append((path, segments))

    def match(self, path: str) -> Match | None:
        """The route of a path, or None. One trailing slash is ignored.

        Percent-escapes stay as they are: API Gateway's REST APIs hand over path parameters as they stood in the
        URL (https://github.com/aws/chalice/issues/511), and so a view decodes what may hold one.
        """
        given = _segments(path[:-1] if path.endswith("/") and path.strip("/") else path)
        for resource, segments in self._by_length.get(len(given), ()):
            parameters = _capture(segments, given)
            if parameters is not None:
                return Match(resource, parameters)
        return None


def _segments(path: str) -> list[str]:
    return path.split("/")


def _is_parameter(segment: str) -> bool:
    return segment.startswith("{") and segment.endswith("}")


def _parameters_last(path: str) -> list[bool]:
    return [_is_parameter(segment) for segment in _segments(path)]


def _capture(declared: list[str], given: list[str]) -> dict[str, str] | None:
    parameters = {}
    for name, value in zip(declared, given, strict=True):
        if _is_parameter(name) and value:
            parameters[name[1:-1]] = value
        elif name != value:
            return None
    return parameters
