"""Code whose flaws are known, and the program that is to find them."""

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Files = Mapping[str, str]

FLAWED: Files = {
    "shop/__init__.py": "",
    # Line 1 is the docstring; numbers in the tests are lines.
    "shop/store.py": '''"""Keeps orders."""
import hashlib
import os
import subprocess

PASSWORD = "correct horse battery staple"


def find(cursor, name):
    """Find an order."""
    cursor.execute("SELECT * FROM orders WHERE name = '%s'" % name)
    return cursor.fetchone()


def export(name):
    """Export an order."""
    subprocess.run("tar cf /srv/orders.tar " + name, shell=True, check=True)


def discount(rule):
    """Work out a discount."""
    return eval(rule)


def digest(text):
    """Digest a text."""
    return hashlib.md5(text.encode()).hexdigest()
''',
    "shop/prices.py": '''"""Works out prices."""


def price(kind: str, count: int) -> int:
    """Work out a price."""
    return kind * count


def grade(a: int, b: int, c: int) -> str:
    """Grade three numbers."""
    if a > b and b > c:
        return "falling"
    if a < b and b < c:
        return "rising"
    if a == b and b == c:
        return "equal"
    if a > b or b > c:
        return "mixed"
    for number in (a, b, c):
        if number < 0:
            return "negative"
    return "other"
''',
    "tests/test_store.py": '''"""Tests; what tests do is not held against them."""


def test_password():
    """A password of nobody."""
    password = "hunter2-hunter2"
    assert password
''',
}

CLEAN: Files = {
    "shop/__init__.py": '"""A shop."""\n',
    "shop/prices.py": '''"""Works out prices."""

import json
import subprocess
from pathlib import Path

import requests


def total(prices: list[float], *, discount: float = 0.0) -> float:
    """Add up prices, less a discount.

    Raises:
        ValueError: the discount is negative.
    """
    if discount < 0:
        raise ValueError(discount)
    return sum(prices) * (1 - discount)


def read(path: Path) -> dict[str, float]:
    """Read a list of prices."""
    return {name: float(price) for name, price in json.loads(path.read_text(encoding="utf-8")).items()}


def fetch(url: str) -> bytes:
    """Fetch a list of prices."""
    return requests.get(url, timeout=5).content


def revision() -> str:
    """Say which revision this is."""
    return subprocess.run(["/usr/bin/git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout
''',
    "tests/test_prices.py": '''"""Tests."""

from shop.prices import total


def test_total() -> None:
    assert total([1.0, 2.0]) == 3.0
''',
}


def tar_of(files: Files, top: str = "") -> bytes:
    """A compressed tar archive, in a folder `top` if that is named."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(f"{top}/{name}" if top else name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


def zip_of(files: Files) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


def analyse(folder: Path, archive: bytes, *kinds: str, code: int = 0) -> dict[str, Any]:
    """Run the program on an archive, as the agent does; gives its result. What it says is in the file `log`."""
    work, secrets, tmp = (folder / name for name in ("work", "secrets", "tmp"))
    for made in (work, secrets, tmp):
        made.mkdir()
    (work / "input").write_bytes(archive)
    payload = {"project_name": "shop", "source": {"kind": "archive"}} | (
        {"analysis_types": list(kinds)} if kinds else {}
    )
    job = {"jobId": "job_0", "type": "code-analysis", "projectId": None, "attempt": 1, "payload": payload}
    (work / "job.json").write_text(json.dumps(job))
    env = {
        "CLAIMCHECK_JOB_FILE": str(work / "job.json"),
        "CLAIMCHECK_SECRETS_DIR": str(secrets),
        "CLAIMCHECK_ARTIFACTS_DIR": str(work / "artifacts"),
        "CLAIMCHECK_RESULT_FILE": str(work / "result.json"),
        "TMPDIR": str(tmp),
    }
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "claimcheck_agent.analysis.main", "github.com"],
        cwd=work,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    (folder / "log").write_text(ended.stdout)
    assert ended.returncode == code, ended.stdout + ended.stderr
    result: dict[str, Any] = json.loads((work / "result.json").read_bytes())
    return result
