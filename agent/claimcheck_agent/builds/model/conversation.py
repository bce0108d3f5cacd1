"""A conversation with a model: what was said, what it has cost, and when it has to end."""

import json
import time
from collections import Counter
from collections.abc import Sequence

from claimcheck_agent.builds.model import prompts
from claimcheck_agent.builds.model.calls import Call, calls_in
from claimcheck_agent.builds.model.chat import Chat, Message, ModelFailed, NoTools, Said
from claimcheck_agent.builds.model.journal import Journal
from claimcheck_agent.builds.model.settings import Budget
from claimcheck_agent.builds.model.tools import Done, described


class Conversation:
    """Asks and answers, within the budget of one build."""

    def __init__(self, chat: Chat, budget: Budget, journal: Journal, system: str) -> None:
        self._chat = chat
        self._budget = budget
        self._journal = journal
        self._ends = time.monotonic() + budget.seconds
        self._messages: list[Message] = [{"role": "system", "content": system}]
        self._knows_tools = True
        self._tokens = 0
        self._mistakes = 0
        self._done: Counter[tuple[object, ...]] = Counter()

    @property
    def seconds(self) -> float:
        """The time that is left."""
        return max(0.0, self._ends - time.monotonic())

    def tell(self, text: str) -> None:
        """Add something for the model to read before its next answer."""
        self._messages.append({"role": "user", "content": text})

    def ask_for_text(self) -> str:
        """Have the model answer without tools.

        Raises:
            ModelFailed: it cannot, or the budget is used up.
        """
        said = self._ask(())
        self._messages.append({"role": "assistant", "content": said.text})
        return said.text

    def ask_for_calls(self) -> tuple[Call, ...]:
        """Have the model answer with calls of tools; none if it did not, of which it has been told.

        Raises:
            ModelFailed: it cannot, or the budget is used up.
        """
        try:
            said = self._ask(described() if self._knows_tools else ())
        except NoTools:
            self._journal.say("the model knows no tools; it is asked to write calls as JSON")
            self._knows_tools = False
            shown = "\n".join(json.dumps(tool["function"]) for tool in described())
            self._messages[0]["content"] += prompts.IN_TEXT.format(tools=shown)
            said = self._ask(())
        calls = said.calls or calls_in(said.text)
        if said.cut_off:
            calls = ()
        self._remember(said, calls)
        if not calls:
            self.tell(prompts.CUT_OFF if said.cut_off else prompts.NO_CALL)
            self._mistaken()
        return calls

    def answer(self, calls: Sequence[Call], outcomes: Sequence[Done], project: str) -> None:
        """Tell the model what came of its calls; `project` is the project's digest after them.

        Raises:
            ModelFailed: it makes nothing but mistakes, or does the same over and over.
        """
        if calls[0].id:
            for call, done in zip(calls, outcomes, strict=True):
                self._messages.append({"role": "tool", "tool_call_id": call.id, "content": done.told})
        else:
            told = (f"{call.tool}: {done.told}" for call, done in zip(calls, outcomes, strict=True))
            self.tell("\n\n".join(told))
        if any(done.ok for done in outcomes):
            self._mistakes = 0
        else:
            self._mistaken()
        same = (*((call.tool, call.arguments) for call in calls), project)
        self._done[same] += 1
        if self._done[same] >= self._budget.repeats:
            raise ModelFailed(f"The model goes round in circles: it did the same {self._budget.repeats} times.")

    def _ask(self, tools: Sequence[Message]) -> Said:
        if self._tokens >= self._budget.tokens:
            raise ModelFailed(f"The build has used up its {self._budget.tokens} tokens.")
        if not self.seconds:
            raise ModelFailed(f"The build has used up its {self._budget.seconds:g} seconds.")
        said = self._chat.ask(self._messages, tools, self.seconds)
        self._tokens += said.tokens
        return said

    def _remember(self, said: Said, calls: Sequence[Call]) -> None:
        # Some endpoints refuse a conversation with an empty message in it.
        message: Message = {"role": "assistant", "content": said.text or ("" if calls else "(nothing)")}
        if calls and calls[0].id:
            message["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.tool, "arguments": call.arguments}}
                for call in calls
            ]
        self._messages.append(message)

    def _mistaken(self) -> None:
        self._mistakes += 1
        if self._mistakes >= self._budget.mistakes:
            raise ModelFailed(
                f"The model gave {self._mistakes} answers in a row of which nothing could be carried out; "
                "it may be too small for this."
            )
