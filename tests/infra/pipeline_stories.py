"""What happens to pipelines and to sessions in cookies, as ``stories`` has it for everything else."""

from collections.abc import Callable

from tests.support.api import Api, ok
from tests.support.contracts import Maker, Page


def logged_in_and_out(page: Page, maker: Maker, api: Api) -> None:  # noqa: ARG001  a story's form
    ok(page.post("/u/auth/refresh"))
    ok(page.post("/u/auth/logout"))
    page.log_in()


def made_and_listed(page: Page, maker: Maker, api: Api) -> None:
    job_id = page.create()
    work = maker.running()
    maker.log(work, ("init", "Starting pipeline..."))
    maker.deploy(work)
    assert page.listed()["jobs"]
    ok(page.ask("PATCH", f"/u/jobs/{job_id}/meta", json={"title": "Mine"}))
    for path in (f"/u/jobs/{job_id}", f"/u/jobs/{job_id}/export", f"/u/proxy/artifacts?jobId={job_id}"):
        ok(page.get(path))
    assert page.get(f"/u/proxy/job/{job_id}/logs/stream").ok
    page.attach("outside-1")
    ok(page.post("/u/jobs/cache", {"jobId": "outside-1", "progress": 10}))
    ok(page.ask("DELETE", f"/u/jobs/{job_id}"))
    ok(api.admin().post(f"/api/admin/users/{page.email}/jobs/{job_id}/restore"))
    ok(page.ask("DELETE", f"/u/proxy/job/{page.create()}"))


def verified_and_audited(page: Page, maker: Maker, api: Api) -> None:  # noqa: ARG001  a story's form
    job_id = page.create()
    maker.deploy(maker.running())
    key = {"Idempotency-Key": "once"}
    for _ in range(2):
        answer = ok(page.post("/u/proxy/verify/byJob", {"jobId": job_id}, headers=key))
        if answer["verified"] is None:
            maker.running().report("completed", {"verified": True})
    address = "0x" + "0" * 40
    ok(page.get(f"/u/proxy/verify/status?address={address}&network=avalanche-fuji"))
    ok(page.post("/u/proxy/audit/byJob", {"jobId": job_id}))


Story = Callable[[Page, Maker, Api], None]
ALL: tuple[Story, ...] = (logged_in_and_out, made_and_listed, verified_and_audited)
