"""The keys of objects, which are always made here and never taken from a caller."""

import hashlib
import re

MAX_NAME = 128
OUTPUTS = "output/"
_OUTPUT = re.compile(rf"{OUTPUTS}([a-z_]{{1,32}}_[0-9a-z]{{26}})/.")


def safe_name(file_name: str) -> str:
    """A file's name as the last part of a key: no folders, and only what needs no escaping."""
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in file_name)
    return kept.strip(".")[-MAX_NAME:] or "file"


def data_set(user_id: str, file_name: str) -> str:
    """Where a user's data set of that name lies; one uploaded under the same name takes its place."""
    # Names that look alike in a key are told apart by their digest.
    digest = hashlib.sha256(file_name.encode()).hexdigest()[:16]
    return f"{data_sets_of(user_id)}{digest}/{safe_name(file_name)}"


def data_sets_of(user_id: str) -> str:
    """What the keys of all of a user's data sets begin with."""
    return f"datasets/{user_id}/"


def uploaded(user_id: str, source: str) -> str:
    """The key of what a user has uploaded, by that key itself or by the name that it was given."""
    return source if source.startswith(data_sets_of(user_id)) else data_set(user_id, source)


def contract_input(job_id: str) -> str:
    """What an agent is to look at of a contract."""
    return f"documents/{job_id}/contract.json"


def bundle(job_id: str) -> str:
    """The last bundle that was made of a job, where it is too large for an answer."""
    return f"{outputs_of(job_id)}0/bundle.json"


def batch_input(job_id: str, number: int) -> str:
    """The rows of one batch of an evaluation."""
    return f"evaluations/{job_id}/{number}/rows.jsonl"


def batch_segment(job_id: str, number: int, attempt: int, first: int) -> str:
    """What an attempt at a batch has made of the rows from ``first`` on; no two attempts write to one key."""
    return f"evaluations/{job_id}/{number}/{attempt}-{first}.jsonl"


def batch_scored(job_id: str, number: int, attempt: int) -> str:
    """The rows of a batch as they are handed to those who score them further."""
    return f"evaluations/{job_id}/{number}/{attempt}-scored.jsonl"


def output_folder(job_id: str, attempt: int) -> str:
    """Where an attempt at a job puts its output; each has its own, so that a stale one cannot overwrite another's."""
    return f"{outputs_of(job_id)}{attempt}/"


def job_of_output(key: str) -> str | None:
    """The id of the job whose output lies under a key; None where it is no output."""
    found = _OUTPUT.match(key)
    return found[1] if found else None


def outputs_of(job_id: str) -> str:
    """What the keys of all of a job's outputs begin with."""
    return f"{OUTPUTS}{job_id}/"
