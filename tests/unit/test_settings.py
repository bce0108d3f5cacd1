"""Settings as they are read from the environment."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from chalicelib.settings import MINIMUM_KEY_BYTES, PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"session_secret": "s" * 32, "admin_api_key": "a" * 32, "agent_secret": "g" * 32, "origin_secret": "o" * 32}


def _parse(**given: Any) -> Settings:
    return Settings.model_validate({**KEYS, **given})


def test_defaults_are_those_of_the_contract() -> None:
    found = _parse()
    assert (found.lease_seconds, found.claim_token_seconds, found.session_seconds) == (1800, 300, 7200)
    assert (found.multipart_threshold_bytes, found.log_max_bytes) == (100_000_000, 64 * 1024 * 1024)
    assert (found.github_prefix, found.github_owner, found.allowed_origins) == ("mrx-", None, ())
    assert found.agent_shared_secret_enabled is True


@pytest.mark.parametrize(("text", "expected"), [
    ("", ()), (" , ", ()), ("https://a.example", ("https://a.example",)),
    (" https://a.example ,https://b.example,", ("https://a.example", "https://b.example")),
])  # fmt: skip
def test_origins_are_a_list_with_commas(text: str, expected: tuple[str, ...]) -> None:
    assert _parse(allowed_origins=text).allowed_origins == expected


@pytest.mark.parametrize(("text", "expected"), [
    ("", {}), ("default=4", {"default": 4}), ("default=4,builds=2", {"default": 4, "builds": 2}),
])  # fmt: skip
def test_shards_are_counts_by_queue(text: str, expected: dict[str, int]) -> None:
    assert _parse(queue_shards=text).queue_shards == expected


@pytest.mark.parametrize("wrong", [
    {"queue_shards": "default"}, {"queue_shards": "default=x"}, {"session_seconds": "3599"},
    {"session_seconds": "7201"}, {"lease_seconds": "0"}, {"poll_seconds": "soon"}, {"lease_shards": "65"},
    {"upload_url_seconds": "43201"},
    {"multipart_part_bytes": "1"}, {"agent_shared_secret_enabled": "perhaps"}, {"log_max_bytes": "-1"},
])  # fmt: skip
def test_value_out_of_range_is_refused_by_its_name(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as refused:
        _parse(**wrong)
    assert next(iter(wrong)) in str(refused.value)


@pytest.mark.parametrize("name", list(KEYS))
def test_key_is_measured_in_bytes(name: str) -> None:
    assert _parse(**{name: "ä" * 16})
    for short in ("k" * (MINIMUM_KEY_BYTES - 1), "ä" * 15):
        with pytest.raises(ValidationError, match=f"{PREFIX}{name.upper()} must be at least 32 bytes"):
            _parse(**{name: short})


def test_keys_show_nowhere() -> None:
    found = _parse(github_token="t" * 40)
    secrets = [name for name, value in found if isinstance(value, SecretStr)]
    assert set(secrets) == {*KEYS, "github_token"}
    for text in (str(found), repr(found), found.model_dump_json()):
        assert not [name for name in secrets if getattr(found, name).get_secret_value() in text]


def test_refusal_does_not_repeat_what_was_given() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({"session_secret": "canary", "admin_api_key": "canary", "lease_seconds": "canary"})
    assert "canary" not in f"{refused.value} {refused.value!r}"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        _parse().stage = "prod"  # type: ignore[misc]


def test_every_setting_is_listed_for_operators() -> None:
    listed = (ROOT / ".env.example").read_text()
    assert [name for name in Settings.model_fields if f"{PREFIX}{name.upper()}" not in listed] == []
