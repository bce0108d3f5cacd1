"""The surface of webhooks, to which the modules beside this one add their routes; it errs as the evaluations do."""

from chalicelib.surfaces.evaluations.errors import ErrorView, envelope
from chalicelib.surfaces.surface import Surface

surface = Surface(
    __name__,
    envelope=envelope,
    title="Webhooks",
    about="Have the messages of your jobs sent to an address of yours, signed by the Standard Webhooks specification.",
    error=ErrorView,
)
