"""Where a model is, and what proves that we may ask it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from .errors import ModelRefused

REDACTED = "[redacted]"
# What is shorter could be a word of the text that it is looked for in.
SHORTEST_SECRET = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """An endpoint that speaks OpenAI's API, with the model to ask there.

    Attributes:
        url: the base of its paths, such as ``https://api.openai.com/v1``.
        model: the model's name there.
        key: sent as a bearer token.
        timeout_seconds: for one try, from connecting to the answer's last byte.
        headers: sent as well, such as ``api-key``; taken for secrets.
    """

    url: str
    model: str
    key: SecretStr | None = None
    timeout_seconds: float = 60
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def address(self, path: str) -> str:
        """The URL of a path.

        Raises:
            ModelRefused: the endpoint's is none.
        """
        if not self.url.lower().startswith(("https://", "http://")):
            raise ModelRefused("the URL of the model's endpoint cannot be used")
        return f"{self.url.rstrip('/')}/{path}"

    def request_headers(self) -> dict[str, str]:
        """The headers of each request.

        Raises:
            ModelRefused: one of them is nothing that a header can carry.
        """
        made = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "claimcheck"}
        if self.key is not None:
            # A key is often kept with the line break that it was pasted with.
            made["Authorization"] = f"Bearer {self.key.get_secret_value().strip()}"
        made |= self.headers
        for name, value in made.items():
            # The standard library's refusal of such a header quotes it.
            if not (value.isascii() and value.isprintable()):
                raise ModelRefused(f"the endpoint's {name} header has characters that a header cannot carry")
        return made

    def without_secrets(self, text: str) -> str:
        """The text with the key, and what the headers hold, taken out; some servers repeat a key that they refuse."""
        secrets = [self.key.get_secret_value().strip()] if self.key is not None else []
        for secret in (*secrets, *self.headers.values()):
            if len(secret) >= SHORTEST_SECRET:
                text = text.replace(secret, REDACTED)
        return text
