from local.cloud import LocalCloud
from tests.browser.conftest import Visit


def test_page_about_the_api_works_and_asks_nobody_else(cloud: LocalCloud, visit: Visit) -> None:
    visit.page.goto(f"{cloud.url}/docs", wait_until="networkidle")
    everything = visit.page.locator("main").inner_text()
    visit.page.get_by_label("Search").fill("mark-uploaded")
    found = visit.page.locator("main").inner_text()
    assert "mark-uploaded" in found
    assert len(found) < len(everything) / 4
    assert visit.complaints == []
    assert visit.asked == [f"{cloud.url}/docs"]
