"""The document as one HTML page without any outside host: text first, its little script only searches and unfolds."""

import base64
import hashlib
import json
import re
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from .document import document
from .schemas import REFERENCE
from .vocabulary import Json

_HERE = Path(__file__).parent
_BACKTICKS = re.compile("`([^`]+)`")
_ITEMS = re.compile("((?:<li>.*?</li>)+)")
_LIMITS = {
    "minimum": "≥",
    "maximum": "≤",
    "minLength": "length ≥",
    "maxLength": "length ≤",
    "minItems": "items ≥",
    "maxItems": "items ≤",
    "pattern": "pattern",
    "default": "default",
}


@cache
def page() -> str:
    """The whole page."""
    whole = document()
    info = whole["info"]
    sections = "".join(_section(tag, whole) for tag in whole["tags"])
    entries = "".join(f'<li><a href="#{_anchor(tag["name"])}">{escape(tag["name"])}</a></li>' for tag in whole["tags"])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}: the API</title><style>{_asset('page.css')}</style></head><body>"
        f"<header><h1>{escape(info['title'])} {escape(info['version'])}</h1>{_paragraphs(info['description'])}"
        '<p><a href="openapi.json">This as an OpenAPI document</a></p>'
        '<form role="search" hidden><label for="search">Search operations, schemas and errors</label>'
        '<input id="search" type="search" autocomplete="off"> <output id="found" for="search"></output></form></header>'
        f'<nav aria-label="Contracts"><ul>{entries}<li><a href="#authentication">Authentication</a></li>'
        '<li><a href="#schemas">Schemas</a></li>'
        '<li><a href="#errors">Errors</a></li></ul></nav>'
        f"<main>{sections}{_authentication(whole)}{_schemas(whole)}{_errors(whole)}</main>"
        f"<script>{_asset('page.js')}</script></body></html>\n"
    )


@cache
def policy() -> str:
    """The page's Content-Security-Policy: its own style and script, known by their digests, and nothing else."""
    style, script = (_digest(_asset(name)) for name in ("page.css", "page.js"))
    return (
        f"default-src 'none'; style-src '{style}'; script-src '{script}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _asset(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _section(tag: Json, whole: Json) -> str:
    operations = "".join(
        _operation(path, method, told, whole)
        for path, methods in whole["paths"].items()
        for method, told in methods.items()
        if tag["name"] in told["tags"]
    )
    name = escape(tag["name"])
    return f'<h2 id="{_anchor(tag["name"])}">{name}</h2><p>{escape(tag["description"])}</p>{operations}'


def _operation(path: str, method: str, told: Json, whole: Json) -> str:
    searched = f"{method} {path} {told['operationId']} {told['description']}"
    parameters = [_resolved(parameter, whole) for parameter in told["parameters"]]
    rows = [
        (_code(each["name"]), each["in"], _type(each["schema"]), _needed(each["required"]), _said(each, each["schema"]))
        for each in parameters
    ]
    body = "".join(
        f"<h4>Body</h4><p>{_code(kind)} {_type(content['schema'])}</p>"
        for kind, content in told.get("requestBody", {}).get("content", {}).items()
    )
    answers = "".join(_answer(status, answer) for status, answer in told["responses"].items())
    keys = " or ".join(" and ".join(_code(name) for name in together) for together in told["security"]) or "none"
    return (
        _folded(told["operationId"], searched) + f'<summary><span class="method">{method.upper()}</span> {_code(path)} '
        f'<span class="about">{escape(told["summary"])}</span></summary>'
        f"{_paragraphs(told['description'])}<p>Credentials: {keys}</p>"
        + _table("Parameters", ("Name", "In", "Type", "Required", "Description"), rows)
        + f"{body}<h4>Answers</h4>{answers}</details>"
    )


def _answer(status: str, answer: Json) -> str:
    contents = "".join(_content(kind, content) for kind, content in answer.get("content", {}).items())
    headers = ", ".join(_code(name) for name in answer.get("headers", {}))
    return (
        f"<details><summary><strong>{status}</strong> {escape(answer['description'].split(chr(10))[0])}</summary>"
        f"{_paragraphs(answer['description'].partition(chr(10))[2])}<p>Headers: {headers}</p>{contents}</details>"
    )


def _content(kind: str, content: Json) -> str:
    examples = ", ".join(f'<a href="#error-{escape(name)}">{escape(name)}</a>' for name in content.get("examples", ()))
    shown = f"<p>Examples: {examples}</p>" if examples else ""
    return f"<p>{_code(kind)} {_type(content['schema'])}</p>{shown}"


def _authentication(whole: Json) -> str:
    rows = [
        (_code(name), _code(told.get("name", "Authorization: Bearer")), escape(told["description"]))
        for name, told in whole["components"]["securitySchemes"].items()
    ]
    return '<h2 id="authentication">Authentication</h2>' + _table("", ("Name", "Header", "Description"), rows)


def _schemas(whole: Json) -> str:
    shown = "".join(_schema(name, told) for name, told in whole["components"]["schemas"].items())
    return f'<h2 id="schemas">Schemas</h2>{shown}'


def _errors(whole: Json) -> str:
    shown = "".join(
        _folded(f"error-{name}", f"{name} {told['summary']}")
        + f'<summary>{_code(name)} <span class="about">{escape(told["summary"])}</span></summary>'
        + f"{_json(told['value'])}</details>"
        for name, told in whole["components"]["examples"].items()
    )
    return f'<h2 id="errors">Errors</h2>{shown}'


def _schema(name: str, told: Json) -> str:
    required = told.get("required", ())
    rows = [
        (_code(field), _type(inner), _needed(field in required), _said(inner, inner))
        for field, inner in told.get("properties", {}).items()
    ]
    table = _table("", ("Field", "Type", "Required", "Description"), rows) if rows else f"<p>{_type(told)}</p>"
    examples = "".join(_json(example) for example in told.get("examples", ()))
    about = told.get("description", "")
    return (
        _folded(f"schema-{name}", f"{name} {about}") + f"<summary>{_code(name)}</summary>"
        f"{_paragraphs(about)}{table}{examples}</details>"
    )


def _type(schema: Json) -> str:
    """A schema in a line of HTML."""
    if "$ref" in schema:
        name = escape(schema["$ref"].removeprefix(REFERENCE))
        return f'<a href="#schema-{name}">{name}</a>'
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(_type(choice) for choice in schema[several])
    if "enum" in schema or "const" in schema:
        return " or ".join(_code(json.dumps(value)) for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"array of {_type(schema.get('items', {}))}"
    named = schema.get("type", "anything")
    return escape(" ".join(filter(None, (str(named), schema.get("format", "")))))


def _said(told: Json, schema: Json) -> str:
    limits = [f"{word} {_code(_plain(schema[name]))}" for name, word in _LIMITS.items() if name in schema]
    return "<br>".join(filter(None, (escape(told.get("description", "")), ", ".join(limits))))


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _table(title: str, heads: tuple[str, ...], rows: list[Any]) -> str:
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f"<h4>{title}</h4>" if title else ""
    ) + f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _resolved(told: Json, whole: Json) -> Json:
    if "$ref" not in told:
        return told
    _, _, kind, name = told["$ref"].split("/")
    found: Json = whole["components"][kind][name]
    return found


def _folded(anchor: str, searched: str) -> str:
    return f'<details id="{escape(anchor)}" data-text="{escape(searched.lower())}">'


def _needed(required: bool) -> str:  # noqa: FBT001  a flag of the document
    return "yes" if required else '<span class="dim">no</span>'


def _paragraphs(text: str) -> str:
    """Markdown, as far as the document's own descriptions use it: lists, and code in backticks."""
    parts = [_BACKTICKS.sub(r"<code>\1</code>", escape(part)) for part in text.split("\n") if part.strip()]
    html = "".join(f"<li>{part[2:]}</li>" if part.startswith("- ") else f"<p>{part}</p>" for part in parts)
    return _ITEMS.sub(r"<ul>\1</ul>", html)


def _anchor(title: str) -> str:
    return escape("tag-" + title.lower().replace(" ", "-"))


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _json(value: object) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"
