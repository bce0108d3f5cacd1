"""The API's own description: the OpenAPI document, a page that shows it, and the schema of what queues carry."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from .agents.errors import ErrorBody, envelope
from .callers import anyone
from .calls import Call
from .surface import Reply, Surface

HTML = "text/html; charset=utf-8"
# It changes with a deployment only, and a browser asks whether it has.
_CACHED = {"Cache-Control": "public, max-age=300"}

surface = Surface(__name__, envelope=envelope, error=ErrorBody, title="Service", about="The service itself.")


class AnyObject(BaseModel):
    """A JSON object whose form another specification describes."""

    model_config = ConfigDict(extra="allow", defer_build=True)


@surface.on("GET", "/openapi.json", auth=anyone, returns=AnyObject)
def read_openapi(call: Call) -> Reply[dict[str, Any]]:  # noqa: ARG001  a route's form
    """This API as an OpenAPI 3.1 document."""
    from .openapi.document import document  # noqa: PLC0415  only who asks for it pays for it

    return Reply(body=document(), headers=_CACHED)


@surface.on("GET", "/job-message.schema.json", auth=anyone, returns=AnyObject)
def read_job_message_schema(call: Call) -> Reply[dict[str, Any]]:  # noqa: ARG001  a route's form
    """The JSON Schema of a JobMessage: what topics, queues and webhooks carry of every kind of job."""
    from .openapi.messages import job_message_schema  # noqa: PLC0415  as above

    return Reply(body=job_message_schema(), headers=_CACHED)


@surface.on("GET", "/docs", auth=anyone, produces=(HTML,))
def read_docs(call: Call) -> Reply[str]:  # noqa: ARG001  a route's form
    """This API as a page for people, which loads nothing from anywhere."""
    from .openapi.page import page, policy  # noqa: PLC0415  as above

    return Reply(body=page(), media_type=HTML, headers={**_CACHED, "Content-Security-Policy": policy()})
