"""The remote agent of Claimcheck: a client for notebooks and a command for machines.

In a notebook::

    from claimcheck_agent import Agent
    for job in Agent("https://jobs.example.org", "colab-1", secret).jobs():
        with job:
            job.log("Hello from the notebook")
            job.complete({"answer": 42})

On a build machine: ``claimcheck-agent run --help``.
"""

from claimcheck_agent.client import Agent
from claimcheck_agent.errors import (
    AgentError,
    ApiError,
    ClaimLost,
    DownloadFailed,
    InvalidTransition,
    JobCancelled,
    JobStopped,
    NotAuthorized,
    SecretNotFound,
    Unavailable,
    UploadFailed,
)
from claimcheck_agent.job import Job
from claimcheck_agent.task import Task

__all__ = [
    "Agent",
    "AgentError",
    "ApiError",
    "ClaimLost",
    "DownloadFailed",
    "InvalidTransition",
    "Job",
    "JobCancelled",
    "JobStopped",
    "NotAuthorized",
    "SecretNotFound",
    "Task",
    "Unavailable",
    "UploadFailed",
]
