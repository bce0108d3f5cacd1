"""The files contract's surface, to which the modules beside this one add their routes."""

from chalicelib.surfaces.surface import Surface

from .errors import ErrorBody, envelope

surface = Surface(
    __name__,
    envelope=envelope,
    error=ErrorBody,
    title="Files",
    about="Accounts, and jobs that process an uploaded file step by step.",
)
