"""Runs a Python callable as a job's command: `python -m claimcheck_agent.call PATH MODULE FUNCTION`.

It runs in a process of its own for the reasons that a command does: it can be killed, sees nothing of the
agent, and what it prints becomes the log.
"""

import importlib
import io
import sys

from claimcheck_agent.task import Task


def main(path: str, module: str, function: str) -> None:
    """Call the function with the task and keep what it returns as the result."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, encoding="utf-8", errors="backslashreplace")
    sys.path.insert(0, path)
    task = Task.from_environment()
    result = getattr(importlib.import_module(module), function)(task)
    if result is not None:
        task.keep_result(result)


if __name__ == "__main__":
    main(*sys.argv[1:])
