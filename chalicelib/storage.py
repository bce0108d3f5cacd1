"""Every table of the deployment, for whatever makes them: the local cloud and the CloudFormation template."""

from . import idempotency
from .accounts import tables as accounts
from .builds import tables as builds
from .dynamo import Table
from .evaluations import tables as evaluations
from .jobs import tables as jobs
from .objects import table as objects
from .pipelines import tables as pipelines
from .projects import tables as projects
from .secrets import table as secrets
from .webhooks import tables as webhooks

MODELS: tuple[type[Table], ...] = (
    *jobs.TABLES,
    *secrets.TABLES,
    *objects.TABLES,
    *accounts.TABLES,
    *projects.TABLES,
    *webhooks.TABLES,
    *evaluations.TABLES,
    *builds.TABLES,
    *pipelines.TABLES,
    idempotency.KeyRow,
)
