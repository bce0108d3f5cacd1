"""The JSON Schema of the messages about jobs."""

from chalicelib.messages.message import JobMessage

from .vocabulary import Json

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def job_message_schema() -> Json:
    """Of a JobMessage as it is sent."""
    return {"$schema": DIALECT, **JobMessage.model_json_schema(mode="serialization")}
