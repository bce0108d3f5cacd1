"""``python -m local.contract``: whether the API's document is valid, kept, and borne out by its samples.

``--write`` writes the document and the schema of JobMessages under ``docs`` anew, before all is checked.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import environment

DOCS = Path(__file__).resolve().parent.parent / "docs"
DOCUMENT = DOCS / "openapi.json"
MESSAGE_SCHEMA = DOCS / "job-message.schema.json"
SAMPLES = DOCS / "samples"
REDOCLY = "@redocly/cli@2.77.0"
NPX_SECONDS = 180

MESSAGE = "JobMessage"
SCHEMAS = {
    "agents-claim-response": "AgentsClaimView",
    "agents-job-create-request": "AgentsJobCreate",
    "agents-job-response": "AgentsJobView",
    "builds-login-request": "Credentials",
    "builds-login-response": "Token",
    "error-response-invalid-request": "EvaluationsErrorView",
    "error-response-rate-limited": "EvaluationsErrorView",
    "files-job-create-request": "FilesJobCreate",
    "files-job-response": "FilesJobView",
    "job-create-request-large-payload": "EvaluationsJobCreate",
    "job-create-request-normal": "EvaluationsJobCreate",
    "job-message-completed-large-payload": MESSAGE,
    "job-message-created": MESSAGE,
    "job-message-failed": MESSAGE,
    "job-message-progress": MESSAGE,
    "job-response": "EvaluationsEvaluationView",
    "webhook-create-request": "WebhooksWebhookCreate",
    "webhook-response": "WebhooksNewWebhookView",
}
"""What each sample is a sample of: a schema of the document, or the one of messages."""

Json = dict[str, Any]


def generated() -> dict[Path, str]:
    """The files under ``docs`` that are made from the code, as they ought to be."""
    from chalicelib.surfaces.openapi.document import document  # noqa: PLC0415  the settings have to be there
    from chalicelib.surfaces.openapi.messages import job_message_schema  # noqa: PLC0415  as above

    return {DOCUMENT: _text(document()), MESSAGE_SCHEMA: _text(job_message_schema())}


def drift() -> Iterator[str]:
    """Files that are not what the code makes."""
    for path, text in generated().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield f"{path.name} is not what the code makes: write it anew by `make contract WRITE=1`"


def validity() -> Iterator[str]:
    """What OpenAPI 3.1 and JSON Schema do not allow."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415  not needed to serve
    from openapi_spec_validator import OpenAPIV31SpecValidator  # noqa: PLC0415  as above

    for error in OpenAPIV31SpecValidator(_read(DOCUMENT)).iter_errors():
        yield f"{DOCUMENT.name}: {error.json_path}: {error.message}"
    for error in Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(_read(MESSAGE_SCHEMA)):
        yield f"{MESSAGE_SCHEMA.name}: {error.json_path}: {error.message}"


def samples() -> Iterator[str]:
    """Samples that their schemas refuse, that are missing, or that nobody knows."""
    there = {path.stem for path in SAMPLES.glob("*.json")}
    yield from (f"samples/{name}.json is missing" for name in sorted(SCHEMAS.keys() - there))
    yield from (f"samples/{name}.json: of which schema is it?" for name in sorted(there - SCHEMAS.keys()))
    for name in sorted(there & SCHEMAS.keys()):
        yield from (f"samples/{name}.json: {problem}" for problem in refusals(SCHEMAS[name], _sample(name)))


def examples() -> Iterator[str]:
    """Examples in the document that their own schemas refuse."""
    for name, schema in _read(DOCUMENT)["components"]["schemas"].items():
        for number, example in enumerate(schema.get("examples", ())):
            yield from (f"{name}, example {number}: {problem}" for problem in refusals(name, example))


def refusals(name: str, value: object) -> Iterator[str]:
    """Why a schema refuses a value."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415  not needed to serve

    schema = {"$ref": f"#/components/schemas/{name}", "components": _read(DOCUMENT)["components"]}
    if name == MESSAGE:
        schema = _read(MESSAGE_SCHEMA)
    for error in Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).iter_errors(value):
        yield f"{error.json_path}: {error.message}"


def redocly() -> Iterator[str]:
    """What Redocly's linter finds, warnings too."""
    lint = (_npx(), "--yes", REDOCLY, "lint", DOCUMENT, "--config", DOCS / "redocly.yaml", "--format", "json")
    try:
        answer = subprocess.run(lint, capture_output=True, text=True, timeout=NPX_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        message = f"it did not end within {NPX_SECONDS} s"
        raise LeftOut(message) from error
    try:
        found = json.loads(answer.stdout[answer.stdout.index("{") :])["problems"]
    except (ValueError, KeyError) as error:
        message = f"it could not be run: {(answer.stderr or answer.stdout).strip()[-300:]}"
        raise LeftOut(message) from error
    for problem in found:
        yield f"{problem['ruleId']}: {problem['message']} ({problem['location'][0].get('pointer', '')})"


class LeftOut(Exception):
    """A check that this machine cannot make."""


CHECKS: dict[str, Callable[[], Iterator[str]]] = {
    "the files are what the code makes": drift,
    "the document and the schema are valid": validity,
    "the samples fit their schemas": samples,
    "the examples fit their schemas": examples,
    "Redocly's linter finds nothing": redocly,
}


def main(arguments: list[str]) -> int:
    """Check all, and say so; gives the exit code."""
    environment.set_keys()
    environment.set_credentials()
    if "--write" in arguments:
        for path, text in generated().items():
            path.write_text(text, encoding="utf-8")
    return max([_told(name, check) for name, check in CHECKS.items()])


def _told(name: str, check: Callable[[], Iterator[str]]) -> int:
    try:
        problems = list(check())
    except LeftOut as reason:
        print(f"LEFT OUT  {name}: {reason}")
        return 0
    print(f"{'FAILED' if problems else 'ok':<9} {name}")
    for problem in problems:
        print(f"          {problem}")
    return int(bool(problems))


def _npx() -> str:
    found = shutil.which("npx")
    if found is None:
        message = "it needs Node.js"
        raise LeftOut(message)
    return found


def _sample(name: str) -> object:
    return _read(SAMPLES / f"{name}.json")


def _read(path: Path) -> Any:  # noqa: ANN401  JSON
    return json.loads(path.read_text(encoding="utf-8"))


def _text(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
