#!/usr/bin/env node
// Copies what the Rust side needs of the compiled contracts, {abi, bytecode}, from out/ to the l1 crate.
//
//   forge build && node tools/artifacts.js           writes the files
//   forge build && node tools/artifacts.js --check   fails when the committed files differ
'use strict';

const { mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const path = require('node:path');

const CONTRACTS = [
  'Claims',
  'Committee',
  'Exits',
  'Halves',
  'QueryVerifier',
  'Rollup',
  'StatementVerifier',
  'TestToken',
  'ValidityVerifier',
  'Vault',
];
const ROOT = path.join(__dirname, '..');
const COMPILED = path.join(ROOT, 'out');
const COMMITTED = path.join(ROOT, '..', 'crates', 'edges', 'l1', 'abi');

function main(args) {
  const unknown = args.filter((arg) => arg !== '--check');
  if (unknown.length > 0) fail(`artifacts.js knows only --check, not: ${unknown.join(' ')}`);

  const artifacts = CONTRACTS.map((name) => ({
    file: path.join(COMMITTED, `${name}.json`),
    text: artifactText(name),
  }));
  if (args.includes('--check')) {
    const stale = artifacts.filter(({ file, text }) => readOr(file, null) !== text);
    const names = stale.map(({ file }) => path.relative(path.join(ROOT, '..'), file));
    if (stale.length > 0) fail(`stale: ${names.join(', ')}\nRun \`npm run artifacts\` in contracts/ and commit them.`);
  } else {
    mkdirSync(COMMITTED, { recursive: true });
    for (const { file, text } of artifacts) writeFileSync(file, text);
  }
}

function artifactText(name) {
  const file = path.join(COMPILED, `${name}.sol`, `${name}.json`);
  const text = readOr(file, null);
  if (text === null) fail(`missing ${path.relative(ROOT, file)}: run \`forge build\` in contracts/ first`);
  const { abi, bytecode } = JSON.parse(text);
  if (Object.keys(bytecode.linkReferences).length > 0) fail(`${name} wants a library linked, which nobody here does`);
  return `${JSON.stringify(sorted({ abi: sortedEntries(abi), bytecode: bytecode.object }), null, 2)}\n`;
}

// The compiler lists entries in an order that may change with unrelated edits.
function sortedEntries(abi) {
  const key = ({ type, name = '', inputs = [] }) => `${type} ${name}(${inputs.map((input) => input.type).join()})`;
  return [...abi].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

// Sorts keys at every depth, and spells user-defined value types as what they are on the wire: a reader of the ABI
// would otherwise make wrapper types out of them.
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.keys(value).sort().map((key) => [key, sorted(value[key])]);
  const result = Object.fromEntries(entries);
  if (typeof result.internalType === 'string' && !result.internalType.includes(' ')) result.internalType = result.type;
  return result;
}

function readOr(file, fallback) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return fallback;
    throw error;
  }
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

main(process.argv.slice(2));
