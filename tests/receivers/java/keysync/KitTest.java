package keysync;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import keysync.Keysync.KeySet;
import keysync.Keysync.Keys;
import keysync.Keysync.Latest;
import keysync.Keysync.Notification;
import keysync.Keysync.Rejected;
import keysync.Keysync.ReplayGuard;
import keysync.Keysync.Verifier;

/**
 * Tests of the Java kit with a clock and a network of the test; test_units.py starts it.
 *
 * <p>Arguments: the golden vector's timestamp, body, id and signature.
 */
public final class KitTest {
    private static final String KNOWN = keySet("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    private static final String OTHER = keySet("PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw");

    private final Instant start;
    private final byte[] body;
    private final Map<String, List<String>> headers;
    private String published = "";
    private int fetches;

    private KitTest(String[] golden) {
        start = Instant.ofEpochSecond(Long.parseLong(golden[0]));
        body = golden[1].getBytes(UTF_8);
        headers = Map.of("webhook-id", List.of(golden[2]), "webhook-timestamp", List.of(golden[0]), "webhook-signature", List.of(golden[3]));
    }

    private static String keySet(String x) {
        return "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" + x + "\"}]}";
    }

    private static void assertEqual(Object found, Object expected) {
        if (!found.equals(expected)) {
            throw new AssertionError("got " + found + ", expected " + expected);
        }
    }

    private byte[] fetch() throws IOException {
        fetches++;
        if (published.isEmpty()) {
            throw new IOException("down");
        }
        return published.getBytes(UTF_8);
    }

    private void oldSetOrUnknownKeyCausesFetch() {
        Verifier verifier = new Verifier("cloud-object-storage", new KeySet(this::fetch), Duration.ofSeconds(10_000));
        assertEqual(verify(verifier, "", 0), "key-set 1");
        assertEqual(verify(verifier, OTHER, 29), "key-set 1");
        assertEqual(verify(verifier, OTHER, 30), "signature 2");
        assertEqual(verify(verifier, KNOWN, 59), "signature 2");
        assertEqual(verify(verifier, KNOWN, 60), "accepted 3");
        assertEqual(verify(verifier, KNOWN, 359), "accepted 3");
        assertEqual(verify(verifier, "", 360), "accepted 4");
        assertEqual(verify(verifier, "", 5000), "accepted 5");
        // The age is unknown after the clock was set back.
        assertEqual(verify(verifier, OTHER, 0), "signature 6");
    }

    private String verify(Verifier verifier, String document, int seconds) {
        published = document;
        try {
            verifier.verify(headers, body, start.plusSeconds(seconds));
            return "accepted " + fetches;
        } catch (Rejected rejected) {
            return rejected.code() + " " + fetches;
        }
    }

    private void replayGuardForgetsOldAndExcessIds() {
        ReplayGuard guard = new ReplayGuard(Verifier.DEFAULT_TOLERANCE, 2);
        List<Boolean> found = new ArrayList<>();
        for (int seconds : List.of(0, 600, 601)) {
            found.add(guard.isNew("a", start.plusSeconds(seconds)));
        }
        for (String id : List.of("b", "c", "c", "a")) {
            found.add(guard.isNew(id, start.plusSeconds(601)));
        }
        guard.forget("a");
        found.add(guard.isNew("a", start.plusSeconds(601)));
        assertEqual(found, List.of(true, false, true, true, true, false, true, true));
    }

    private static void newestStateWinsAndKeysAreBounded() {
        Latest latest = new Latest(2);
        List<String> found = new ArrayList<>();
        for (String one : List.of("a8", "a7", "a8", "a10", "b1", "a11", "c1")) {
            long sequence = Long.parseLong(one.substring(1));
            found.add(latest.offer(notification(one.substring(0, 1), sequence)).name());
        }
        assertEqual(found, List.of("NEWER", "STALE", "REPEATED", "NEWER", "NEWER", "NEWER", "NEWER"));
        assertEqual(latest.get("a").sequence(), 11L);
        assertEqual(latest.get("b") == null, true);
        assertEqual(latest.offer(notification("a", -1)), Latest.Order.NEWER);
    }

    private static Notification notification(String key, long sequence) {
        return new Notification("event", sequence, "", "", "", key, "", 1, new Notification.KeyVersion("", ""), "", false, "", 1);
    }

    private static void serviceIsRequired() {
        try {
            new Verifier("", Keys.fromJwks(KNOWN));
            throw new AssertionError("a verifier without a service must be an error");
        } catch (IllegalArgumentException expected) {
            assertEqual(expected.getMessage().startsWith("the service is required"), true);
        }
    }

    /** Runs the tests. */
    public static void main(String[] golden) {
        KitTest test = new KitTest(golden);
        test.oldSetOrUnknownKeyCausesFetch();
        test.replayGuardForgetsOldAndExcessIds();
        newestStateWinsAndKeysAreBounded();
        serviceIsRequired();
        System.out.println("passed");
    }
}
