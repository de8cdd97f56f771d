package keysync;

import java.util.Map;
import keysync.StrictJson.Fields;
import keysync.StrictJson.Malformed;

/**
 * The content of a callback: the complete state of a key, independent of earlier callbacks. Dates are RFC 3339 in UTC.
 *
 * @param eventId the same for all attempts; an acknowledgement contains it
 * @param sequence increases with each notification of the key; unsigned, so compare with {@link Long#compareUnsigned}
 * @param source the CRN of the key's key-management instance
 * @param time time of the notification
 * @param service the service that the event is for: yours
 * @param keyId the key's id, a UUID
 * @param keyCrn the key's CRN
 * @param keyState determines what to do; see {@link #KEY_STATES}
 * @param keyVersion the version of the key's material
 * @param action the latest lifecycle action, which explains the state
 * @param renotification whether a sync caused this notification
 * @param occurredAt time of the action
 * @param resourceCount number of your resources that the key protects, as known to the sender; unsigned
 */
public record Notification(
        String eventId, long sequence, String source, String time, String service, String keyId, String keyCrn, int keyState,
        KeyVersion keyVersion, String action, boolean renotification, String occurredAt, long resourceCount) {
    /** The names of the states of a key. */
    public static final Map<Integer, String> KEY_STATES = Map.of(1, "active", 2, "suspended", 3, "deactivated", 5, "destroyed");

    /**
     * The version of a key's material.
     *
     * @param id its id
     * @param creationDate time of its creation
     */
    public record KeyVersion(String id, String creationDate) {}

    /**
     * Parses a body whose signature was verified together with {@code webhookId}, as the receiver of {@code service}. Unknown
     * fields are ignored.
     */
    static Notification parse(byte[] body, String webhookId, String service) throws Rejected {
        Notification found;
        Fields event;
        try {
            event = Fields.of(StrictJson.parse(body));
            found = read(event);
            requireTexts(event, "specversion", "type", "subject");
        } catch (Malformed error) {
            throw new Rejected("body", "the signed body is not a valid key event: " + Rejected.shortened(error.getMessage()));
        }
        requireEqual(event, "specversion", "1.0");
        requireEqual(event, "type", "com.ibm.cloud.kms.key." + found.action);
        requireEqual(event, "subject", found.keyId);
        if (!found.eventId.equals(webhookId)) {
            throw new Rejected("id", "`webhook-id` must be the event's id " + Rejected.shortened(found.eventId) + ": got "
                    + Rejected.shortened(webhookId));
        }
        if (!found.service.equals(service)) {
            throw new Rejected("service", "the event is for the service " + Rejected.shortened(found.service) + ", and this is the "
                    + "receiver of " + Rejected.shortened(service) + ": the operator has configured this address for both, the name of "
                    + "the service is wrong here, or a receiver of the other one sent it on");
        }
        return found;
    }

    private static Notification read(Fields event) throws Malformed {
        Fields data = event.object("data");
        Fields version = data.object("keyVersion");
        long state = data.unsigned("keyState");
        if (state < 0 || state > 5 || !KEY_STATES.containsKey((int) state)) {
            throw new Malformed("key state must be 1, 2, 3 or 5: got " + Long.toUnsignedString(state));
        }
        return new Notification(
                event.text("id"), StrictJson.unsigned(event.text("sequence"), "sequence"), event.text("source"), event.text("time"),
                data.text("service"), data.text("keyId"), data.text("keyCrn"), (int) state,
                new KeyVersion(version.text("id"), version.text("creationDate")), data.text("eventType"), data.bool("renotification"),
                data.text("occurredAt"), data.unsigned("resourceCount"));
    }

    private static void requireTexts(Fields event, String... names) throws Malformed {
        for (String name : names) {
            event.text(name);
        }
    }

    private static void requireEqual(Fields event, String name, String expected) throws Rejected {
        if (!event.get(name).equals(expected)) {
            throw new Rejected("body", "`" + name + "` must be " + Rejected.shortened(expected) + ": got "
                    + Rejected.shortened((String) event.get(name)));
        }
    }
}
