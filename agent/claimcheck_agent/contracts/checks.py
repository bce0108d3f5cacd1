"""Looks at a contract as a job's command: `python -m claimcheck_agent.contracts.checks KIND TOOLS [URL]`.

KIND is `verify`, `audit` or `compliance`; TOOLS the folder that tools are installed in; URL the endpoint where models
are asked, of which the order names one. It finds `job.json` and the file `input` in its directory, and leaves
`result.json`. What it prints is the job's log.
"""

import json
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from claimcheck_agent.builds.model import Model
from claimcheck_agent.contracts.audit import Subject, audit
from claimcheck_agent.contracts.chain import Chain, ChainFailed
from claimcheck_agent.contracts.check_jobs import SECRETS
from claimcheck_agent.contracts.compiler import NotCompiled
from claimcheck_agent.contracts.compliance import check
from claimcheck_agent.contracts.recompile import BadInput
from claimcheck_agent.contracts.rpc import Node, Refused, Unreachable
from claimcheck_agent.contracts.slither import Slither
from claimcheck_agent.contracts.tools import Toolchain, ToolFailed
from claimcheck_agent.contracts.verify import Claim, verify
from claimcheck_agent.inputs import INPUT
from claimcheck_agent.machine import be_the_first_to_go
from claimcheck_agent.orders import BadOrder
from claimcheck_agent.secrecy import seal_process, take_job_secrets
from claimcheck_agent.task import Task, say

CALLED = {"verify": "verified", "audit": "audited", "compliance": "checked"}


def main(kind: str, tools: str, url: str | None = None) -> int:
    """Look at the contract; gives the exit code."""
    be_the_first_to_go()
    seal_process()
    # Nothing that is run from here on is to find them.
    keys = take_job_secrets(*SECRETS[kind])
    task = Task.from_environment()
    try:
        result = _Look(task, Path(tools), url, keys).run(kind)
    except NotCompiled as error:
        result = {"error": f"The sources cannot be compiled: {error}"}
    except (BadInput, BadOrder, ChainFailed) as error:
        result = {"error": str(error)}
    except (Refused, ToolFailed, Unreachable) as error:
        result = {"error": f"The contract could not be {CALLED[kind]}: {error}"}
    except Exception as error:  # noqa: BLE001  (the trace is for the log, the person gets a sentence)
        traceback.print_exc()
        why = f"because of an internal error ({type(error).__name__})"
        result = {"error": f"The contract could not be {CALLED[kind]} {why}."}
    task.keep_result(result)
    return 1 if "error" in result else 0


class _Look:
    """One look at a contract."""

    def __init__(self, task: Task, folder: Path, url: str | None, keys: Mapping[str, str | None]) -> None:
        self._task = task
        self._folder = folder
        self._url = url
        self._keys = keys
        self._kind = ""

    def run(self, kind: str) -> dict[str, Any]:
        self._kind = kind
        self._step(10, "Reading the order")
        payload, given = _mapping(self._task.payload), _read_input()
        tools = Toolchain.installed(self._folder, say)
        if kind == "verify":
            return self._verify(payload, given, tools)
        subject = Subject.of({**given, "contract": payload.get("contract")})
        if kind == "compliance":
            return check(subject, tools, _mapping(payload.get("policy") or {}), self._step)
        return audit(subject, tools, Slither.installed(self._folder, say), self._reviewer(payload), self._step)

    def _verify(self, payload: Mapping[str, Any], given: Mapping[str, Any], tools: Toolchain) -> dict[str, Any]:
        claim = Claim.parse(payload, given)
        self._step(20, "Asking the chain")
        with Node(claim.network.rpc_url) as node:
            Chain(node, claim.network.chain_id).check()
            self._step(30, "Compiling and comparing")
            return verify(claim, tools, node.ask, key=self._keys["explorer"], say=say).as_json()

    def _reviewer(self, payload: Mapping[str, Any]) -> Model | None:
        """Give the model that reviews: the one that the order names, if this agent knows where models are asked."""
        name = payload.get("model")
        if not name or not isinstance(name, str):
            return None
        if self._url is None:
            say(f"this agent has no endpoint for models: {name} is not asked")
            return None
        return Model(url=self._url, name=name, key=self._keys["llm"])

    def _step(self, percent: int, step: str) -> None:
        say(step)
        self._task.progress(percent=percent, stage=self._kind, step=step)


def _read_input() -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(Path(INPUT).read_bytes()))
    except (ValueError, RecursionError) as error:
        raise BadInput("The job's input is no JSON object.") from error


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadInput("The order, its policy and its input must be JSON objects.")
    return value


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
