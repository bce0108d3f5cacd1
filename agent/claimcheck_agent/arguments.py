"""The arguments of the command `claimcheck-agent`, and what its help says."""

import argparse
import os
import tempfile
from importlib.metadata import version
from pathlib import Path

from claimcheck_agent.analysis.handler import HOSTS_VARIABLE
from claimcheck_agent.analysis.handler import INSTALL as INSTALL_ANALYSIS
from claimcheck_agent.analysis.order import HOSTS
from claimcheck_agent.builds.handler import INSTALL as INSTALL_BUILDS
from claimcheck_agent.builds.handler import ROUNDS
from claimcheck_agent.contracts.handler import INSTALL as INSTALL_PIPELINES
from claimcheck_agent.contracts.tools import default_folder
from claimcheck_agent.file_jobs import INSTALL
from claimcheck_agent.machine import format_size, memory_bytes, parse_size, processors
from claimcheck_agent.own import MODEL_VARIABLE, URL_VARIABLE
from claimcheck_agent.semantic_jobs import INSTALL as INSTALL_SEMANTIC
from claimcheck_agent.semantic_jobs import MODEL_VARIABLE as SEMANTIC_MODEL_VARIABLE

SECRET_VARIABLE = "CLAIMCHECK_AGENT_SECRET"  # noqa: S105  (the name of a variable)

RUN_HELP = f"""\
Claims jobs from a Claimcheck server and runs a command for each, in a fresh directory.

The command finds the job in job.json and in the environment: CLAIMCHECK_JOB_ID, _JOB_TYPE,
_PROJECT_ID, _ATTEMPT, _JOB_FILE, _WORKDIR, _ARTIFACTS_DIR, _RESULT_FILE, _SECRETS_DIR, and
CLAIMCHECK_PAYLOAD_<KEY> for each text, number or truth value of the payload; keys over 64 characters
and values over 8 KB are in job.json only. Of the agent's own environment it sees PATH, HOME, LANG and
what --pass-env names.

What it prints becomes the job's log; a line "::progress {{...}}" on its standard output becomes the
job's progress, and "::stage NAME" is noted with the lines that follow. Files in artifacts/ are
uploaded; a JSON object in result.json is the result. Any exit code but 0 fails the job.

File jobs, those of the queues files-large and files, need no command: unless --on names one for the
type file (or *), the agent processes them itself with the engine that the server uses for smaller
files. That takes: {INSTALL}.

Nor do batches of evaluations that wait in the queue evaluations-semantic for semantic scores: unless
--on names a command for the type evaluation-batch (or *), the agent scores them with the
sentence-embedding model in the folder --semantic-model. That takes: {INSTALL_SEMANTIC}.

Nor do builds, which wait in the queue builds: unless --on names a command for the type code-build
(or *), the agent writes the projects itself, from templates or by the language model at --model-url.
That takes: {INSTALL_BUILDS}.

Nor do analyses of Python code that wait in the queue builds: unless --on names a command for the type
code-analysis (or *), the agent makes them itself. That takes: {INSTALL_ANALYSIS}.

Nor do smart contracts, which wait in the queue pipelines: unless --on names a command for the type
contract-pipeline (or *), the agent writes, tries, deploys and verifies them itself, and audits them.
That takes Node.js and: {INSTALL_PIPELINES}.
"""

RUN_EXAMPLES = f"""\
examples:
  {SECRET_VARIABLE}=… claimcheck-agent run --url https://jobs.example.org --id builder-1 \\
      --on build='git clone "$CLAIMCHECK_PAYLOAD_REPO" src && make -C src dist DEST=../artifacts' \\
      --secrets build=github
  claimcheck-agent run --url … --id gpu-1 --secret-file agent.secret --queue gpu \\
      --on train=python:models:train
  claimcheck-agent run --url … --id big-1 --secret-file agent.secret --queue files-large --memory 48G
  claimcheck-agent run --url … --id meaning-1 --secret-file agent.secret --queue evaluations-semantic \\
      --semantic-model ./all-MiniLM-L6-v2
  claimcheck-agent run --url … --id maker-1 --secret-file agent.secret --queue builds \\
      --model-url http://localhost:11434/v1 --model qwen3-coder

On SIGTERM or Ctrl-C the command is ended, the job is given back for another agent, and the exit code is 0.
"""

MEMORY_SHARE = 0.6  # Of the machine's; the rest is for the system's cache, and for what an estimate leaves out.
EXPANDED_LIMIT = 256 << 30  # Bytes.


def make_parser() -> argparse.ArgumentParser:
    """Make the parser."""
    parser = argparse.ArgumentParser(prog="claimcheck-agent", description="The remote agent of Claimcheck.")
    parser.add_argument("--version", action="version", version=version("claimcheck-agent"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run",
        help="claim jobs and run a command for each",
        description=RUN_HELP,
        epilog=RUN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_server(run.add_argument_group("the server"))
    _add_jobs(run.add_argument_group("the jobs"))
    _add_running(run.add_argument_group("how they are run"))
    _add_files(run.add_argument_group("file jobs"))
    _add_semantic(run.add_argument_group("semantic scores"))
    _add_builds(run.add_argument_group("builds"))
    _add_analysis(run.add_argument_group("analyses of code"))
    _add_contracts(run.add_argument_group("smart contracts"))
    return parser


def _add_server(group: argparse._ArgumentGroup) -> None:
    url, agent_id = os.environ.get("CLAIMCHECK_URL"), os.environ.get("CLAIMCHECK_AGENT_ID")
    group.add_argument("--url", default=url, required=not url, help="the server's base URL (or CLAIMCHECK_URL)")
    group.add_argument(
        "--id", default=agent_id, required=not agent_id, help="this agent's name (or CLAIMCHECK_AGENT_ID)"
    )
    group.add_argument(
        "--secret-file",
        type=Path,
        metavar="FILE",
        help=f"file with the agent's secret; without it the variable {SECRET_VARIABLE} is taken",
    )


def _add_jobs(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--queue",
        action="append",
        dest="queues",
        metavar="NAME",
        help="a queue to serve; repeatable (default: default)",
    )
    group.add_argument(
        "--on",
        action="append",
        default=[],
        metavar="TYPE=COMMAND",
        help="the shell command, or python:module:function, for a type of job (* for any other); repeatable",
    )
    group.add_argument(
        "--secrets",
        action="append",
        default=[],
        metavar="TYPE=NAME,…",
        help="the secrets that a type's command gets, as CLAIMCHECK_SECRET_<NAME> and as files; repeatable",
    )
    group.add_argument("--max-jobs", type=_positive_int, metavar="N", help="end after N jobs (default: serve for ever)")
    group.add_argument("--once", action="store_true", help="do one job if one is ready, then end")


def _add_running(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--workdir",
        type=Path,
        default=Path(tempfile.gettempdir()) / f"claimcheck-agent-{os.geteuid()}",
        metavar="DIR",
        help="where the jobs' directories are made (default: %(default)s)",
    )
    group.add_argument("--keep-workdir", action="store_true", help="leave the directories, less the secrets")
    group.add_argument(
        "--pass-env", action="append", default=[], metavar="NAME", help="a variable to pass on; repeatable"
    )
    group.add_argument("--time-limit", type=_positive_float, metavar="SECONDS", help="end a command that takes longer")
    group.add_argument(
        "--grace",
        type=_positive_float,
        default=10.0,
        metavar="SECONDS",
        help="between SIGTERM and SIGKILL (default: %(default)g)",
    )
    group.add_argument("--plain", action="store_true", help="plain lines, even at a terminal")


def _add_files(group: argparse._ArgumentGroup) -> None:
    memory = int(memory_bytes() * MEMORY_SHARE) >> 20 << 20
    group.add_argument(
        "--memory",
        type=parse_size,
        default=memory,
        metavar="SIZE",
        help=f"memory for processing a file, such as 16G (default: 60%% of what there is, here {format_size(memory)})",
    )
    group.add_argument(
        "--threads",
        type=_positive_int,
        default=processors(),
        metavar="N",
        help="threads for processing a file or scoring texts (default: as many as processors, here %(default)s)",
    )
    group.add_argument(
        "--expanded-limit",
        type=parse_size,
        default=EXPANDED_LIMIT,
        metavar="SIZE",
        help=f"the largest size of a file once it is decompressed (default: {format_size(EXPANDED_LIMIT)})",
    )


def _add_semantic(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--semantic-model",
        type=Path,
        default=os.environ.get(SEMANTIC_MODEL_VARIABLE) or None,
        metavar="FOLDER",
        help="folder with model.onnx, or onnx/model.onnx, and tokenizer.json, as sentence-transformers and optimum "
        f"write them (or {SEMANTIC_MODEL_VARIABLE})",
    )


def _add_builds(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--model-url",
        default=os.environ.get(URL_VARIABLE) or None,
        metavar="URL",
        help="base URL of an OpenAI-compatible endpoint, such as http://localhost:11434/v1, whose model writes the "
        f"projects; its key, if it wants one, is the secret llm (or {URL_VARIABLE}; default: templates write them)",
    )
    group.add_argument(
        "--model",
        default=os.environ.get(MODEL_VARIABLE) or None,
        metavar="NAME",
        help=f"the model that is asked there (or {MODEL_VARIABLE})",
    )
    group.add_argument(
        "--model-rounds",
        type=_positive_int,
        default=ROUNDS,
        metavar="N",
        help="how often the model may try to make all its tests pass (default: %(default)s)",
    )


def _add_analysis(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--repository-host",
        action="append",
        dest="repository_hosts",
        metavar="HOST",
        help="a host, or HOST:PORT, that repositories are fetched from; repeatable "
        f"(default: {HOSTS_VARIABLE}, with commas between, or {', '.join(HOSTS)})",
    )


def _add_contracts(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--tools-dir",
        type=Path,
        default=default_folder(),
        metavar="DIR",
        help="where the tools for contracts are installed when they are first needed (default: %(default)s)",
    )


def _positive_int(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def _positive_float(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise ValueError
    return value
