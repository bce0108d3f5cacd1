"""The evaluations contract's surface, to which the modules beside this one add their routes."""

from chalicelib.surfaces.limits import EVALUATION_REQUESTS
from chalicelib.surfaces.surface import Surface

from .errors import ErrorView, envelope

surface = Surface(
    __name__,
    envelope=envelope,
    title="Evaluations",
    about="Score the answers of AI agents: upload a data set, submit an evaluation of it, follow it, get its results.",
    error=ErrorView,
    limits=(EVALUATION_REQUESTS,),
)
