"""The command `claimcheck-agent`."""

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from claimcheck_agent.client import Agent
from claimcheck_agent.display import DisplayHandler, choose_display
from claimcheck_agent.errors import AgentError, NotAuthorized
from claimcheck_agent.handlers import Handlers
from claimcheck_agent.secrecy import seal_process, take_secret
from claimcheck_agent.signals import stop_on_signals
from claimcheck_agent.worker import Options, Worker
from claimcheck_agent.workspace import prepare_parent

log = logging.getLogger("claimcheck_agent")

SECRET_VARIABLE = "CLAIMCHECK_AGENT_SECRET"  # noqa: S105  (the name of a variable)

RUN_HELP = """\
Claims jobs from a Claimcheck server and runs a command for each, in a fresh directory.

The command finds the job in job.json and in the environment: CLAIMCHECK_JOB_ID, _JOB_TYPE,
_PROJECT_ID, _ATTEMPT, _JOB_FILE, _WORKDIR, _ARTIFACTS_DIR, _RESULT_FILE, _SECRETS_DIR, and
CLAIMCHECK_PAYLOAD_<KEY> for each text, number or truth value of the payload; keys over 64 characters
and values over 8 KB are in job.json only. Of the agent's own environment it sees PATH, HOME, LANG and
what --pass-env names.

What it prints becomes the job's log; a line "::progress {...}" on its standard output becomes the
job's progress. Files in artifacts/ are uploaded; a JSON object in result.json is the result. Any
exit code but 0 fails the job.
"""

RUN_EXAMPLES = f"""\
examples:
  {SECRET_VARIABLE}=… claimcheck-agent run --url https://jobs.example.org --id builder-1 \\
      --on build='git clone "$CLAIMCHECK_PAYLOAD_REPO" src && make -C src dist DEST=../artifacts' \\
      --secrets build=github
  claimcheck-agent run --url … --id gpu-1 --secret-file agent.secret --queue gpu \\
      --on train=python:models:train

On SIGTERM or Ctrl-C the command is ended, the job is given back for another agent, and the exit code is 0.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit code: 0 done, 1 refused by the server, 2 wrong usage."""
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        secret = take_secret(SECRET_VARIABLE, args.secret_file)
        handlers = Handlers.parse(args.on, args.secrets)
        agent_url = _checked_url(args.url)
        prepare_parent(args.workdir)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if not secret:
        parser.error(f"the agent's secret is missing: set {SECRET_VARIABLE} or give --secret-file")
    if SECRET_VARIABLE in args.pass_env:
        parser.error("the agent's own secret is never passed to a command")
    seal_process()
    return _run(args, agent_url, secret, handlers)


def _run(args: argparse.Namespace, url: str, secret: str, handlers: Handlers) -> int:
    display = choose_display(plain=args.plain)
    _show_records(DisplayHandler(display))
    options = Options(
        workdir=args.workdir,
        keep_workdir=args.keep_workdir,
        time_limit=args.time_limit,
        grace=args.grace,
        passed=args.pass_env,
    )
    agent = Agent(url, args.id, secret, queues=args.queue or ["default"], echo=display.line)
    with display, agent, stop_on_signals(agent.stop):
        log.info("agent %s serves %s at %s", args.id, ", ".join(handlers.types()), url)
        try:
            Worker(agent, handlers, options, display).run(limit=1 if args.once else args.max_jobs, wait=not args.once)
        except NotAuthorized as error:
            log.error("the server does not accept this agent: %s", error)  # noqa: TRY400  (no trace for people)
            return 1
        except AgentError as error:
            log.error("%s", error)  # noqa: TRY400  (no trace for people)
            return 1
    return 0


def _show_records(handler: logging.Handler) -> None:
    log.handlers = [handler]
    log.propagate = False
    log.setLevel(logging.INFO)


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"--url must be an http or https URL, not {url!r}")
    if parts.scheme == "http" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}:
        print(  # noqa: T201  (before there is a display)
            f"claimcheck-agent: warning: {url} is not https; the agent's secret travels in the clear",
            file=sys.stderr,
        )
    return url


def _parser() -> argparse.ArgumentParser:
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
        "--queue", action="append", metavar="NAME", help="a queue to serve; repeatable (default: default)"
    )
    group.add_argument(
        "--on",
        action="append",
        required=True,
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


if __name__ == "__main__":
    sys.exit(main())
