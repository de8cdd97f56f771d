package keysync;

import java.time.Duration;
import java.time.Instant;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Remembers the ids of verified events for twice the tolerance, after which a replayed callback is too old anyway. It prevents
 * duplicate side effects; it does not know the order of events, see {@link Latest}.
 */
public final class ReplayGuard {
    private final Duration rememberedFor;
    private final int capacity;
    private final Map<String, Instant> seenAt = new LinkedHashMap<>(); // oldest first

    /** A guard for a verifier with this tolerance, for 100,000 ids. */
    public ReplayGuard(Duration tolerance) {
        this(tolerance, 100_000);
    }

    /** A guard that remembers at most {@code capacity} ids. */
    public ReplayGuard(Duration tolerance, int capacity) {
        this.rememberedFor = tolerance.multipliedBy(2);
        this.capacity = capacity;
    }

    /** Whether the event was not seen before. Remembers its id. */
    public synchronized boolean isNew(String eventId, Instant now) {
        Iterator<Instant> oldest = seenAt.values().iterator();
        while (oldest.hasNext() && Duration.between(oldest.next(), now).compareTo(rememberedFor) > 0) {
            oldest.remove();
        }
        if (seenAt.containsKey(eventId)) {
            return false;
        }
        Latest.makeRoom(seenAt, capacity);
        seenAt.put(eventId, now);
        return true;
    }

    /** Forgets an event that you could not process, before a 503: its retry must not count as a duplicate. */
    public synchronized void forget(String eventId) {
        seenAt.remove(eventId);
    }
}
