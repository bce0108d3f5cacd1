"""One's own list of jobs: list, read, describe, put away, export, attach, keep what is said of those from outside."""

from chalicelib import times
from chalicelib.accounts.permissions import Permission
from chalicelib.errors import JobNotFound, UpstreamUnreachable
from chalicelib.pipelines import bundles, listing, records
from chalicelib.surfaces.calls import Call
from chalicelib.surfaces.cookies import CookieSession

from .surface import READING, surface
from .wire import Attach, BundleView, CacheChange, CursorView, Done, JobPage, JobQuery, JobView, MetaChange, OneJob

READS = CookieSession(Permission.JOB_READ)
CHANGES = CookieSession(Permission.JOB_CREATE, changes=True)


@surface.on("GET", "/u/jobs", auth=READS, query=JobQuery, limits=READING)
def list_own_jobs(call: Call[None, JobQuery]) -> JobPage:
    """One's own jobs, newest first."""
    wanted = call.query
    found, place = listing.page(call.user.user_id, wanted.wants, limit=wanted.limit, after=wanted.after)
    cursor = CursorView(created_at=times.iso(place.created_at), job_id=place.job_id) if place else None
    return JobPage(ok=True, jobs=[_view(each) for each in found], nextCursor=cursor)


@surface.on("GET", "/u/jobs/{job_id}", auth=READS, limits=READING)
def open_own_job(call: Call, job_id: str) -> OneJob:
    """A job; that it was looked at is noted."""
    return OneJob(ok=True, job=_view(listing.listed(records.open_(call.user.user_id, job_id))))


@surface.on("PATCH", "/u/jobs/{job_id}/meta", auth=CHANGES, body=MetaChange)
def describe_job(call: Call[MetaChange], job_id: str) -> OneJob:
    """Change one's own title, description and tags of a job."""
    return OneJob(ok=True, job=_view(listing.listed(records.describe(call.user.user_id, job_id, call.body.words()))))


@surface.on("DELETE", "/u/jobs/{job_id}", auth=CHANGES)
def put_job_away(call: Call, job_id: str) -> Done:
    """Take a job out of one's list; an administrator can bring it back."""
    records.put_away(call.user.user_id, job_id)
    return Done(ok=True)


@surface.on("GET", "/u/jobs/{job_id}/export", auth=READS, limits=READING, raises=(UpstreamUnreachable,))
def export_job(call: Call, job_id: str) -> BundleView:
    """All there is of a job."""
    return BundleView.model_validate({"ok": True, **bundles.bundle(call.user, job_id)})


@surface.on("POST", "/u/jobs/attach", auth=CHANGES, body=Attach, raises=(JobNotFound,))
def attach_job(call: Call[Attach]) -> OneJob:
    """Put a job from outside into one's list, or back into it; one that is there already stays as it is."""
    words = {name: getattr(call.body, name) for name in ("type", "prompt", "filename", "network")}
    return OneJob(ok=True, job=_view(listing.attach(call.user, call.body.job_id, **words)))


@surface.on("POST", "/u/jobs/cache", auth=CHANGES, body=CacheChange, raises=(JobNotFound,))
def keep_what_is_said(call: Call[CacheChange]) -> Done:
    """Keep how a job from outside stands; of a job of ours we know better."""
    records.cache(call.user.user_id, call.body.jobId, call.body.told())
    return Done(ok=True)


def _view(listed: listing.Listed) -> JobView:
    return JobView.model_validate(bundles.view(listed))
