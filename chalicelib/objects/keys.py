"""The keys of objects, which are always made here and never taken from a caller."""

MAX_NAME = 128


def safe_name(file_name: str) -> str:
    """A file's name as the last part of a key: no folders, and only what needs no escaping."""
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in file_name)
    return kept.strip(".")[-MAX_NAME:] or "file"


def output_folder(job_id: str, attempt: int) -> str:
    """Where an attempt at a job puts its output; each has its own, so that a stale one cannot overwrite another's."""
    return f"{outputs_of(job_id)}{attempt}/"


def outputs_of(job_id: str) -> str:
    """What the keys of all of a job's outputs begin with."""
    return f"output/{job_id}/"
