"""The command `claimcheck-agent`."""

import argparse
import logging
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from claimcheck_agent.analysis.handler import add_analysis_handler, default_hosts
from claimcheck_agent.arguments import SECRET_VARIABLE, make_parser
from claimcheck_agent.builds.handler import BuildHandler, add_build_handler
from claimcheck_agent.client import Agent
from claimcheck_agent.contracts.handler import add_pipeline_handlers
from claimcheck_agent.display import DisplayHandler, choose_display
from claimcheck_agent.errors import AgentError, NotAuthorized
from claimcheck_agent.file_jobs import FileHandler, add_file_handler
from claimcheck_agent.handlers import Handlers
from claimcheck_agent.secrecy import seal_process, take_secret
from claimcheck_agent.semantic_jobs import add_semantic_handler
from claimcheck_agent.signals import stop_on_signals
from claimcheck_agent.worker import Options, Worker
from claimcheck_agent.workspace import prepare_parent

log = logging.getLogger("claimcheck_agent")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit code: 0 done, 1 refused by the server, 2 wrong usage."""
    parser = make_parser()
    args = parser.parse_args(argv)
    try:
        secret = take_secret(SECRET_VARIABLE, args.secret_file)
        handlers = _handlers(args)
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
    agent = Agent(url, args.id, secret, queues=args.queues or ["default"], echo=display.line)
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


def _handlers(args: argparse.Namespace) -> Handlers:
    """Give what the command line asks for, with our own handlers for the jobs of the queues that are served.

    Raises:
        ValueError: with a message for the person at the command line.
    """
    handlers = Handlers.parse(args.on, args.secrets)
    own = FileHandler.within(memory=args.memory, threads=args.threads, expanded=args.expanded_limit)
    handlers = add_file_handler(handlers, args.queues or [], own)
    handlers = add_semantic_handler(
        handlers, args.queues or [], args.semantic_model, threads=args.threads, passed=args.pass_env
    )
    builds = BuildHandler.using(args.model_url, args.model, rounds=args.model_rounds)
    handlers = add_build_handler(handlers, args.queues or [], builds)
    handlers = add_analysis_handler(handlers, args.queues or [], args.repository_hosts or default_hosts())
    handlers = add_pipeline_handlers(handlers, args.queues or [], args.tools_dir, args.model_url, args.model)
    if not handlers.types():
        raise ValueError("--on is required, unless a queue is served whose jobs the agent does itself")
    return handlers


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


if __name__ == "__main__":
    sys.exit(main())
