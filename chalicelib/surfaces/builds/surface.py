"""The builds contract's surface, to which the modules beside this one add their routes."""

from chalicelib.surfaces.limits import BUILD_REQUESTS
from chalicelib.surfaces.surface import Surface

from .errors import ErrorBody, envelope

surface = Surface(
    __name__,
    envelope=envelope,
    title="Builds",
    about="Have code written and analysed by agents, and watch them at it.",
    error=ErrorBody,
    limits=(BUILD_REQUESTS,),
)
