"""A whole agent job, as a client of the contract makes it, and what it costs."""

import uuid

from tests.support.api import Bench, Caller, ok

from .counting import Tally, counted
from .deployment import Deployment
from .report import Row

WRITE_UNITS, READ_UNITS, CALLS = 16, 8, 14
# Three messages tell of such a job; the last has the result. Their reads are among the units; the budget of calls is
# for the job itself and what the stream writes.
TELLING = {"GetItem documents": 1, "Query webhooks": 3}
LINES = [{"level": "info", "message": f"Step {number} of the build is done."} for number in range(10)]


def run_job(place: Bench, agent: Caller | None = None, headers: dict[str, str] | None = None) -> str:
    """Create, claim (with these headers), redeem, run, log ten lines, complete with a result; answers the job's id."""
    agent = agent or place.agent
    job_id = str(place.create(payload={"branch": "main", "buildVariant": "release"})["jobId"])
    token = place.claim(agent, headers=headers)["claimToken"]
    ok(place.redeem(token, **{"X-Colab-Id": agent.headers["X-Colab-Id"]}))
    place.report(job_id, "running", agent=agent)
    ok(agent.post(f"/api/jobs/{job_id}/logs", {"entries": LINES, "segment": 0}))
    place.report(job_id, "completed", {"exitCode": 0, "artifacts": 1}, agent=agent)
    return job_id


def cost(
    deployment: Deployment, place: Bench, agent: Caller | None = None, headers: dict[str, str] | None = None
) -> Tally:
    """What a job costs, the effects of its changes included."""
    deployment.cloud.drain()
    with counted() as tally:
        run_job(place, agent, headers)
        deployment.cloud.drain()
    return tally


def rows(deployment: Deployment) -> list[Row]:
    """The job with the shared secret has the budget; what else agents may do is for information."""
    place = deployment.workplace()
    first, tally = cost(deployment, place), cost(deployment, place)
    found = _rows("whole agent job", tally, budgets=(WRITE_UNITS, READ_UNITS, CALLS))
    found += _rows("… with the note that the agent was seen, once a minute and container", first)
    own = deployment.api.registered_agent()
    cost(deployment, place, own)
    found += _rows("… by an agent with its own secret", cost(deployment, place, own))
    named = {"X-Claim-Request-Id": uuid.uuid4().hex}
    found += _rows("… with X-Claim-Request-Id", cost(deployment, place, headers=named))
    return found


def log_rows(deployment: Deployment) -> list[Row]:
    """An append of 100 lines to a log that has some, with its segment and without."""
    place = deployment.workplace()
    job_id = place.running()
    append = f"/api/jobs/{job_id}/logs"
    ok(place.agent.post(append, {"entries": LINES, "segment": 0}))
    found = []
    for how, more in (("with its segment", {"segment": 10}), ("without", {})):
        with counted() as tally:
            ok(place.agent.post(append, {"entries": LINES * 10, **more}))
        writes, reads = _writes(tally), len(tally.calls) - _writes(tally)
        found += [Row(what=f"log append of 100 lines {how}: writes", measured=writes, budget=1)]
        found += [Row(what=f"log append of 100 lines {how}: reads", measured=reads, budget=2)]
    return found


def calls_of_the_job(tally: Tally) -> int:
    """The calls of a whole job, less those by which it is told of."""
    return len(tally.calls) - sum(min(tally.names[name], count) for name, count in TELLING.items())


def _rows(what: str, tally: Tally, budgets: tuple[int, int, int] | tuple[None, ...] = (None,) * 3) -> list[Row]:
    measured = {
        "write units": tally.write_units,
        "read units": tally.read_units,
        "DynamoDB calls": calls_of_the_job(tally),
    }
    return [
        Row(what=what, measured=number, unit=unit, budget=budget)
        for (unit, number), budget in zip(measured.items(), budgets, strict=True)
    ]


def _writes(tally: Tally) -> int:
    return sum(count for name, count in tally.names.items() if not name.startswith(("Get", "Query", "BatchGet")))
