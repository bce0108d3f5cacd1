"""Data sets: where to upload them."""

from http import HTTPStatus

from chalicelib.accounts.permissions import Permission
from chalicelib.evaluations import datasets
from chalicelib.surfaces.callers import user
from chalicelib.surfaces.calls import Call

from .surface import surface
from .wire import UploadCreate, UploadView


@surface.on("POST", "/api/uploads", auth=user(Permission.JOB_CREATE), body=UploadCreate, status=HTTPStatus.CREATED)
def sign_data_set_upload(call: Call[UploadCreate]) -> UploadView:
    """A request that uploads a data set; send it as it is, with the file as its body."""
    key, request = datasets.upload_request(call.user, call.body.file_name, call.body.size_bytes)
    headers = {"Content-Type": call.body.content_type} if call.body.content_type else {}
    return UploadView(object_key=key, upload_url=request.url, method=request.method, headers=headers)
