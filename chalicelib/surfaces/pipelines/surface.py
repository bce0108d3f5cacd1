"""The pipelines contract's surface, to which the modules beside this one add their routes."""

from chalicelib.surfaces.limits import PIPELINE_READS
from chalicelib.surfaces.surface import Surface

from .errors import ErrorView, envelope

surface = Surface(
    __name__,
    envelope=envelope,
    title="Pipelines",
    about="Smart contracts from a prompt to a verified address, and one's own list of them.",
    error=ErrorView,
    by_address=True,
)

READING = (PIPELINE_READS,)
