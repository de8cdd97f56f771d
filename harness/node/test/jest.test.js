// The helper for Jest. `jest` runs this file, with its global functions.

const { useHarness } = require('keysync-harness/jest');

const harness = useHarness('--function=in-process');

test.each(['first', 'second'])('%s test gets reset harness', async () => {
  await harness.createKey('invoices', { protects: ['cloud-object-storage'] });
  const keys = await harness.keys();
  expect(keys.filter(({ name }) => name === 'invoices')).toHaveLength(1);
});
