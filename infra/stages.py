"""The stages of ``.chalice/config.json``, and an environment in which the app imports without being anybody's."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / ".chalice" / "config.json"

# The settings want keys and packaging has none: this stands in, and a package that holds it is refused.
PLACEHOLDER = "placeholder-that-must-not-be-packaged"
_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Stage:
    """One deployment: its name, and the settings that are no secret and the same in every account."""

    name: str
    gateway_stage: str
    environment: Mapping[str, str]

    @property
    def prefix(self) -> str:
        """What the names of its tables, functions and queues begin with."""
        return self.environment["CLAIMCHECK_TABLE_PREFIX"]

    def number(self, setting: str) -> int:
        """The value of a setting that is a number: the stage's own, or the default."""
        return int(self.environment.get(f"{PREFIX}{setting.upper()}", Settings.model_fields[setting].default))


def load(name: str) -> Stage:
    """A stage by its name.

    Raises:
        ValueError: the configuration has no such stage.
    """
    stages: dict[str, Any] = json.loads(CONFIG.read_text())["stages"]
    if name not in stages:
        raise ValueError(f"no stage {name!r} in {CONFIG}: there are {', '.join(sorted(stages))}")
    told = stages[name]
    return Stage(name, told["api_gateway_stage"], told["environment_variables"])


def clean_environment(stage: Stage) -> dict[str, str]:
    """This process's environment without its AWS account and its Claimcheck, and with the stage's settings.

    Nothing that is made in it can contain a key of whoever makes it, or reach their account.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CLAIMCHECK_"))}
    return {
        **kept,
        **stage.environment,
        "AWS_DEFAULT_REGION": _REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CLAIMCHECK_SESSION_SECRET": PLACEHOLDER,
        "CLAIMCHECK_ADMIN_API_KEY": PLACEHOLDER,
        # Compiled files carry the path and the time of their source: the package makes its own.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": "",
    }
