// A harness for the tests of a file, with Jest, or another framework that has its global hooks.

const { HarnessFailed } = require('./failed.js');
const { harnessOf } = require('./hooks.js');

/** @import { Hook } from './hooks.js' */

/**
 * A harness with further options of `harness up`. It starts before the tests of this file, is reset
 * before each of them, and stops after them.
 * @param {...string} options
 */
function useHarness(...options) {
  const hooks = /** @type {{ beforeAll?: Hook, beforeEach?: Hook, afterAll?: Hook }} */ (globalThis);
  const { beforeAll, beforeEach, afterAll } = hooks;
  if (!beforeAll || !beforeEach || !afterAll) {
    throw new HarnessFailed('beforeAll, beforeEach and afterAll must be global, as with `injectGlobals` of Jest');
  }
  return harnessOf({ beforeAll, beforeEach, afterAll }, options);
}

exports.useHarness = useHarness;
