"""What the build's owner is told while a model writes: lines of the log, and how far it is."""

from claimcheck_agent.handlers import Tell
from claimcheck_agent.masking import Masker
from claimcheck_agent.task import say

LONGEST = 4000  # Characters of one message.
AFTER_PLAN, BEFORE_END = 10, 90  # Percent.
SLOWNESS = 20  # How many turns take half of the way that is left; nobody knows how many there will be.


class Journal:
    """Prints for the job's log, and reports progress. What is secret is masked in both."""

    def __init__(self, tell: Tell, masker: Masker) -> None:
        self._tell = tell
        self.masker = masker
        self._turns = 0

    def say(self, text: str) -> None:
        """Print text, which may be anybody's, or its beginning if it is too long."""
        cut = text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
        say(self.masker.mask(cut))

    def planning(self) -> None:
        """Report that the model has been asked for a plan."""
        self._tell({"percent": 5, "step": "Planning", "files_created": 0})

    def turn(self, files: int) -> None:
        """Report that the model is asked for more."""
        self._turns += 1
        self._report("Generating code", files)

    def testing(self, files: int) -> None:
        """Report that what there is is being tested."""
        self._report("Running tests", files)

    def _report(self, step: str, files: int) -> None:
        way = BEFORE_END - AFTER_PLAN
        percent = BEFORE_END - round(way * 0.5 ** (self._turns / SLOWNESS))
        self._tell({"percent": percent, "step": step, "files_created": files})


def shortened(text: str, most: int) -> str:
    """Give a text, or its beginning and, mostly, its end if it is longer than so many characters."""
    if len(text) <= most:
        return text
    head = most // 4
    left_out = len(text) - most
    return f"{text[:head]}\n[… {left_out} characters left out …]\n{text[head - most :]}"
