"""The cold import of the app, as a ratio to what any function with a DynamoDB client has to import."""

import os
import statistics
import subprocess
import sys
from pathlib import Path

from .deployment import KEYS
from .report import Row

BUDGET = 1.4
RUNS = 15
ROOT = Path(__file__).resolve().parent.parent
APP = "import app"
FLOOR = "import boto3; boto3.client('dynamodb')"
# CPU and not the clock: importing waits for nothing, and the machine may have other work.
_TIMED = "import time; began = time.process_time(); {}; print(time.process_time() - began)"


def rows() -> list[Row]:
    """Fresh interpreters in turns; the first of each writes the bytecode, as packaging does, and is not counted."""
    _seconds(APP), _seconds(FLOOR)
    pairs = [(_seconds(APP), _seconds(FLOOR)) for _ in range(RUNS)]
    app, floor = (statistics.median(times) for times in zip(*pairs, strict=True))
    return [Row(what=f"cold import of app to `{FLOOR}`", measured=app / floor, budget=BUDGET)]


def _seconds(statements: str) -> float:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    environment |= dict.fromkeys(KEYS, "k" * 48) | {"AWS_DEFAULT_REGION": "us-east-1"}
    command = [sys.executable, "-W", "ignore", "-c", _TIMED.format(statements)]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)  # noqa: S603
    return float(done.stdout.split()[-1])
