"""How far a job is, as its agent has last told: an agent's words, taken only in the form that they should have."""

import json
from typing import Any

from chalicelib import forms

from .model import Job, State


def told(job: Job) -> dict[str, Any]:
    """What a job's agent has last told of how far it is."""
    found = json.loads(job.progress) if job.progress else None
    return found if isinstance(found, dict) else {}


def percent(job: Job) -> int:
    """How far a job is, from 0 to 100; 100 is for what has completed."""
    if job.state is State.COMPLETED:
        return 100
    return int(forms.number(told(job).get("percent"), 0, 99, clamped=True) or 0)
