"""What a pipeline is to make, and where it is to be deployed: the payload of its job, read strictly."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from claimcheck_agent.orders import BadOrder, mapping, shown

LONGEST_PROMPT = 20_000  # Characters; the contract's rule.
MOST_ITERATIONS = 50


@dataclass(frozen=True, kw_only=True)
class Network:
    """A chain.

    Attributes:
        name: such as `avalanche-fuji`.
        chain_id: as the chain calls itself.
        rpc_url: a node of it; it may hold a key, and is shown to nobody.
        explorer_url: where people look at it.
        verifier: `kind` and `api_url` of what verifies contracts there.
        local: whether it is a chain for development, on which the account is used that everybody knows.
    """

    name: str
    chain_id: int
    rpc_url: str
    explorer_url: str | None
    verifier: Mapping[str, Any] | None
    local: bool

    @classmethod
    def parse(cls, value: Any) -> Self:  # noqa: ANN401  (whatever JSON the job's creator gave)
        """Read it.

        Raises:
            BadOrder: a field is missing or is not what it should be.
        """
        fields = mapping(value, "network")
        url, chain_id = fields.get("rpc_url"), fields.get("chain_id")
        if not isinstance(url, str) or urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise BadOrder("The network has no rpc_url, or it is no http or https URL.")
        if not isinstance(chain_id, int) or isinstance(chain_id, bool) or chain_id < 1:
            raise BadOrder(f"The network's chain_id must be a whole number; it is {shown(chain_id)}.")
        explorer, verifier = fields.get("explorer_url"), fields.get("verifier")
        return cls(
            name=str(fields.get("name") or chain_id),
            chain_id=chain_id,
            rpc_url=url,
            explorer_url=str(explorer) if explorer else None,
            verifier=mapping(verifier, "verifier") if verifier else None,
            local=fields.get("local") is True,
        )

    def page(self, address: str) -> str | None:
        """Give where people look at a contract."""
        return f"{self.explorer_url.rstrip('/')}/address/{address}" if self.explorer_url else None


@dataclass(frozen=True, kw_only=True)
class Order:
    """One contract to be written and deployed.

    `prompt` is text of the pipeline's owner, and nothing but text: it may hold anything.
    """

    prompt: str
    filename: str | None
    max_iters: int
    strict_args: bool
    constructor_args: tuple[Any, ...]
    network: Network

    @classmethod
    def parse(cls, payload: Any) -> Self:  # noqa: ANN401  (whatever JSON the job's creator gave)
        """Read a job's payload.

        Raises:
            BadOrder: a field is missing or is not what it should be.
        """
        fields = mapping(payload, "the payload")
        prompt, filename = fields.get("prompt"), fields.get("filename")
        iterations, arguments = fields.get("max_iters"), fields.get("constructor_args")
        iterations = 1 if iterations is None else iterations
        arguments = [] if arguments is None else arguments
        if not isinstance(prompt, str) or not prompt.strip() or len(prompt) > LONGEST_PROMPT:
            raise BadOrder(f"The prompt must be a text of 1 to {LONGEST_PROMPT} characters.")
        if filename is not None and not isinstance(filename, str):
            raise BadOrder(f"The filename must be a text; it is {shown(filename)}.")
        if not isinstance(iterations, int) or not 1 <= iterations <= MOST_ITERATIONS:
            raise BadOrder(f"max_iters must be 1 to {MOST_ITERATIONS}; it is {shown(iterations)}.")
        if not isinstance(arguments, list):
            raise BadOrder(f"constructor_args must be a list; it is {shown(arguments)}.")
        return cls(
            prompt=prompt.encode(errors="replace").decode(),
            filename=filename or None,
            max_iters=int(iterations),
            strict_args=fields.get("strict_args") is True,
            constructor_args=tuple(arguments),
            network=Network.parse(fields.get("network")),
        )
