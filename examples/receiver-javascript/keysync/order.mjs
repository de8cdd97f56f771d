// Duplicate and stale notifications.

import { DEFAULT_TOLERANCE } from './verifier.mjs';

/**
 * Remembers the ids of verified events for twice the tolerance, after which a replayed callback is
 * too old anyway. It prevents duplicate side effects; it does not know the order of events.
 */
export class ReplayGuard {
  #seenAt = new Map(); // oldest first

  constructor(tolerance = DEFAULT_TOLERANCE, capacity = 100_000) {
    this.rememberedFor = 2 * tolerance;
    this.capacity = capacity;
  }

  /** Whether the event was not seen before. Remembers its id. */
  isNew(eventId, now = new Date()) {
    const seconds = now.getTime() / 1000;
    for (const [id, at] of this.#seenAt) {
      if (seconds - at <= this.rememberedFor) break;
      this.#seenAt.delete(id);
    }
    if (this.#seenAt.has(eventId)) return false;
    if (this.#seenAt.size >= this.capacity) this.#seenAt.delete(this.#seenAt.keys().next().value);
    this.#seenAt.set(eventId, seconds);
    return true;
  }

  /** Forgets an event that you could not process, before a 503: its retry must not count as a duplicate. */
  forget(eventId) {
    this.#seenAt.delete(eventId);
  }
}

/**
 * The newest notification of each key, for the keys that were notified last. A real service stores
 * it in its database, with the sequence.
 */
export class Latest {
  #byKey = new Map(); // the key notified longest ago first

  constructor(capacity = 100_000) {
    this.capacity = capacity;
  }

  /** `newer` (stored), `repeated` (already known) or `stale` (older; acting on it would undo the newer one). */
  offer(notification) {
    const known = this.#byKey.get(notification.keyId);
    if (known && notification.sequence <= known.sequence) {
      return notification.sequence === known.sequence ? 'repeated' : 'stale';
    }
    this.#byKey.delete(notification.keyId);
    if (this.#byKey.size >= this.capacity) this.#byKey.delete(this.#byKey.keys().next().value);
    this.#byKey.set(notification.keyId, notification);
    return 'newer';
  }

  get(keyId) {
    return this.#byKey.get(keyId);
  }
}
