"""CloudFront in front of the API: whom it was asked by, of requests that it proves to have sent.

API Gateway sees only CloudFront's address then. Anybody can send the header that has the viewer's, also by a
distribution of their own; only ours knows the secret. See ``docs/decisions/0017-one-domain-by-cloudfront.md``.
"""

import hmac

from chalice.app import Request

from chalicelib.settings import settings


def viewer(request: Request) -> str | None:
    """The address that CloudFront was asked by; None for a request that came another way."""
    secret = settings().origin_secret
    address: str | None = request.headers.get("cloudfront-viewer-address")
    if secret is None or address is None:
        return None
    given: str = request.headers.get("x-origin-secret", "")
    # Bytes: compare_digest raises on text that is not ASCII.
    if not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.get_secret_value().encode()):
        return None
    # Address and port with a colon between, also after IPv6, which has no brackets here.
    return address.rpartition(":")[0] or None
