from collections.abc import Iterator

import pytest

from tests.browser.conftest import PATIENCE_MS, Site, Visit
from tests.local.toy import Toy, run_toy

# What a page sees of a WebSocket from its opening to its end; it says something itself.
SCRIPT = """
const seen = [];
const ws = new WebSocket("URL");
ws.onopen = () => { seen.push("open"); ws.send("é"); };
ws.onmessage = event => { seen.push(event.data); if (event.data === "é") ws.send("who"); };
ws.onerror = () => seen.push("error");
ws.onclose = event => { seen.push(event.code); window.ended = true; };
"""


@pytest.fixture(scope="module")
def toy() -> Iterator[Toy]:
    with run_toy() as running:
        yield running


def go(visit: Visit, site: Site, toy: Toy, path: str) -> None:
    visit.page.goto(site.page(SCRIPT.replace("URL", toy.url.replace("http://", "ws://") + path)))


def test_page_of_another_origin_talks_over_a_websocket(site: Site, visit: Visit, toy: Toy) -> None:
    go(visit, site, toy, "/api/ws/build/some?token=t")
    visit.page.wait_for_function("seen.length === 3", timeout=PATIENCE_MS)
    connection_id = visit.page.evaluate("seen[2]")
    toy.request("POST", f"/@connections/{connection_id}", data=b"last").raise_for_status()
    toy.request("DELETE", f"/@connections/{connection_id}").raise_for_status()
    visit.page.wait_for_function("window.ended", timeout=PATIENCE_MS)
    assert visit.page.evaluate("seen") == ["open", "é", connection_id, "last", 1000]
    assert visit.complaints == []


def test_page_that_is_refused_sees_an_error_and_the_end(site: Site, visit: Visit, toy: Toy) -> None:
    go(visit, site, toy, "/api/ws/build/401?token=t")
    visit.page.wait_for_function("window.ended", timeout=PATIENCE_MS)
    assert visit.page.evaluate("seen") == ["error", 1006]
    (complaint,) = visit.complaints
    assert "401" in complaint
