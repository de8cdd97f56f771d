#!/usr/bin/env node
// The command `harness`, with the arguments, the streams and the exit code of this process.

const { spawn } = require('node:child_process');

const { findCommand } = require('../command.js');

let command;
try {
  command = findCommand();
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
const harness = spawn(command, process.argv.slice(2), { stdio: 'inherit' });
for (const signal of /** @type {NodeJS.Signals[]} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => harness.kill(signal));
}
harness.once('error', (error) => {
  console.error(`error: ${command} cannot be started: ${error.message}`);
  process.exitCode = 1;
});
harness.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
