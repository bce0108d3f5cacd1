"""The toy app in another process: an app is made once per process, and that of the tests has its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parent.parent.parent


class Toy:
    """The toy's process: HTTP at ``url``, and ``call`` for what is asked of its LocalCloud."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.url: str = self._read()

    def call(self, *words: str) -> Any:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        return self._read()

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(method, self.url + path, timeout=30, **options)

    def get(self, path: str, **options: Any) -> Any:
        return self.request("GET", path, **options).json()

    def _read(self) -> Any:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())


@contextmanager
def run_toy(**variables: str) -> Iterator[Toy]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CLAIMCHECK_"))}
    environment = {**kept, **variables}
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.local.toy_server"],
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        try:
            yield Toy(process)
        finally:
            process.terminate()
