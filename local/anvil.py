"""``python -P local/anvil.py HANDLE PORT CHAIN_ID``: installs the tools for contracts once, and becomes anvil.

HANDLE is an open socket that keeps the port until anvil takes it. Run as a file: where it is run from says nothing.
"""

import os
import sys
from collections.abc import Sequence

from claimcheck_agent.contracts.tools import Toolchain, ToolFailed, default_folder

MARK = "local chain: "
"""What a line begins with that is for the person at the terminal."""
KEPT_STATES = 500


def main(arguments: Sequence[str]) -> None:
    """Become anvil; returns never."""
    handle, port, chain_id = arguments
    try:
        program = str(Toolchain.installed(default_folder(), _tell).anvil)
    except (ToolFailed, OSError) as error:
        what, _, details = str(error).partition("\n")
        print(details, flush=True)
        sys.exit(what.rstrip(":"))
    os.close(int(handle))
    # Accounts and blocks are in memory alone: old states would else be put on the disk.
    options = ("--threads=1", f"--prune-history={KEPT_STATES}")
    os.execv(program, [program, "--host=127.0.0.1", f"--port={port}", f"--chain-id={chain_id}", *options])  # noqa: S606  without a shell


def _tell(text: str) -> None:
    print(f"{MARK}{text}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
