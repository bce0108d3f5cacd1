"""A hundred thousand awkward rows are uploaded, filtered and aggregated, and downloaded as Parquet."""

import csv
import io
import random
import time
from collections import defaultdict
from decimal import Decimal
from typing import Any

import requests
from pyarrow import parquet

from .dashboard import PATIENCE_SECONDS, TIMEOUT, Dashboard, Surprise, expect, say

ROWS = 100_000
SEED = 20261120
LEAST = "10.50"
HEADER = ["order no", "customer", "country", "amount", "reference", "ordered on", "note"]
COUNTRIES = ["India", "Côte d'Ivoire", "São Tomé", "Österreich", "日本", "Cook Islands; NZ", ""]
CUSTOMERS = ["O'Brien, Siobhán", 'Jo "the duke" Ng', "Müller & Söhne", "=SUM(A1)", "Zoë\nKraus", "  spaced  "]
STEPS = [
    {
        "type": "filter",
        "params": {
            "all": [
                {"column": "amount", "operator": "gte", "value": LEAST},
                {"column": "country", "operator": "not_null"},
            ]
        },
    },
    {
        "type": "aggregate",
        "params": {
            "group_by": ["country"],
            "aggregates": [
                {"function": "count", "name": "orders"},
                {"function": "sum", "column": "amount", "name": "total"},
                {"function": "count_distinct", "column": "reference", "name": "references"},
            ],
        },
    },
    {"type": "cast", "params": {"column": "total", "to": "decimal", "precision": 18, "scale": 2}},
    {"type": "sort", "params": {"by": ["country"]}},
    {"type": "convert_format", "params": {"to_format": "parquet"}},
]

Row = list[str]


def run(dashboard: Dashboard) -> None:
    """Create the job, upload its file, follow it, download its output, and check the numbers.

    Raises:
        Surprise: something was not as it had to be.
    """
    rows = _rows()
    content = _csv(rows)
    job = _start(dashboard, content)
    done = _follow(dashboard, job["id"])
    report = done["report"]
    expect(report["rows_in"] == ROWS, f"the report is {report}")
    say(
        f"Of {report['rows_in']} rows the filter dropped {report['steps'][0]['dropped']}, in {report['seconds']:.2f} s."
    )
    _compare(_download(dashboard, done), _expected(rows))


def _rows() -> list[Row]:
    """The same rows every time: leading zeros, thirty digits, quotes, line breaks, days before months."""
    chance = random.Random(SEED)  # noqa: S311  made-up data
    return [
        [
            f"{number:08d}",
            chance.choice(CUSTOMERS),
            chance.choice(COUNTRIES),
            f"{chance.randrange(10_000) / 100:.2f}",
            str(chance.randrange(10**29, 10**29 + 500)),
            f"{chance.randint(1, 28):02d}/{chance.randint(1, 12):02d}/2024",
            chance.choice(["", "fragile", 'leave at "Pete\'s"\r\nring twice', "1e5", "007"]),
        ]
        for number in range(ROWS)
    ]


def _csv(rows: list[Row]) -> bytes:
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, delimiter=";", lineterminator="\r\n")
    writer.writerow(HEADER)
    writer.writerows(rows)
    return sink.getvalue().encode()


def _start(dashboard: Dashboard, content: bytes) -> dict[str, Any]:
    told = {"file_name": "orders.csv", "original_file_size_bytes": len(content), "processing_steps": STEPS}
    job: dict[str, Any] = dashboard.call("POST", "/api/v1/jobs", json=told)
    expect(job["status"] == "PENDING", f"the new job is {job['status']}")
    say(f"Somebody created {job['id']}: filter and aggregate orders.csv, and make it Parquet.")
    path = f"/api/v1/jobs/{job['id']}"
    url = dashboard.call("POST", f"{path}/upload-url", json={})["upload_url"]
    answer = requests.put(url, data=content, headers={"Content-Type": "text/csv"}, timeout=TIMEOUT)
    expect(answer.ok, f"the upload answered {answer.status_code}")
    say(f"{len(content)} bytes with {ROWS} awkward rows were uploaded straight to S3.")
    key = url.split("?", maxsplit=1)[0].split("/", 4)[4]
    return dict(dashboard.call("POST", f"{path}/mark-uploaded", json={"object_key": key}))


def _follow(dashboard: Dashboard, job_id: str) -> dict[str, Any]:
    until, seen = time.monotonic() + PATIENCE_SECONDS, ""
    while time.monotonic() < until:
        job: dict[str, Any] = dashboard.call("GET", f"/api/v1/jobs/{job_id}")
        if job["status"] != seen:
            seen = job["status"]
            say(f"The job is {seen}.")
        if seen in {"COMPLETED", "FAILED", "CANCELLED"}:
            expect(seen == "COMPLETED", f"it ended with: {job['error_message']}")
            return job
        time.sleep(0.1)
    message = f"the job has not ended after {PATIENCE_SECONDS} s"
    raise Surprise(message)


def _download(dashboard: Dashboard, job: dict[str, Any]) -> list[dict[str, Any]]:
    url = dashboard.call("POST", f"/api/v1/jobs/{job['id']}/download-url", json={})["download_url"]
    content = requests.get(url, timeout=TIMEOUT).content
    say(f"The output was downloaded: {len(content)} bytes of Parquet.")
    return list(parquet.read_table(io.BytesIO(content)).to_pylist())


def _expected(rows: list[Row]) -> list[dict[str, Any]]:
    """What the steps come to, in plain Python."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row[2] and Decimal(row[3]) >= Decimal(LEAST):
            groups[row[2]].append(row)
    return [
        {
            "country": country,
            "orders": len(members),
            "total": sum(Decimal(row[3]) for row in members),
            "references": len({row[4] for row in members}),
        }
        for country, members in sorted(groups.items())
    ]


def _compare(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    expect(found == expected, f"the output is {found}, and plain Python says {expected}")
    for row in found:
        print(f"    | {row['country']}: {row['orders']} orders, {row['total']} in all")
    say("Its numbers are those that plain Python computes from the same rows.")
