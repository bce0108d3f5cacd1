"""Whose limit it is where CloudFront is in front: its viewer's, and only by its secret."""

import ipaddress
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.contract.harness import changed_settings
from tests.support.api import Api

SECRET = secrets.token_hex(16)


def _register(api: Api, viewer: str, **headers: str) -> int:
    told = {"email": f"{uuid.uuid4().hex}@example.com", "password": "correct horse"}
    sent = {"CloudFront-Viewer-Address": viewer, **headers}
    return api.anyone().post("/api/v1/auth/register", told, headers=sent).status_code


@contextmanager
def _counted(**changed: str) -> Iterator[list[str]]:
    """The keys of what was counted in the meantime."""
    from chalicelib.accounts.tables import LimitRow

    before = {row.key for row in LimitRow.scan()}
    counted: list[str] = []
    with changed_settings(**changed):
        yield counted
    counted += [row.key for row in LimitRow.scan() if row.key not in before]


@pytest.mark.parametrize("address", [ipaddress.IPv4Address, ipaddress.IPv6Address])
def test_viewers_of_cloudfront_have_limits_of_their_own(
    api: Api, address: type[ipaddress.IPv4Address | ipaddress.IPv6Address]
) -> None:
    one, other = (str(address(uuid.uuid4().int % 2**32)) for _ in range(2))
    with _counted(origin_secret=SECRET, registrations_per_minute="1") as counted:
        statuses = [
            _register(api, f"{viewer}:{port}", **{"X-Origin-Secret": SECRET})
            for port, viewer in enumerate((one, other, one), 1024)
        ]
    # A minute may end in between.
    assert statuses[:2] == [201, 201]
    assert all(any(viewer in key for key in counted) for viewer in (one, other))
    assert not [key for key in counted if "1024" in key or "1026" in key]


@pytest.mark.parametrize("headers", [
    {}, {"X-Origin-Secret": ""}, {"X-Origin-Secret": SECRET[:-1]}, {"X-Origin-Secret": "ä"},
])  # fmt: skip
def test_viewer_is_not_believed_without_the_secret(api: Api, headers: dict[str, str]) -> None:
    with _counted(origin_secret=SECRET) as counted:
        assert _register(api, "203.0.113.7:1024", **headers) == 201
    assert not [key for key in counted if "203.0.113" in key]


def test_viewer_is_not_believed_where_there_is_no_cloudfront(api: Api) -> None:
    with _counted() as counted:
        assert _register(api, "203.0.113.7:1024", **{"X-Origin-Secret": SECRET}) == 201
        assert _register(api, "203.0.113.7:1024", **{"X-Origin-Secret": ""}) == 201
    assert not [key for key in counted if "203.0.113" in key]


@pytest.mark.parametrize("viewer", ["", "203.0.113.7", ":1024"])
def test_address_of_another_form_is_not_one(api: Api, viewer: str) -> None:
    with _counted(origin_secret=SECRET) as counted:
        assert _register(api, viewer, **{"X-Origin-Secret": SECRET}) == 201
    assert not [key for key in counted if "203.0.113" in key]
