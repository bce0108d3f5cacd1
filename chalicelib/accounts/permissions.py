"""Roles and what each may do."""

from enum import StrEnum


class Role(StrEnum):
    """What an administrator has made of a user; new users are ``user``."""

    USER = "user"
    ADMIN = "admin"
    VIEWER = "viewer"


class Permission(StrEnum):
    """A single thing that a token may allow."""

    PROJECT_READ = "project:read"
    CHAT_READ = "chat:read"
    CHAT_CREATE = "chat:create"
    JOB_READ = "job:read"
    JOB_CREATE = "job:create"
    JOB_CANCEL = "job:cancel"
    ARTIFACT_READ = "artifact:read"
    BUILD_CREATE = "build:create"
    BUILD_READ = "build:read"
    BUILD_CANCEL = "build:cancel"
    ANALYSIS_CREATE = "analysis:create"
    ANALYSIS_READ = "analysis:read"


_READING = frozenset(permission for permission in Permission if permission.value.endswith(":read"))

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.USER: frozenset(Permission),
    Role.ADMIN: frozenset(Permission),
    Role.VIEWER: _READING,
}
