// A harness for the tests of a file, with Node's test runner.

const { after, before, beforeEach } = require('node:test');

const { harnessOf } = require('./hooks.js');

/**
 * A harness with further options of `harness up`. It starts before the tests of this file, is reset
 * before each of them, and stops after them.
 * @param {...string} options
 */
function useHarness(...options) {
  return harnessOf({ beforeAll: before, beforeEach, afterAll: after }, options);
}

exports.useHarness = useHarness;
