import pytest

from local.routes import RouteTable

TABLE = RouteTable(
    ["/", "/jobs/{id}", "/jobs/claim", "/jobs/{id}/logs", "/{kind}/latest/logs", "/jobs/{id}/{part}", "/a/{x}/c"]
)


@pytest.mark.parametrize(
    ("path", "resource", "parameters"),
    [
        ("/", "/", {}),
        ("/jobs/claim", "/jobs/claim", {}),
        ("/jobs/claim/", "/jobs/claim", {}),
        ("/jobs/claims", "/jobs/{id}", {"id": "claims"}),
        ("/jobs/7/logs", "/jobs/{id}/logs", {"id": "7"}),
        ("/jobs/7/files", "/jobs/{id}/{part}", {"id": "7", "part": "files"}),
        ("/jobs/latest/logs", "/jobs/{id}/logs", {"id": "latest"}),
        ("/x/latest/logs", "/{kind}/latest/logs", {"kind": "x"}),
        ("/jobs/a%2Fb%40c", "/jobs/{id}", {"id": "a%2Fb%40c"}),
        ("/a/{x}/c", "/a/{x}/c", {"x": "{x}"}),
    ],
)
def test_match_prefers_literals_and_keeps_parameters_as_they_stood(
    path: str, resource: str, parameters: dict[str, str]
) -> None:
    assert TABLE.match(path) == (resource, parameters)


@pytest.mark.parametrize(
    "path", ["", "//", "/jobs", "/jobs//logs", "/jobs/claim//", "/Jobs/claim", "/a/b/c/d", "*", "//jobs"]
)
def test_match_of_an_undeclared_path_is_nothing(path: str) -> None:
    assert TABLE.match(path) is None
