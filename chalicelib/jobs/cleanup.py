"""What goes when a job's head has aged out: its documents, attempts and log."""

from chalicelib import aws
from chalicelib.dynamo import BACKEND_ERRORS
from chalicelib.errors import StorageFailed
from chalicelib.settings import settings

from .tables import AttemptRow, DocumentRow, LogRow


def forget(job_id: str) -> None:
    """Delete everything that lies beside a head; deleting what is gone already changes nothing."""
    try:
        for document in DocumentRow.query(job_id):
            if document.object_key:
                aws.s3().delete_object(Bucket=settings().bucket, Key=document.object_key)
            document.delete()
        for table in (AttemptRow, LogRow):
            for row in table.query(job_id):
                row.delete()
    except BACKEND_ERRORS as error:
        raise StorageFailed from error
