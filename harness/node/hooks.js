const { Harness } = require('./harness.js');

/** @typedef {(work: () => Promise<void>) => unknown} Hook */

/**
 * A harness that a test framework starts before the tests of a file, resets before each of them,
 * and stops after them.
 * @param {{ beforeAll: Hook, beforeEach: Hook, afterAll: Hook }} hooks
 * @param {string[]} options
 */
function harnessOf({ beforeAll, beforeEach, afterAll }, options) {
  const harness = new Harness(...options);
  beforeAll(async () => {
    await harness.start();
  });
  beforeEach(async () => {
    await harness.reset();
  });
  afterAll(async () => {
    await harness.stop();
  });
  return harness;
}

exports.harnessOf = harnessOf;
