"""What the jobs table's stream has delivered, to be delivered again."""

import copy
from typing import Any

from local.delivery import Delivery, Record


class Recorder(Delivery):
    """Delivers as before, and keeps what it was given."""

    def __init__(self, real: Delivery) -> None:
        super().__init__(real._stream_arn, real._handlers)
        self.records: list[Record] = []

    def deliver(self, records: Any) -> None:
        self.records += copy.deepcopy(list(records))
        super().deliver(records)

    def afresh(self) -> Delivery:
        """To the same handlers, with nothing put aside yet."""
        return Delivery(self._stream_arn, self._handlers)
