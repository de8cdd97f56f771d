// Rejected callbacks.

/** The reason to reject a callback. `code` is stable; `status` is the status of the response. */
export class Rejected extends Error {
  constructor(code, message) {
    super(message);
    this.name = 'Rejected';
    this.code = code;
    const statuses = { 'too-old': 401, 'too-new': 401, signature: 401, service: 403, 'too-large': 413, 'key-set': 503 };
    this.status = statuses[code] ?? 400;
  }
}
