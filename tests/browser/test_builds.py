"""The builds contract's examples in JavaScript, as they stand there but for the server's address and the token."""

import pytest

from local.cloud import LocalCloud
from tests.browser.conftest import PATIENCE_MS, Site, Visit
from tests.support.api import Api
from tests.support.builds import RESULT, Builds
from tests.support.watching import token_of

EXAMPLE = """
const BASE_URL = "http://localhost:8000";
const TOKEN = "your-jwt-token";

// Create build
async function createBuild() {
  const response = await fetch(`${BASE_URL}/api/build/`, {
    method: "POST",
    headers: {
      "Authorization": `Bearer ${TOKEN}`,
      "Content-Type": "application/json"
    },
    body: JSON.stringify({
      project_name: "my-app",
      goal: "Add authentication"
    })
  });

  return await response.json();
}

// Connect WebSocket
async function monitorBuild(taskId) {
  const ws = new WebSocket(
    `ws://localhost:8000/api/ws/build/${taskId}?token=${TOKEN}`
  );

  ws.onmessage = (event) => {
    const message = JSON.parse(event.data);
    console.log(`Progress: ${message.progress}%`);
  };
}
"""
QUICK_START = """
const token = "your-jwt-token";
const taskId = "550e8400...";

const ws = new WebSocket(
  `ws://localhost:8000/api/ws/build/${taskId}?token=${token}`
);

ws.onopen = () => {
  console.log("Connected to build updates");
};

ws.onmessage = (event) => {
  const message = JSON.parse(event.data);
  console.log(`Progress: ${message.progress}%`);
};

ws.onerror = (error) => {
  console.error("WebSocket error:", error);
};

ws.onclose = () => {
  console.log("Disconnected");
};
"""


@pytest.fixture
def builds(api: Api) -> Builds:
    return Builds(api, api.user(), api.agent())


def adapted(example: str, builds: Builds, task_id: str = "") -> str:
    address = builds.api.url.removeprefix("http://")
    example = example.replace("localhost:8000", address).replace("your-jwt-token", token_of(builds.user))
    return example.replace("550e8400...", task_id)


def heard(visit: Visit, line: str) -> None:
    """Wait until the page has printed a line."""
    if line not in visit.printed:
        visit.page.wait_for_event("console", lambda told: told.text == line, timeout=PATIENCE_MS)


def test_page_creates_a_build_and_monitors_it(builds: Builds, site: Site, visit: Visit) -> None:
    visit.page.goto(site.page(adapted(EXAMPLE, builds)))
    created = visit.page.evaluate("createBuild()")
    assert created["status"] == "initializing"
    visit.page.evaluate("taskId => monitorBuild(taskId)", created["task_id"])
    heard(visit, "Progress: 0%")
    work = builds.running()
    work.progress(45, "Generating code", files_created=3)
    heard(visit, "Progress: 45%")
    work.report("completed", RESULT)
    build = builds.build(created["task_id"])
    assert (build["project_name"], build["status"]) == ("my-app", "completed")
    assert visit.complaints == []


def test_page_is_told_of_a_build_from_its_connection_to_its_end(builds: Builds, site: Site, visit: Visit) -> None:
    task_id = builds.create()
    work = builds.running()
    work.progress(20, "Generating code")
    visit.page.goto(site.page(adapted(QUICK_START, builds, task_id)))
    heard(visit, "Progress: 20%")
    work.progress(90, "Testing")
    work.report("completed", RESULT)
    heard(visit, "Disconnected")
    assert visit.printed == [
        "Connected to build updates",
        "Progress: undefined%",  # The greeting and the end have none.
        "Progress: 20%",
        "Progress: 90%",
        "Progress: undefined%",
        "Disconnected",
    ]
    assert visit.complaints == []


def test_page_with_a_bad_token_is_told_of_an_error(builds: Builds, site: Site, visit: Visit) -> None:
    task_id = builds.create()
    visit.page.goto(site.page(adapted(QUICK_START, builds, task_id).replace(token_of(builds.user), "nonsense")))
    heard(visit, "Disconnected")
    assert visit.printed == ["Disconnected"]
    assert any("WebSocket error" in complaint for complaint in visit.complaints)


def test_page_of_a_foreign_origin_may_not_call_the_api(
    builds: Builds, site: Site, visit: Visit, cloud: LocalCloud
) -> None:
    foreign = site.page(adapted(EXAMPLE, builds)).replace("127.0.0.1", "localhost")
    visit.page.goto(foreign)
    asked = "createBuild().then(() => 'answered', error => error.name)"
    assert visit.page.evaluate(asked) == "TypeError"
    assert any("CORS" in complaint for complaint in visit.complaints)
    assert visit.asked == [foreign, f"{cloud.url}/api/build/"]
