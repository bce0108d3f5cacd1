"""How the process that answers is doing: its age, what it has answered, and what it uses of its machine."""

import os
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MEMORY = _PAGE * os.sysconf("SC_PHYS_PAGES")
_STATM = Path("/proc/self/statm")


@dataclass(slots=True)
class Vitals:
    """Counted from when the process began to serve."""

    began: float = field(default_factory=time.monotonic)
    answered: int = 0
    _counter: "count[int]" = field(default_factory=lambda: count(1))

    def request_answered(self) -> None:
        """One more."""
        self.answered = next(self._counter)

    @property
    def uptime_seconds(self) -> float:
        """Seconds."""
        return time.monotonic() - self.began

    @property
    def requests_per_second(self) -> float:
        """On average."""
        return round(self.answered / max(self.uptime_seconds, 1.0), 2)

    @property
    def memory_percent(self) -> float:
        """Of the machine's, or the function's, memory."""
        try:
            pages = int(_STATM.read_text(encoding="ascii").split()[1])
        except OSError:
            return 0.0
        return round(100 * pages * _PAGE / _MEMORY, 1)

    @property
    def cpu_percent(self) -> float:
        """Of one processor, on average."""
        return round(100 * time.process_time() / max(self.uptime_seconds, 1.0), 1)


vitals = Vitals()
