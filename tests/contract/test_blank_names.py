"""Names of blanks alone, which are nothing once the blanks around them are gone: unknown, like any other."""

import pytest

from tests.support.api import Api, error

BLANKS = (" ", "\u2005", "\u3000\t")


@pytest.mark.parametrize("name", BLANKS)
def test_nobody_logs_in_by_blanks(api: Api, name: str) -> None:
    told = {"username": name, "password": "correct horse"}
    assert api.anyone().post("/auth/login", told).status_code == 401
    assert api.anyone().request("POST", "/api/v1/auth/login", data=told).status_code == 400


def test_blanks_are_nobody_whose_role_could_be_set(api: Api) -> None:
    assert error(api.admin().put("/api/admin/users/%20/role", {"role": "viewer"})) == (404, "USER_NOT_FOUND")
