"""The page about the API: it stands alone, its policy allows its own parts only, and it shows all there is."""

import base64
import hashlib
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.support.api import Api

VOID = {"meta", "input", "br"}


class Page(HTMLParser):
    """The page's parts; a tag that is not closed, or closed where another is open, is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.labels: list[str] = []
        self.outside: list[str] = []
        self.inline: dict[str, str] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        told = dict(attrs)
        self.ids += [told["id"]] if "id" in told else []
        self.links += [told["href"]] if "href" in told else []
        self.labels += [told["for"]] if tag == "label" else []
        self.outside += [
            value for name, value in attrs if name in {"src", "srcset", "action", "style"} or name[:2] == "on"
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in {"style", "script"}:
            self.inline[self.open[-1]] = self.inline.get(self.open[-1], "") + data


@pytest.fixture
def answer(api: Api) -> Any:
    return api.anyone().get("/docs")


def test_page_needs_no_outside_host(answer: Any) -> None:
    page = Page(answer.text)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.outside == []
    assert {link for link in page.links if not link.startswith("#")} == {"openapi.json"}
    assert "@import" not in page.inline["style"]
    assert "url(" not in page.inline["style"]


def test_policy_allows_the_pages_own_parts_and_nothing_else(answer: Any) -> None:
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    inline = Page(answer.text).inline
    for kind in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(inline[kind].encode()).digest()).decode()
        assert policy.pop(f"{kind}-src") == f"'sha256-{digest}'"
    assert set(policy) == {"default-src", "base-uri", "form-action", "frame-ancestors"}
    assert set(policy.values()) == {"'none'"}


def test_page_shows_every_operation_and_schema_and_its_links_lead_somewhere(answer: Any, api: Api) -> None:
    document = api.anyone().get("/openapi.json").json()
    page = Page(answer.text)
    operations = {told["operationId"] for methods in document["paths"].values() for told in methods.values()}
    assert operations | {f"schema-{name}" for name in document["components"]["schemas"]} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert page.labels == ["search"]
    assert "prefers-color-scheme: dark" in page.inline["style"]
