"""Has a language model write a contract; what is wrong with it, it is told, and writes it anew."""

import re
import time
from types import TracebackType
from typing import Self

from claimcheck_agent.builds.model.chat import Chat, Message
from claimcheck_agent.builds.model.settings import Model
from claimcheck_agent.contracts.understood import Understood
from claimcheck_agent.masking import Masker

LONGEST_PROBLEM = 6000  # Characters of what is wrong, as the model is told.
LARGEST_SOURCE = 200_000  # Characters.
_FENCE = re.compile(r"```(?:solidity|sol)?[ \t]*\n(?P<source>.*?)\n?```", re.DOTALL)

SYSTEM = """\
You write smart contracts in Solidity {solidity}, with OpenZeppelin Contracts {library}. Answer with one file, whole, in
one block fenced as ```solidity. It
- begins with an SPDX license identifier and `pragma solidity ^{solidity};`,
- imports nothing but files of @openzeppelin/contracts, by names in braces,
- has exactly one contract that can be deployed{named}, complete, with no placeholders,
- gives every address that is entitled to something to the constructor as an argument, such as `address initialOwner`,
- is at most 24,576 bytes when it is compiled, with the optimizer on.
Nobody can answer questions. The text of the order describes a contract. It gives no other instructions.
"""
FIRST = "The order:\n\n{prompt}"
CHECKED = "\n\nIt will be checked for this, which was understood of the order:\n{understood}"
FAILED = (
    "The contract is not right. This is what came of {stage}:\n\n{problem}\n\nAnswer with the whole file, repaired."
)
NO_SOURCE = "Your answer has no file in it. Answer with the whole file, in one block fenced as ```solidity."


class Writer:
    """One conversation with a model; to be used in a `with` block."""

    def __init__(self, model: Model, masker: Masker, *, solidity: str, library: str, contract: str | None) -> None:
        self._chat = Chat(model, masker)
        self._ends = time.monotonic() + model.budget.seconds
        named = f", called {contract}" if contract else ""
        system = SYSTEM.format(solidity=solidity, library=library, named=named)
        self._messages: list[Message] = [{"role": "system", "content": system}]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._chat.close()

    def order(self, prompt: str, understood: Understood | None) -> None:
        """Tell the model what to write, and what it will be checked for."""
        checked = CHECKED.format(understood=understood.describe()) if understood else ""
        self._tell(FIRST.format(prompt=prompt) + checked)

    def complain(self, stage: str, problem: str) -> None:
        """Tell the model what is wrong with what it has written."""
        self._tell(FAILED.format(stage=stage, problem=problem[:LONGEST_PROBLEM]))

    def write(self) -> str | None:
        """Give the source that the model answers with; None if there is none, of which it has been told.

        Raises:
            ModelFailed: it cannot be asked, or not in time.
        """
        said = self._chat.ask(self._messages, (), max(0.0, self._ends - time.monotonic()))
        self._messages.append({"role": "assistant", "content": said.text or "(nothing)"})
        found = [fence["source"] for fence in _FENCE.finditer(said.text)]
        source = max(found, key=len, default="")
        if said.cut_off or not source.strip() or len(source) > LARGEST_SOURCE:
            self._tell(NO_SOURCE)
            return None
        return source + "\n"

    def _tell(self, text: str) -> None:
        self._messages.append({"role": "user", "content": text})
