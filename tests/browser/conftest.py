"""What only a real browser shows; run by itself with ``CLAIMCHECK_TEST_BROWSER=<path of Chromium>``."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from local.cloud import LocalCloud
from tests.conftest import SETTINGS

HERE = Path(__file__).parent
BROWSER = os.environ.get("CLAIMCHECK_TEST_BROWSER")
WHY = "run tests/browser by itself, with CLAIMCHECK_TEST_BROWSER=<path of Chromium>"
PATIENCE_MS = 10_000
# It must say nothing to anybody but the pages' own servers; and in a container, root has no sandbox.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not BROWSER:
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=WHY))


class Site:
    """A front end: pages at an origin of their own, which the API is told to allow."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.pages: dict[str, str] = {}

    def page(self, script: str) -> str:
        """The URL of a page with a script."""
        path = f"/{len(self.pages)}"
        head = "<!doctype html><meta charset=utf-8><title>A page</title><link rel=icon href='data:,'>"
        self.pages[path] = f"{head}<script>{script}</script>"
        return self.origin + path


class Visit:
    """A page in the browser: what it printed, what it complained of, and whom it asked for something."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.printed: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("websocket", lambda opened: self.asked.append(opened.url))

    def _hear(self, told: ConsoleMessage) -> None:
        (self.complaints if told.type in {"error", "warning"} else self.printed).append(told.text)


@contextmanager
def serving_site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = serving.pages.get(self.path, "").encode()
            self.send_response(200 if content else 404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = Site(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield serving
        server.shutdown()


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    with serving_site() as serving:
        yield serving


@pytest.fixture(scope="session")
def cloud(site: Site) -> Iterator[LocalCloud]:
    with LocalCloud(settings={**SETTINGS, "CLAIMCHECK_ALLOWED_ORIGINS": site.origin}) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    context = browser.new_context()
    yield Visit(context.new_page())
    context.close()
