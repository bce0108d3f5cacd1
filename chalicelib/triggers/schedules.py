"""The clock: once a minute, what nobody touched is moved on."""

from chalice.app import Blueprint, CloudWatchEvent, Rate

from chalicelib.jobs import sweeper

triggers = Blueprint(__name__)


@triggers.schedule(Rate(1, unit=Rate.MINUTES), name="sweep")
def sweep(event: CloudWatchEvent) -> None:  # noqa: ARG001  a handler's form
    """Expired leases, delayed jobs whose time has come, and deadlines."""
    sweeper.sweep()
