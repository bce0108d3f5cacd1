"""The projects of this deployment, and whose eyes they are for."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib import times
from chalicelib.accounts.permissions import Role
from chalicelib.accounts.sessions import Identity
from chalicelib.accounts.users import normalize
from chalicelib.dynamo import Refused
from chalicelib.errors import AlreadyExists, ProjectNotFound
from chalicelib.telemetry import audit

from . import github
from .tables import ProjectRow

BY_HAND = "manual"
REMOVED = "removed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A project; ``members`` are e-mail addresses, empty for every user."""

    project_id: str
    name: str
    repo: str
    default_branch: str
    created_at: datetime
    updated_at: datetime
    drive_folder_id: str | None = None
    members: frozenset[str] = frozenset()

    def visible_to(self, user: Identity) -> bool:
        """Whether the user is on its team; administrators are on every team."""
        return not self.members or user.email in self.members or user.role is Role.ADMIN


def register(project: Project) -> Project:
    """Register a project by hand.

    Raises:
        AlreadyExists: there is another project of that id.
    """
    row = ProjectRow(
        project.project_id,
        source=BY_HAND,
        name=project.name,
        repo=project.repo,
        default_branch=project.default_branch,
        drive_folder_id=project.drive_folder_id,
        members={normalize(member) for member in project.members} or None,
        created_at=project.created_at,
        updated_at=project.updated_at,
    )
    try:
        row.put(ProjectRow.project_id.does_not_exist())
    except Refused as refused:
        if not _alike(refused.old, row):
            raise AlreadyExists("there is a project of that id", projectId=project.project_id) from refused
        row = refused.old
    audit("project.registered", actor="admin", project_id=project.project_id)
    return _project(row)


def remove(project_id: str) -> None:
    """Remove a project that was registered by hand; its jobs and chats stay, out of sight, and its id stays taken.

    Raises:
        ProjectNotFound: there is none of that id that was registered by hand.
    """
    try:
        # Its id stays taken: another project of that id would show its members what this one left behind.
        ProjectRow.change(
            project_id, actions=[ProjectRow.source.set(REMOVED)], condition=ProjectRow.source.is_in(BY_HAND, REMOVED)
        )
    except Refused as refused:
        raise ProjectNotFound(projectId=project_id) from refused
    audit("project.removed", actor="admin", project_id=project_id)


def visible(user: Identity) -> list[Project]:
    """The projects of which the user is a member, by id."""
    github.refresh()
    rows = ProjectRow.page(ProjectRow.scan(consistent_read=True))
    projects = sorted((_project(row) for row in rows if row.source != REMOVED), key=lambda project: project.project_id)
    return [project for project in projects if project.visible_to(user)]


def member(user: Identity, project_id: str) -> Project:
    """The project, for a member of it.

    Raises:
        ProjectNotFound: there is none, or the user is not a member: the same answer.
    """
    row = ProjectRow.read(project_id)
    if row is None and github.refresh():
        row = ProjectRow.read(project_id)
    if (project := _visible(row, user)) is None:
        raise ProjectNotFound(projectId=project_id)
    return project


def known(user: Identity, project_id: str) -> Project | None:
    """The project, where it has been registered or found before and the user is a member of it."""
    return _visible(ProjectRow.read(project_id), user)


def new(
    project_id: str, *, name: str, repo: str, default_branch: str, drive_folder_id: str | None, members: frozenset[str]
) -> Project:
    """A project as of now."""
    now = times.now()
    return Project(
        project_id=project_id,
        name=name,
        repo=repo,
        default_branch=default_branch,
        drive_folder_id=drive_folder_id,
        members=members,
        created_at=now,
        updated_at=now,
    )


def _visible(row: ProjectRow | None, user: Identity) -> Project | None:
    project = None if row is None or row.source == REMOVED else _project(row)
    return project if project and project.visible_to(user) else None


def _alike(old: ProjectRow, new: ProjectRow) -> bool:
    names = ("source", "name", "repo", "default_branch", "drive_folder_id", "members")
    return all(getattr(old, name) == getattr(new, name) for name in names)


def _project(row: ProjectRow) -> Project:
    names = ("project_id", "name", "repo", "default_branch", "drive_folder_id", "created_at", "updated_at")
    return Project(**{name: getattr(row, name) for name in names}, members=frozenset(row.members or ()))
