/** The harness does not start, has exited, or rejects a request. The message has the reason. */
class HarnessFailed extends Error {
  name = 'HarnessFailed';
}

exports.HarnessFailed = HarnessFailed;
