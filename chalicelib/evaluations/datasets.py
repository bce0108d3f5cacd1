"""Data sets: a user uploads them under a name, and names them when submitting an evaluation."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from chalicelib.accounts.sessions import Identity
from chalicelib.engines.evaluation.errors import DataSetError
from chalicelib.engines.evaluation.rows import check_columns
from chalicelib.errors import InvalidRequest, TooLarge, UploadIncomplete
from chalicelib.jobs import lifecycle
from chalicelib.jobs.model import Input
from chalicelib.objects import contents, keys, presign
from chalicelib.objects.presign import Request
from chalicelib.settings import settings

PEEK_BYTES = 64 * 1024
_TABLES = (".csv", ".tsv", ".txt")
_DELIMITERS = (",", ";", "\t", "|")


def upload_request(user: Identity, file_name: str, size: int | None) -> tuple[str, Request]:
    """The key of a user's data set of that name, and a request that uploads it.

    Raises:
        TooLarge: it is larger than the settings allow.
    """
    most = settings().evaluation_max_bytes
    if size is not None and size > most:
        raise TooLarge(f"size_bytes: a data set may be at most {most} bytes", field="size_bytes")
    key = keys.data_set(user.user_id, file_name)
    return key, presign.put_any(key)


def find(user: Identity, source: str | None, blob_ref: str | None) -> Input:
    """The data set that a submission names, as it is now; a later upload under its name is not what was submitted.

    Args:
        user: whose data sets are looked at.
        source: an object key that ``upload_request`` answered, or the name that it was given.
        blob_ref: the URL of such an object, or of the output of one of the user's jobs.

    Raises:
        InvalidRequest: naming the field; there is no such data set, or it is empty or too large.
    """
    if blob_ref is not None:
        field, key = "data_source_blob_ref", _in_bucket(blob_ref)
        known = key is not None and _may_read(user, key)
    else:
        field, key = "data_source", keys.uploaded(user.user_id, str(source))
        known = True
    if key is None or not known:
        raise InvalidRequest(_unknown(field), field=f"configuration.{field}")
    return _look(key, field)


def columns_of(data: Input) -> list[str] | None:
    """The columns of a CSV file, where its first line leaves no doubt; None where only reading the file tells."""
    if not data.key.lower().endswith(_TABLES):
        return None
    beginning, more, _ = contents.read(data.key, first=PEEK_BYTES).partition(b"\n")
    if not more:
        return None
    try:
        header = beginning.decode("utf-8-sig").rstrip("\r")
    except UnicodeDecodeError:
        return None
    delimiters = [one for one in _DELIMITERS if one in header]
    if len(delimiters) != 1 or '"' in header or header.startswith(("{", "[")):
        return None
    return header.split(delimiters[0])


def check(columns: Sequence[str], configuration: Mapping[str, Any]) -> None:
    """Refuse a data set with these columns, if none of its rows could be scored as an evaluation is configured.

    Raises:
        DataSetError: saying what is missing, and which columns there are.
    """
    template = configuration.get("prompt_template")
    selected = bool(configuration["agent_configuration"].get("selected_agent_id"))
    try:
        check_columns(columns, template, answers_given=selected)
    except DataSetError:
        if selected or not settings().evaluation_default_agent:
            raise
        check_columns(columns, template, answers_given=True)


def _in_bucket(url: str) -> str | None:
    """The key that a URL of an object of ours names; nothing is ever fetched from another place."""
    bucket = settings().bucket
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    path = unquote(parts.path.removeprefix("/"))
    if parts.scheme == "s3":
        return path if parts.netloc == bucket else None
    if (parts.hostname or "").startswith(f"{bucket.lower()}."):
        return path
    return path.removeprefix(f"{bucket}/") if path.startswith(f"{bucket}/") else None


def _may_read(user: Identity, key: str) -> bool:
    if key.startswith(keys.data_sets_of(user.user_id)):
        return True
    job_id = keys.job_of_output(key)
    job = lifecycle.find(job_id) if job_id else None
    return job is not None and job.owner == user.user_id


def _look(key: str, field: str) -> Input:
    place = f"configuration.{field}"
    try:
        stored = presign.look(key)
    except UploadIncomplete as error:
        raise InvalidRequest(_unknown(field), field=place) from error
    most = settings().evaluation_max_bytes
    if not 0 < stored.size <= most:
        what = "is empty" if not stored.size else f"has {stored.size} bytes, and may have at most {most}"
        raise InvalidRequest(f"{place}: the data set {what}", field=place)
    return Input(key=key, size=stored.size, etag=stored.etag)


def _unknown(field: str) -> str:
    return (
        f"configuration.{field}: you have no data set there; upload it first, to the URL that POST /api/uploads "
        "answers, and name its file or its object_key"
    )
