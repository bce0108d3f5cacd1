"""The route table of the whole API, and paths made from its templates."""

import re
from typing import Any

from tests.support.api import Bench, ok

UNKNOWN = {
    "project_id": "project-unknown",
    "job_id": "job_00000000000000000000000000",
    "chat_id": "chat_00000000000000000000000000",
    "artifact_id": "artifact_00000000000000000000000000",
    "agent_id": "agent-unknown",
    "email": "unknown@example.com",
    "type": "unknown",
    "task_id": "01938d21-d135-7155-b82a-c66a01b0785e",
    "analysis_id": "01938d21-d135-7155-b82a-c66a01b0785e",
    "id": "ai_pipeline_00000000000000000000000000",
    "webhook_id": "webhook_00000000000000000000000000",
    "delivery_id": "delivery_00000000000000000000000000",
}


def declared() -> list[Any]:
    """Every route that a surface declares."""
    from chalicelib.surfaces.surface import all_surfaces

    return [route for surface in all_surfaces() for route in surface.declared]


def name_of(route: Any) -> str:
    """Such as ``GET /api/projects``."""
    return f"{route.method} {route.path}"


def fill(template: str, **places: str) -> str:
    """A path; the places that are not named lead to nothing that exists."""
    return re.sub(r"\{(\w+)\}", lambda found: places.get(found[1]) or UNKNOWN[found[1]], template)


def furnish(bench: Bench) -> dict[str, str]:
    """One of everything in the bench's project: what the places of its paths are."""
    chats = f"/api/projects/{bench.project_id}/chats"
    chat_id = ok(bench.user.post(chats, {"title": "x"}))["chat"]["chatId"]
    job_id = bench.running()
    bench.secret("ghp_1")
    told = {"fileName": "a", "size": 1, "sha256": "0" * 64}
    artifact_id = ok(bench.agent.post(f"/api/jobs/{job_id}/artifacts", told))["artifactId"]
    return {
        "project_id": bench.project_id,
        "job_id": job_id,
        "chat_id": chat_id,
        "artifact_id": artifact_id,
        "type": "github",
    }
