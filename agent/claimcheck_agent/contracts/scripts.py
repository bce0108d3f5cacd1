"""A Foundry project that deploys the same contract again, by whoever has its files.

https://getfoundry.sh
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from claimcheck_agent.contracts.compiler import Compiled, Contract
from claimcheck_agent.contracts.tools import LIBRARY

BYTES_IN_LINE = 64

FOUNDRY = """\
[profile.default]
src = "contracts"
script = "script"
out = "out"
libs = ["node_modules"]
solc_version = "{solc}"
evm_version = "{evm}"
optimizer = {optimizer}
optimizer_runs = {runs}
remappings = ["{library}/=node_modules/{library}/"]
"""

DEPLOY = """\
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {{{contract}}} from "../{path}";

/// What forge offers to scripts: https://getfoundry.sh/reference/cheatcodes/overview
interface Vm {{
    function startBroadcast() external;
    function stopBroadcast() external;
}}

/// Deploys {contract} with the arguments that it was first deployed with.
contract Deploy {{
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    // The constructor's arguments, ABI-encoded:
{comments}
    bytes private constant ARGUMENTS ={arguments};

    function run() external returns ({contract} deployed) {{
        bytes memory code = abi.encodePacked(type({contract}).creationCode, ARGUMENTS);
        address created;
        VM.startBroadcast();
        assembly {{
            created := create(0, add(code, 0x20), mload(code))
        }}
        VM.stopBroadcast();
        require(created != address(0), "the contract could not be deployed");
        return {contract}(payable(created));
    }}
}}
"""

README = """\
# {contract}

Deploys `{path}` once more, with [Foundry](https://getfoundry.sh) and Node.js:

    npm install
    forge script script/Deploy.s.sol:Deploy --rpc-url "$RPC_URL" --private-key "$PRIVATE_KEY" --broadcast

The files belong in one folder: the source in `{path}`, this script in `script/`. The constructor's arguments, and with
them the addresses of those who are entitled, are those of the first deployment; they are in `script/Deploy.s.sol`.
`foundry.toml` has the compiler's version and settings, which make the same code.
"""


@dataclass(frozen=True, kw_only=True)
class Constructed:
    """What a contract was constructed with: its arguments as lines of ASCII that say them, and encoded."""

    described: Sequence[str]
    encoded: bytes


def foundry_project(compiled: Compiled, contract: Contract, made: Constructed, library: str) -> Mapping[str, str]:
    """Give the project's files but for the sources; `library` is the version of OpenZeppelin's contracts."""
    how = compiled.compiler
    comments = "\n".join(f"    //   {line}" for line in made.described or ("none",))
    dependencies = {"name": contract.name.lower(), "private": True, "dependencies": {LIBRARY: library}}
    return {
        "foundry.toml": FOUNDRY.format(
            solc=how.version.partition("+")[0],
            evm=how.evm_version,
            optimizer=str(how.optimizer).lower(),
            runs=how.runs,
            library=LIBRARY,
        ),
        "script/Deploy.s.sol": DEPLOY.format(
            contract=contract.name, path=contract.path, comments=comments, arguments=_literal(made.encoded)
        ),
        "package.json": json.dumps(dependencies, indent=2) + "\n",
        "README.md": README.format(contract=contract.name, path=contract.path),
    }


def _literal(data: bytes) -> str:
    """Write bytes as Solidity does, some on each line."""
    pieces = [data[start : start + BYTES_IN_LINE] for start in range(0, len(data), BYTES_IN_LINE)] or [b""]
    return "".join(f'\n        hex"{piece.hex()}"' for piece in pieces)
