// Writes a contract with OpenZeppelin's wizard: node wizard.js ORDER SOURCE
//
// ORDER is a JSON file: {"kind": "ERC20", "contract": "MyToken", "options": {...}, "cap": "21000000" | null}.
// SOURCE becomes the Solidity text. What the wizard refuses goes to standard error, and the exit code is 1.
//
// A cap on the supply is the one thing that is added to what the wizard knows.
'use strict';

const fs = require('node:fs');
const { buildGeneric, printContract, OptionsError } = require('@openzeppelin/wizard');

const UPDATE = {
  name: '_update',
  kind: 'internal',
  args: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
  ],
};

// OpenZeppelin's own extension; its constructor takes the cap in the token's smallest units.
function capTokens(contract, cap, decimals) {
  const capped = { name: 'ERC20Capped', path: '@openzeppelin/contracts/token/ERC20/extensions/ERC20Capped.sol' };
  contract.addParent(capped, [{ lit: `${cap} * 10 ** ${decimals}` }]);
  contract.addOverride(capped, UPDATE);
}

// There is no such extension for ERC721. Ids are counted from 0, so the next id is how many have been minted.
function capCollection(contract, cap) {
  const mint = contract.functions.find((found) => found.name === 'safeMint');
  contract.addConstantOrImmutableOrErrorDefinition(`uint256 public constant MAX_SUPPLY = ${cap};`);
  mint.code.unshift('require(_nextTokenId < MAX_SUPPLY, "the maximum supply has been minted");');
}

function write(order) {
  const contract = buildGeneric({ kind: order.kind, ...order.options });
  contract.name = order.contract;
  if (order.cap !== null && order.kind === 'ERC20') {
    capTokens(contract, order.cap, order.options.decimals);
  } else if (order.cap !== null) {
    capCollection(contract, order.cap);
  }
  return printContract(contract);
}

const [from, to] = process.argv.slice(2);
try {
  fs.writeFileSync(to, write(JSON.parse(fs.readFileSync(from, 'utf8'))));
} catch (error) {
  if (!(error instanceof OptionsError)) {
    throw error;
  }
  const told = Object.entries(error.messages).map(([option, message]) => `${option}: ${message}`);
  process.stderr.write(`${told.join('\n')}\n`);
  process.exitCode = 1;
}
