// Compiles: node compile.js INPUT OUTPUT
//
// INPUT is solc's standard JSON input (https://docs.soliditylang.org/en/latest/using-the-compiler.html). Imports of
// @openzeppelin/contracts that it leaves out are found here. OUTPUT becomes {"version": "0.8.37+commit...", "imported":
// {path: text}, "output": solc's standard JSON output}.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const solc = require('solc');

const LIBRARY = '@openzeppelin/contracts/';
const MODULES = path.join(__dirname, 'node_modules');

const imported = {};

function find(wanted) {
  if (!wanted.startsWith(LIBRARY) || path.posix.normalize(wanted) !== wanted || !wanted.endsWith('.sol')) {
    return { error: 'only sources of @openzeppelin/contracts can be imported' };
  }
  try {
    imported[wanted] = fs.readFileSync(path.join(MODULES, wanted), 'utf8');
  } catch {
    return { error: 'this version of @openzeppelin/contracts has no such file' };
  }
  return { contents: imported[wanted] };
}

const [from, to] = process.argv.slice(2);
const output = solc.compile(fs.readFileSync(from, 'utf8'), { import: find });
const version = solc.version().replace(/\.Emscripten.*$/, '');
fs.writeFileSync(to, JSON.stringify({ version, imported, output: JSON.parse(output) }));
