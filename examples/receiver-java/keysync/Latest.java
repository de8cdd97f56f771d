package keysync;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The newest notification of each key, for the keys that were notified last. A real service stores it in its database, with the
 * sequence.
 */
public final class Latest {
    /** The order of a notification relative to the newest one of its key. */
    public enum Order {
        /** Newer: act on it. */
        NEWER,
        /** The same: respond with 2xx and do nothing. */
        REPEATED,
        /** Older: respond with 2xx and do nothing. Acting on it would undo the newer one. */
        STALE
    }

    private final int capacity;
    private final Map<String, Notification> byKey = new LinkedHashMap<>(); // the key notified longest ago first

    /** For 100,000 keys. */
    public Latest() {
        this(100_000);
    }

    /** For at most {@code capacity} keys. */
    public Latest(int capacity) {
        this.capacity = capacity;
    }

    /** Stores a notification if it is newer. */
    public synchronized Order offer(Notification notification) {
        Notification known = byKey.get(notification.keyId());
        int order = known == null ? 1 : Long.compareUnsigned(notification.sequence(), known.sequence());
        if (order <= 0) {
            return order == 0 ? Order.REPEATED : Order.STALE;
        }
        byKey.remove(notification.keyId());
        makeRoom(byKey, capacity);
        byKey.put(notification.keyId(), notification);
        return Order.NEWER;
    }

    /** The newest notification of a key, or {@code null}. */
    public synchronized Notification get(String keyId) {
        return byKey.get(keyId);
    }

    /** Removes the oldest entry if there are {@code capacity} of them. */
    static void makeRoom(Map<String, ?> entries, int capacity) {
        if (entries.size() >= capacity) {
            Iterator<?> oldest = entries.values().iterator();
            oldest.next();
            oldest.remove();
        }
    }
}
