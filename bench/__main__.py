"""``python -m bench``: measures, and prints each number beside its budget; fails where one is missed."""

import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

from local import environment
from local.dynamodb_local import DynamoDBLocalUnavailable, dynamodb_local

from . import agent_job, claims, files, imports, races, routes
from .deployment import deployed
from .report import Row, table


def main() -> int:
    """0 within every budget, 1 over one, 2 where it could not be measured."""
    # Agents by the dozen share a pool of ten connections here, which urllib3 finds worth a line each time.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    try:
        # The logger writes to what standard output is when the app is imported: it works as ever, and nobody reads it.
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            comparisons = files.compare()
            rows = _measure() + files.rows(comparisons)
    except DynamoDBLocalUnavailable as error:
        print(error, file=sys.stderr)
        return 2
    print(table(rows), files.table_of(comparisons), sep="\n\n")
    return int(any(row.over for row in rows) or any(comparison.missed for comparison in comparisons))


def _measure() -> list[Row]:
    rows = _told("cold imports", imports.rows)
    with dynamodb_local() as endpoint:
        with deployed(endpoint) as deployment:
            rows += _told("a whole agent job", lambda: agent_job.rows(deployment))
            rows += _told("log appends", lambda: agent_job.log_rows(deployment))
            rows += _told("a warm route", lambda: routes.rows(deployment))
        # The cloud is gone, and nobody turns the changes of 100,000 jobs into effects.
        with environment.changed({"AWS_ENDPOINT_URL_DYNAMODB": endpoint}):
            environment.set_credentials()
            rows += _told("claims of a long queue", lambda: claims.rows(endpoint))
            rows += _told("races", lambda: races.rows(endpoint))
    return rows


def _told(what: str, measure: Callable[[], list[Row]]) -> list[Row]:
    began = time.monotonic()
    rows = measure()
    print(f"{what}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
