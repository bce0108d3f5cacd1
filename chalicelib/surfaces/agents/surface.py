"""The agents contract's surface, to which the modules beside this one add their routes."""

from chalicelib.surfaces.surface import Surface

from .errors import ErrorBody, envelope

surface = Surface(
    __name__,
    envelope=envelope,
    error=ErrorBody,
    title="Agents",
    about="Projects, chats, jobs, logs, artifacts and secrets, for people, remote agents and administrators.",
)
