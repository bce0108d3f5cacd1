"""AWS's Signature Version 4 of a presigned URL, computed from its documentation: the local S3 does not check it.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import hashlib
import hmac
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlsplit


def parameters(url: str) -> dict[str, str]:
    """The query of a presigned URL."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def signed_headers(url: str) -> set[str]:
    """The headers that a request must send as they were signed."""
    return set(parameters(url)["X-Amz-SignedHeaders"].split(";"))


def accepts(method: str, url: str, headers: Mapping[str, str] | None = None, *, at: datetime | None = None) -> bool:
    """Whether S3 would take the request, at a given time or now."""
    given = parameters(url)
    begins = datetime.strptime(given["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    ends = begins + timedelta(seconds=int(given["X-Amz-Expires"]))
    in_time = (at or datetime.now(UTC)) <= ends
    return in_time and hmac.compare_digest(_signature(method, url, headers or {}), given["X-Amz-Signature"])


def _signature(method: str, url: str, headers: Mapping[str, str]) -> str:
    given = parameters(url)
    _, date, region, service, terminator = given["X-Amz-Credential"].split("/")
    scope = f"{date}/{region}/{service}/{terminator}"
    request = hashlib.sha256(_canonical(method, url, headers).encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", given["X-Amz-Date"], scope, request))
    key = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in (date, region, service, terminator, text):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


def _canonical(method: str, url: str, headers: Mapping[str, str]) -> str:
    split = urlsplit(url)
    query = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parameters(url).items()
        if name != "X-Amz-Signature"
    )
    sent = {"host": split.netloc, **{name.lower(): value.strip() for name, value in headers.items()}}
    names = sorted(signed_headers(url))
    lines = [f"{name}:{sent.get(name, '')}" for name in names]
    asked = "&".join("=".join(pair) for pair in query)
    return "\n".join((method, split.path, asked, *lines, "", ";".join(names), "UNSIGNED-PAYLOAD"))
