"""Verifies that a contract on a chain is made of certain sources, and hands these to an explorer if it is."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from claimcheck_agent.contracts.abi import constructor_inputs, encode_arguments
from claimcheck_agent.contracts.arguments import BadArguments, check_arguments
from claimcheck_agent.contracts.bytecode import Comparison, Level, compare, compiler_version
from claimcheck_agent.contracts.compiler import SETTINGS, NotCompiled, make_input
from claimcheck_agent.contracts.creation import Ask, Creation, Deployed, check_creation
from claimcheck_agent.contracts.explorers import Patience, Sources, Submission, submit
from claimcheck_agent.contracts.order import Network
from claimcheck_agent.contracts.recompile import CODE, BadInput, Recompiled, Target, recompile
from claimcheck_agent.contracts.tools import Toolchain

Say = Callable[[str], None]

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
NAME = re.compile(r"([^:]+:)?[A-Za-z_$][\w$]*")
# What is tried, in this order, for sources that come without settings: ours, and what other tools do by themselves.
TRIED: Sequence[Mapping[str, Any]] = (
    SETTINGS,
    {},
    {"optimizer": SETTINGS["optimizer"]},
    {"evmVersion": SETTINGS["evmVersion"]},
)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What is to be verified: that at this address is this contract.

    Attributes:
        network: the chain that it is on.
        address: 0x and 40 digits.
        contract: its name, or `file:Contract`.
        constructor_args: values for the ABI; None, or none for a constructor that takes some, to believe those that it
            was created with.
        standard_input: solc's; None if there is only `source_code`, whose settings have to be guessed.
        source_code: one file.
        tx_hash: the transaction that created it, if it is known.
    """

    network: Network
    address: str
    contract: str
    constructor_args: Sequence[Any] | None
    standard_input: Mapping[str, Any] | None = None
    source_code: str | None = None
    tx_hash: str | None = None

    @classmethod
    def parse(cls, order: Mapping[str, Any], given: Mapping[str, Any]) -> "Claim":
        """Read a job's payload and its input, which has `standard_input` or `source_code`.

        Raises:
            BadOrder: the network is not what it should be.
            BadInput: another field is not.
        """
        address, contract = order.get("address"), order.get("contract")
        arguments, code = order.get("constructor_args"), given.get("source_code")
        if not isinstance(address, str) or not ADDRESS.fullmatch(address):
            raise BadInput("The address must be 0x and 40 hexadecimal digits.")
        if not isinstance(contract, str) or not NAME.fullmatch(contract):
            raise BadInput("The contract must be named, as MyToken or contracts/MyToken.sol:MyToken.")
        if arguments is not None and not isinstance(arguments, list):
            raise BadInput("The constructor's arguments must be a list.")
        if "standard_input" not in given and not isinstance(code, str):
            raise BadInput("There must be a standard JSON input, or the text of a source.")
        return cls(
            network=Network.parse(order.get("network")),
            address=address,
            contract=contract,
            constructor_args=arguments,
            standard_input=given.get("standard_input"),
            source_code=code,
            tx_hash=order.get("tx_hash"),
        )

    def inputs(self) -> list[Mapping[str, Any]]:
        """Give the inputs that may be the right one, the likeliest first."""
        if self.standard_input is not None:
            return [self.standard_input]
        path = f"contracts/{self.contract.rpartition(':')[2]}.sol"
        return [make_input({path: self.source_code or ""}, settings) for settings in TRIED]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The result of a verification.

    Attributes:
        verified: whether the chain's code, and how it was created, agree with the sources. That is found out here, and
            does not depend on an explorer.
        match: `full`, or `partial` if the hash of the metadata is another.
        reason: why it is not verified, or what could not be checked; a sentence.
        explorer_url: the contract's page.
        submitted: what came of handing the sources to an explorer.
    """

    verified: bool
    match: Level | None = None
    reason: str | None = None
    explorer_url: str | None = None
    submitted: Sequence[Submission] = field(default_factory=tuple)

    def as_json(self) -> dict[str, Any]:
        """Give it as a job's result has it."""
        return asdict(self) | {"submitted": [asdict(submission) for submission in self.submitted]}


def verify(
    claim: Claim,
    tools: Toolchain,
    ask: Ask,
    *,
    key: str | None = None,
    say: Say = lambda _: None,
    patience: Patience | None = None,
) -> Verdict:
    """Verify a contract; `key` is that of the network's explorer, if it wants one.

    Raises:
        BadInput: the claim cannot be examined.
        ToolFailed: the compiler did not work.
        Whatever `ask` raises.
    """
    page = claim.network.page(claim.address)
    deployed = Deployed(address=claim.address, code=_code(ask, claim.address), tx_hash=claim.tx_hash)
    try:
        recompiled, target, comparison = _best(claim, tools, deployed.code, say)
    except NotCompiled as error:
        return Verdict(verified=False, reason=f"The sources cannot be compiled: {error}", explorer_url=page)
    if comparison.match is None:
        return Verdict(verified=False, reason=comparison.reason, explorer_url=page)
    try:
        arguments = _encoded(target, claim)
    except BadArguments as error:
        return Verdict(verified=False, reason=f"The arguments do not fit: {error}.", explorer_url=page)
    created = check_creation(ask, deployed, target.compiled, comparison.libraries, arguments)
    say(f"the bytecode is a {comparison.match} match; the creation: {_in_words(created)}")
    if created.agrees is False:
        return Verdict(verified=False, reason=created.reason, explorer_url=page)
    submitted = _submit(claim, recompiled, target, created, key, say, patience)
    return Verdict(
        verified=True,
        match=comparison.match,
        reason=comparison.reason or created.reason,
        explorer_url=page or next((one.url for one in submitted if one.url), None),
        submitted=submitted,
    )


def _code(ask: Ask, address: str) -> bytes:
    return bytes.fromhex(ask("eth_getCode", [address, "latest"])[2:])


def _best(claim: Claim, tools: Toolchain, deployed: bytes, say: Say) -> tuple[Recompiled, Target, Comparison]:
    """Compile the inputs until one matches; gives that, or else the first."""
    first: tuple[Recompiled, Target, Comparison] | None = None
    for given in claim.inputs():
        recompiled = recompile(tools, given, CODE)
        target = recompiled.find(claim.contract)
        comparison = compare(target.compiled, deployed)
        say(f"compiled {target.fq_name} with solc {recompiled.version}: {comparison.match or 'no'} match")
        found = recompiled, target, comparison
        if comparison.match:
            return found
        first = first or found
        by = compiler_version(deployed)
        if not deployed or (by and not recompiled.version.startswith(f"{by}+")):
            break
    if first is None:
        raise BadInput("There is nothing to compile.")
    return first


def _encoded(target: Target, claim: Claim) -> bytes | None:
    """Encode the arguments of the constructor; None if they are not given.

    Raises:
        BadArguments: they are not what it takes.
    """
    inputs, given = constructor_inputs(target.compiled["abi"]), list(claim.constructor_args or ())
    if inputs and not given:
        return None
    if len(given) != len(inputs) or None in given:
        raise BadArguments(f"the constructor takes {len(inputs)} arguments; {len(given)} were given")
    return encode_arguments(inputs, check_arguments(inputs, given, strict=False, deployer=""))


def _submit(
    claim: Claim,
    recompiled: Recompiled,
    target: Target,
    created: Creation,
    key: str | None,
    say: Say,
    patience: Patience | None,
) -> tuple[Submission, ...]:
    verifier = claim.network.verifier
    if not verifier:
        return ()
    sources = Sources(
        chain_id=claim.network.chain_id,
        address=claim.address,
        standard_input=recompiled.standard_input,
        contract=target.fq_name,
        compiler=recompiled.version,
        arguments=created.arguments,
        tx_hash=created.tx_hash,
    )
    submission = submit(verifier, sources, key, patience)
    say(f"{submission.explorer}: {submission.status}{f' ({submission.message})' if submission.message else ''}")
    return (submission,)


def _in_words(created: Creation) -> str:
    return {True: "agrees", False: "does not agree", None: "could not be checked in full"}[created.agrees]
