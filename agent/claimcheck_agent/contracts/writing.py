"""Writes, compiles and tries a contract: by rules and the wizard, or by a model, which is told what is wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from claimcheck_agent.builds.model.settings import Model
from claimcheck_agent.contracts.abi import constructor_inputs, encode_arguments, is_contract
from claimcheck_agent.contracts.anvil import Anvil
from claimcheck_agent.contracts.arguments import check_arguments, describe, named
from claimcheck_agent.contracts.compiler import LARGEST_CODE, Compiled, Contract, NotCompiled, compile_sources
from claimcheck_agent.contracts.model import Writer
from claimcheck_agent.contracts.naming import source_path
from claimcheck_agent.contracts.order import Order
from claimcheck_agent.contracts.prompt import NotUnderstood, understand
from claimcheck_agent.contracts.rpc import Refused
from claimcheck_agent.contracts.tools import LIBRARY, Toolchain
from claimcheck_agent.contracts.trial import STAND_IN, TrialFailed, Tried
from claimcheck_agent.contracts.trial_checks import checks_of
from claimcheck_agent.contracts.understood import Understood
from claimcheck_agent.contracts.wizard import write_contract
from claimcheck_agent.masking import Masker

MODEL_FILE = "Contract.sol"  # Of a model's contract, until its name is known.


class StageFailed(Exception):
    """A stage did not get its work done; the message is for the pipeline's owner."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """A contract that compiles, and does what was asked for.

    Attributes:
        source: its text.
        compiled: what the compiler made of it.
        contract: the one that is deployed.
        arguments: of its constructor, checked.
        understood: what rules understood of the prompt; None if it was too much for them.
        iterations: how often it was written.
        written_by: "wizard", or the model.
    """

    source: str
    compiled: Compiled
    contract: Contract
    arguments: list[Any]
    understood: Understood | None
    iterations: int
    written_by: str

    @property
    def encoded_arguments(self) -> bytes:
        """Give the arguments as the constructor takes them."""
        return encode_arguments(constructor_inputs(self.contract.abi), self.arguments)


Stage = Callable[[str, str], None]
"""Tells that a stage begins, with what is done in it."""
Say = Callable[[str], None]


class Writing:
    """Writes one contract."""

    def __init__(self, order: Order, tools: Toolchain, deployer: str, stage: Stage, say: Say) -> None:
        self._order = order
        self._tools = tools
        self._deployer = deployer
        self._stage = stage
        self._say = say
        self.understood: Understood | None = None

    def by_rules(self) -> Written:
        """Have the wizard write what the rules understand.

        Raises:
            NotUnderstood, BadName: they do not.
            StageFailed: it does not compile, or does not do what was asked for.
            BadArguments: the arguments are not the constructor's.
            ToolFailed: a tool did not work.
        """
        self._stage("generate", "Reading the prompt")
        understood = understand(self._order.prompt, self._order.filename)
        self.understood = understood
        self._tell_understood(understood)
        path = source_path(self._order.filename, understood.contract)
        source = write_contract(self._tools, understood)
        self._say(f"the wizard has written {path} ({len(source.splitlines())} lines)")
        try:
            return self._checked(path, source, understood, written_by="wizard", iterations=1)
        except (NotCompiled, TrialFailed) as error:
            raise StageFailed(str(error)) from error

    def by_model(self, model: Model) -> Written:
        """Have a model write it, and again while it has errors.

        Raises:
            StageFailed: it was not right after all iterations.
            BadName, BadArguments, ModelFailed, ToolFailed: as for rules.
        """
        self._stage("generate", "Asking the model")
        self._say(f"the contract is written by the model {model.name}, asked at {model.host}")
        try:
            self.understood = understood = understand(self._order.prompt, self._order.filename)
            self._tell_understood(understood)
        except NotUnderstood as error:
            understood = None
            self._say(f"{error} The model's contract is not checked for what was asked for.")
        masker = Masker([model.key] if model.key else [])
        versions = {"solidity": self._tools.version("solc"), "library": self._tools.version(LIBRARY)}
        wanted = understood.contract if understood else None
        with Writer(model, masker, contract=wanted, **versions) as writer:
            writer.order(self._order.prompt, understood)
            problem = "its answers had no contract in them"
            for iteration in range(1, self._order.max_iters + 1):
                self._stage("generate", f"Iteration {iteration}")
                source = writer.write()
                if source is None:
                    self._say("the model's answer has no contract in it")
                    continue
                try:
                    return self._one(source, understood, model, iteration)
                except (NotCompiled, TrialFailed) as error:
                    problem = str(error)
                    self._say(problem)
                    writer.complain("compiling" if isinstance(error, NotCompiled) else "trying it", problem)
        raise StageFailed(f"The model did not get it right in {self._order.max_iters} iterations: {problem}")

    def _one(self, source: str, understood: Understood | None, model: Model, iteration: int) -> Written:
        path = source_path(self._order.filename, understood.contract if understood else MODEL_FILE.removesuffix(".sol"))
        self._say(f"the model has written {path} ({len(source.splitlines())} lines)")
        return self._checked(path, source, understood, written_by=f"model {model.name}", iterations=iteration)

    def _checked(
        self, path: str, source: str, understood: Understood | None, *, written_by: str, iterations: int
    ) -> Written:
        """Compile and try.

        Raises:
            NotCompiled: it has errors.
            TrialFailed: it does not do what was asked for.
            BadArguments: the arguments are not the constructor's.
        """
        self._stage("compile", "Compiling")
        compiled = compile_sources(self._tools, {path: source})
        for warning in compiled.warnings:
            self._say(warning)
        contract = _the_one(compiled, understood)
        how = compiled.compiler
        self._say(f"compiled {contract.fq_name} with solc {how.version}: {len(contract.runtime)} bytes")
        inputs = constructor_inputs(contract.abi)
        given, strict = self._order.constructor_args, self._order.strict_args
        arguments = check_arguments(inputs, given, strict=strict, deployer=self._deployer)
        written = Written(
            source=source,
            compiled=compiled,
            contract=contract,
            arguments=arguments,
            understood=understood,
            iterations=iterations,
            written_by=written_by,
        )
        self._try(written, named(inputs, arguments))
        return written

    def _try(self, written: Written, arguments: Mapping[str, Any]) -> None:
        self._stage("test", "Trying it on a chain of its own")
        contract = written.contract
        inputs = constructor_inputs(contract.abi)
        for line in describe(inputs, written.arguments):
            self._say(f"argument {line}")
        with Anvil(self._tools) as anvil:
            for parameter, value in zip(inputs, written.arguments, strict=True):
                if is_contract(parameter):
                    anvil.set_code(value, STAND_IN)
            try:
                address = anvil.deploy_as(self._deployer, contract.creation + written.encoded_arguments, contract.abi)
            except Refused as error:
                raise TrialFailed(f"it cannot be deployed: {error}") from None
            tried = Tried(anvil=anvil, address=address, abi=contract.abi, arguments=arguments, deployer=self._deployer)
            self._say("ok: it can be deployed")
            for what, check in checks_of(written.understood) if written.understood else ():
                try:
                    check(tried)
                except TrialFailed as error:
                    raise TrialFailed(f"{what}: {error}") from None
                self._say(f"ok: {what}")

    def _tell_understood(self, understood: Understood) -> None:
        self._say(f"understood: {understood.describe()}")
        for assumed in understood.assumed:
            self._say(f"assumed: {assumed}")
        if understood.set_aside:
            self._say(f"set aside, since the rules do not know these words: {', '.join(understood.set_aside)}")


def _the_one(compiled: Compiled, understood: Understood | None) -> Contract:
    """Give the contract that is to be deployed.

    Raises:
        NotCompiled: there is none, there are several, or it is too large.
    """
    found = [contract for contract in compiled.contracts if contract.creation]
    wanted = [contract for contract in found if understood and contract.name == understood.contract] or found
    if len(wanted) != 1:
        names = ", ".join(contract.name for contract in wanted) or "none"
        raise NotCompiled(f"There must be exactly one contract that can be deployed; there are: {names}.")
    (contract,) = wanted
    if len(contract.runtime) > LARGEST_CODE:
        raise NotCompiled(
            f"{contract.name} has {len(contract.runtime)} bytes; no chain takes more than {LARGEST_CODE}."
        )
    return contract
