"""What the holder of the admin key may do: secrets, projects, agents, roles."""

from http import HTTPStatus

from chalicelib.accounts import agents, users
from chalicelib.accounts.permissions import Role
from chalicelib.errors import InvalidRequest
from chalicelib.jobs import fleet
from chalicelib.pipelines import records
from chalicelib.projects import registry
from chalicelib.secrets import store
from chalicelib.surfaces.callers import admin
from chalicelib.surfaces.calls import Call

from .answers import AgentCredentials, AgentList, Done, RevokedView, RewrapView, SecretList
from .surface import surface
from .views import AgentView, ProjectView, RestoredView, SecretView, UserView
from .wire import (
    AgentCreate,
    DrainRequest,
    ProjectCreate,
    ProjectQuery,
    RewrapRequest,
    RoleChange,
    SecretCreate,
    UserCreate,
)


@surface.on("POST", "/api/admin/secrets", auth=admin, body=SecretCreate)
def store_secret(call: Call[SecretCreate]) -> Done:
    """Keep a secret, as the next version where there is one."""
    store.store(call.body.project_id, call.body.type, call.body.value)
    return Done(success=True)


@surface.on("GET", "/api/admin/secrets", auth=admin, query=ProjectQuery)
def list_secrets(call: Call[None, ProjectQuery]) -> SecretList:
    """The types of secret that a project has; never a value."""
    return SecretList(data=[SecretView.of(secret) for secret in store.describe(call.query.project_id)])


@surface.on("POST", "/api/admin/secrets/{project_id}/{type}/rotate", auth=admin)
def rotate_secret(call: Call, project_id: str, type: str) -> SecretView:  # noqa: A002, ARG001  the path's name
    """Encrypt a secret anew under a new data key."""
    return SecretView.of(store.rotate(project_id, type))


@surface.on("DELETE", "/api/admin/secrets/{project_id}/{type}", auth=admin)
def delete_secret(call: Call, project_id: str, type: str) -> Done:  # noqa: A002, ARG001  the path's name
    """Delete a secret, for good."""
    store.delete(project_id, type)
    return Done(success=True)


@surface.on("POST", "/api/admin/rewrap", auth=admin, body=RewrapRequest, body_optional=True)
def rewrap_secrets(call: Call[RewrapRequest]) -> RewrapView:
    """Put a page of all data keys under the present master key; call again with the cursor until it is null."""
    done, cursor = store.rewrap_some(call.body.cursor)
    return RewrapView(rewrapped=done, cursor=cursor)


@surface.on(
    "POST",
    "/api/admin/projects",
    auth=admin,
    body=ProjectCreate,
    status=HTTPStatus.CREATED,
    gives={"project_id": "/projectId"},
)
def register_project(call: Call[ProjectCreate]) -> ProjectView:
    """Register a project by hand."""
    told = call.body.model_dump(exclude={"members"})
    return ProjectView.of(registry.register(registry.new(**told, members=frozenset(call.body.members))))


@surface.on("DELETE", "/api/admin/projects/{project_id}", auth=admin)
def remove_project(call: Call, project_id: str) -> Done:  # noqa: ARG001  a route's form
    """Remove a project that was registered by hand."""
    registry.remove(project_id)
    return Done(success=True)


@surface.on(
    "POST",
    "/api/admin/agents",
    auth=admin,
    body=AgentCreate,
    status=HTTPStatus.CREATED,
    gives={"agent_id": "/agentId"},
)
def register_agent(call: Call[AgentCreate]) -> AgentCredentials:
    """Register an agent; its secret is shown this once."""
    return AgentCredentials(agent_id=call.body.agent_id, secret=agents.register(call.body.agent_id))


@surface.on("GET", "/api/admin/agents", auth=admin)
def list_agents(call: Call) -> AgentList:  # noqa: ARG001  a route's form
    """All agents, when each was last seen, and what it is doing."""
    return AgentList(data=[AgentView.of(member) for member in fleet.members()])


@surface.on("POST", "/api/admin/agents/{agent_id}/drain", auth=admin, body=DrainRequest, body_optional=True)
def drain_agent(call: Call[DrainRequest], agent_id: str) -> AgentView:
    """Give an agent no new jobs, or give it jobs again."""
    return AgentView.of(fleet.drain(agent_id, draining=call.body.draining))


@surface.on("POST", "/api/admin/agents/{agent_id}/revoke", auth=admin)
def revoke_agent(call: Call, agent_id: str) -> RevokedView:  # noqa: ARG001  a route's form
    """Refuse an agent from now on, and take back the jobs it holds."""
    return RevokedView(agent_id=agent_id, claims_ended=fleet.revoke(agent_id))


@surface.on("POST", "/api/admin/users/{email}/jobs/{job_id}/restore", auth=admin, raises=(InvalidRequest,))
def restore_job(call: Call, email: str, job_id: str) -> RestoredView:  # noqa: ARG001  a route's form
    """Put a pipeline back into the list of a user, who had put it away."""
    restored = records.bring_back(users.read(users.normalize(email)).user_id, job_id)
    return RestoredView(job_id=restored.job_id, user_id=restored.user_id)


@surface.on(
    "POST", "/api/admin/users", auth=admin, body=UserCreate, status=HTTPStatus.CREATED, gives={"email": "/email"}
)
def create_user(call: Call[UserCreate]) -> UserView:
    """Add a user, also where registration is closed."""
    made = users.create(call.body.email, call.body.password, Role(call.body.role))
    return UserView(id=made.user_id, email=made.email, role=made.role)


@surface.on("PUT", "/api/admin/users/{email}/role", auth=admin, body=RoleChange)
def set_role(call: Call[RoleChange], email: str) -> UserView:
    """Give a user a role."""
    # API Gateway hands over a part of the path as it stood in the URL, where clients write "@" as "%40".
    changed = users.set_role(email, Role(call.body.role))
    return UserView(id=changed.user_id, email=changed.email, role=changed.role)
