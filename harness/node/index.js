// keysync and its emulated environment on this machine, for tests in Node.

const { findCommand } = require('./command.js');
const { Control } = require('./control.js');
const { HarnessFailed } = require('./failed.js');
const { Harness } = require('./harness.js');

exports.Control = Control;
exports.Harness = Harness;
exports.HarnessFailed = HarnessFailed;
exports.findCommand = findCommand;

/** @typedef {import('./values.js').Behaviour} Behaviour */
/** @typedef {import('./values.js').Callback} Callback */
/** @typedef {import('./values.js').CallbackQuery} CallbackQuery */
/** @typedef {import('./values.js').Condition} Condition */
/** @typedef {import('./values.js').DeadLetter} DeadLetter */
/** @typedef {import('./values.js').Duration} Duration */
/** @typedef {import('./values.js').DynamoDbFault} DynamoDbFault */
/** @typedef {import('./values.js').Event} Event */
/** @typedef {import('./values.js').Exchange} Exchange */
/** @typedef {import('./values.js').FunctionName} FunctionName */
/** @typedef {import('./values.js').Health} Health */
/** @typedef {import('./values.js').Identity} Identity */
/** @typedef {import('./values.js').Info} Info */
/** @typedef {import('./values.js').Key} Key */
/** @typedef {import('./values.js').LifecycleAction} LifecycleAction */
/** @typedef {import('./values.js').Message} Message */
/** @typedef {import('./values.js').NewKey} NewKey */
/** @typedef {import('./values.js').RecordedRequest} RecordedRequest */
/** @typedef {import('./values.js').Recording} Recording */
/** @typedef {import('./values.js').Replay} Replay */
/** @typedef {import('./values.js').Replayed} Replayed */
/** @typedef {import('./values.js').RequestPart} RequestPart */
/** @typedef {import('./values.js').RequestQuery} RequestQuery */
/** @typedef {import('./values.js').Resource} Resource */
/** @typedef {import('./values.js').Role} Role */
/** @typedef {import('./values.js').ServiceState} ServiceState */
