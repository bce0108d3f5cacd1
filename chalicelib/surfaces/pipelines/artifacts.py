"""What a job has delivered."""

from chalicelib.accounts.permissions import Permission
from chalicelib.errors import JobNotFound, UpstreamUnreachable
from chalicelib.pipelines.answers import ARTIFACTS
from chalicelib.pipelines.service import service_of
from chalicelib.surfaces.calls import Call
from chalicelib.surfaces.cookies import CookieSession

from .surface import READING, surface
from .wire import ArtifactQuery, Artifacts

READS = CookieSession(Permission.ARTIFACT_READ)
MISSING = (JobNotFound, UpstreamUnreachable)
Asked = Call[None, ArtifactQuery]


@surface.on("GET", "/u/proxy/artifacts", auth=READS, query=ArtifactQuery, limits=READING, raises=MISSING)
def list_contract_artifacts(call: Asked) -> Artifacts:
    """All of it."""
    return _found(call, *ARTIFACTS)


@surface.on("GET", "/u/proxy/artifacts/sources", auth=READS, query=ArtifactQuery, limits=READING, raises=MISSING)
def read_sources(call: Asked) -> Artifacts:
    """The Solidity sources, by their paths."""
    return _found(call, "sources")


@surface.on("GET", "/u/proxy/artifacts/abis", auth=READS, query=ArtifactQuery, limits=READING, raises=MISSING)
def read_abis(call: Asked) -> Artifacts:
    """The contracts' ABIs, by their names."""
    return _found(call, "abis")


@surface.on("GET", "/u/proxy/artifacts/scripts", auth=READS, query=ArtifactQuery, limits=READING, raises=MISSING)
def read_scripts(call: Asked) -> Artifacts:
    """The Foundry project that deploys the contract, by its paths."""
    return _found(call, "scripts")


@surface.on("GET", "/u/proxy/artifacts/audit", auth=READS, query=ArtifactQuery, limits=READING, raises=MISSING)
def read_audit(call: Asked) -> Artifacts:
    """The report of the last audit; null where there is none yet."""
    return _found(call, "audit")


@surface.on("GET", "/u/proxy/artifacts/compliance", auth=READS, query=ArtifactQuery, limits=READING, raises=MISSING)
def read_compliance(call: Asked) -> Artifacts:
    """The report of the last check of compliance; null where there is none yet."""
    return _found(call, "compliance")


def _found(call: Asked, *names: str) -> Artifacts:
    job_id = call.query.job_id
    return Artifacts(ok=True, **service_of(call.user, job_id).artifacts(call.user, job_id, names))
