// Finds the command `harness`.

const { HarnessFailed } = require('./failed.js');

/** The command `harness`: the one that KEYSYNC_HARNESS_BIN names, or that of this machine's package. */
function findCommand() {
  const named = process.env.KEYSYNC_HARNESS_BIN;
  if (named) {
    return named;
  }
  const name = `@keysync/harness-${process.platform}-${process.arch}`;
  try {
    return require.resolve(`${name}/bin/harness`);
  } catch {
    throw new HarnessFailed(
      `the package ${name} is not installed: install it beside keysync-harness, in the same version, or set ` +
        'KEYSYNC_HARNESS_BIN to the path of the command `harness`',
    );
  }
}

exports.findCommand = findCommand;
