package keysync;

import static java.math.BigInteger.ONE;
import static java.math.BigInteger.TWO;
import static java.math.BigInteger.ZERO;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.spec.EdECPoint;
import java.security.spec.EdECPublicKeySpec;
import java.security.spec.NamedParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a receiver of keysync's callbacks needs: verification, duplicates, order, the sender's
 * public key set, and acknowledgements.
 *
 * <p>Copy this file. It needs Java 17 or later, and no libraries. The types are safe for concurrent
 * use.
 *
 * <p>Sections: verification, content, duplicates and order, published key set, acknowledgement,
 * public keys, curve of Ed25519, strict JSON, texts.
 */
public final class Keysync {
    private Keysync() {}

    // ---- Verification ----

    /** The reason to reject a callback. */
    public static final class Rejected extends Exception {
        private static final long serialVersionUID = 1;
        private static final Map<String, Integer> STATUSES =
                Map.of("too-old", 401, "too-new", 401, "signature", 401, "service", 403, "too-large", 413, "key-set", 503);
        private final String code;

        Rejected(String code, String message) {
            super(message, null, false, false);
            this.code = code;
        }

        /** A short, stable code. */
        public String code() {
            return code;
        }

        /** The status of the response. */
        public int status() {
            return STATUSES.getOrDefault(code, 400);
        }
    }

    /** Verifies callbacks for one service. It may be used concurrently. */
    public static final class Verifier {
        /** Default maximum difference between a callback's timestamp and the clock. */
        public static final Duration DEFAULT_TOLERANCE = Duration.ofSeconds(300);
        /** Maximum size of a body in bytes; a typical callback has about 1,000. */
        public static final int MAX_BODY = 64 * 1024;
        /** Maximum size of each of the three headers in bytes. */
        public static final int MAX_HEADER = 4096;

        private final String service;
        private final Keys keys;
        private final Duration tolerance;

        /** A verifier for a service, by its name in CRNs, such as {@code cloud-object-storage}. */
        public Verifier(String service, Keys keys) {
            this(service, keys, DEFAULT_TOLERANCE);
        }

        /** A verifier with another tolerance. */
        public Verifier(String service, Keys keys, Duration tolerance) {
            if (service == null || service.isEmpty()) {
                throw new IllegalArgumentException("the service is required: its name in CRNs, such as `cloud-object-storage`");
            }
            this.service = service;
            this.keys = keys;
            this.tolerance = tolerance;
        }

        /** The maximum difference between a callback's timestamp and the clock. */
        public Duration tolerance() {
            return tolerance;
        }

        /**
         * Verifies that a callback is from the sender, for this service, unchanged and recent.
         *
         * @param headers all headers; letter case of the names does not matter
         * @param body the bytes as received: the signature covers them, and reserialized JSON has
         *      different bytes
         */
        public Notification verify(Map<String, List<String>> headers, byte[] body, Instant now) throws Rejected {
            if (body.length > MAX_BODY) {
                throw new Rejected("too-large", "the body must have at most " + MAX_BODY + " bytes: got " + body.length);
            }
            String id = header(headers, "webhook-id");
            String timestamp = header(headers, "webhook-timestamp");
            String signatures = header(headers, "webhook-signature");
            checkTimestamp(timestamp, now);
            List<byte[]> candidates = signatures(signatures);
            if (candidates.isEmpty()) {
                throw new Rejected("no-signature", "`webhook-signature` must contain a `v1a` signature, which is `v1a,` followed "
                        + "by the base64 of 64 bytes (`v1` signatures with a shared secret are not supported)");
            }
            ByteArrayOutputStream signed = new ByteArrayOutputStream();
            signed.writeBytes((id + "." + timestamp + ".").getBytes(UTF_8));
            signed.writeBytes(body);
            if (!isSigned(signed.toByteArray(), candidates, now)) {
                throw new Rejected("signature", "no signature is valid for this body and the configured keys: the body was changed "
                        + "(pass the bytes as received), the sender signs with a new key, or the callback is forged");
            }
            return Notification.parse(body, id, service);
        }

        private void checkTimestamp(String timestamp, Instant now) throws Rejected {
            if (!timestamp.matches("[0-9]{1,15}")) {
                throw new Rejected("timestamp", "`webhook-timestamp` must be seconds since 1970, 1 to 15 digits: got "
                        + shortened(timestamp));
            }
            long age = now.toEpochMilli() - Long.parseLong(timestamp) * 1000;
            String allowed = ", at most " + tolerance.toSeconds() + " s are allowed: ";
            if (age > tolerance.toMillis()) {
                throw new Rejected("too-old", "signed " + (age + 999) / 1000 + " s ago" + allowed + "the callback was replayed, "
                        + "or this machine's clock is ahead and must be corrected");
            }
            if (age < -tolerance.toMillis()) {
                throw new Rejected("too-new", "signed " + (999 - age) / 1000 + " s in the future" + allowed + "this machine's clock "
                        + "is behind, or the sender's clock is ahead");
            }
        }

        private boolean isSigned(byte[] signed, List<byte[]> candidates, Instant now) throws Rejected {
            List<PublicKey> known = keys.current(now);
            return isSignedBy(known, signed, candidates) || isSignedBy(keys.newer(now, known), signed, candidates);
        }

        private static boolean isSignedBy(List<PublicKey> keys, byte[] signed, List<byte[]> candidates) {
            return keys.stream().anyMatch(key -> candidates.stream().anyMatch(candidate -> isValid(key, candidate, signed)));
        }

        private static boolean isValid(PublicKey key, byte[] candidate, byte[] signed) {
            try {
                Signature signature = Signature.getInstance("Ed25519");
                signature.initVerify(key);
                signature.update(signed);
                return signature.verify(candidate);
            } catch (SignatureException malformed) {
                return false;
            } catch (GeneralSecurityException error) {
                throw new IllegalStateException("this Java has no Ed25519, which Java 15 and later have", error);
            }
        }

        /**
         * The value of a header, which must be unique: with two values, parsers could disagree on
         * which one counts.
         */
        private static String header(Map<String, List<String>> headers, String name) throws Rejected {
            List<String> values = new ArrayList<>();
            headers.forEach((key, found) -> {
                if (name.equalsIgnoreCase(key)) {
                    values.addAll(found);
                }
            });
            if (values.isEmpty()) {
                throw new Rejected("header", "the `" + name + "` header is missing: check whether a proxy drops it");
            }
            if (values.size() > 1) {
                throw new Rejected("header", "the `" + name + "` header must be unique: got " + values.size() + " values");
            }
            String value = values.get(0);
            if (value.isEmpty() || value.length() > MAX_HEADER || value.chars().anyMatch(it -> it < ' ' || it > '~')) {
                throw new Rejected("header", "the `" + name + "` header must be 1 to " + MAX_HEADER
                        + " characters of printable ASCII");
            }
            return value;
        }

        /** The bytes of each {@code v1a,<base64>}. */
        private static List<byte[]> signatures(String value) {
            List<byte[]> found = new ArrayList<>();
            for (String part : value.split(" ")) {
                byte[] raw = part.startsWith("v1a,") ? fromBase64(part.substring("v1a,".length())) : null;
                if (raw != null && raw.length == 64) {
                    found.add(raw);
                }
            }
            return found;
        }
    }

    // ---- Content of a callback ----

    /**
     * The content of a callback: the complete state of a key, independent of earlier callbacks.
     * Dates are RFC 3339 in UTC.
     *
     * @param eventId the same for all attempts; an acknowledgement contains it
     * @param sequence increases with each notification of the key; unsigned, so compare with {@link
     *      Long#compareUnsigned}
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
     * @param resourceCount number of your resources that the key protects, as known to the sender;
     *      unsigned
     */
    public record Notification(
            String eventId, long sequence, String source, String time, String service, String keyId, String keyCrn, int keyState,
            KeyVersion keyVersion, String action, boolean renotification, String occurredAt, long resourceCount) {
        /** The names of the states of a key. */
        public static final Map<Integer, String> KEY_STATES =
                Map.of(1, "active", 2, "suspended", 3, "deactivated", 5, "destroyed");

        /**
         * The version of a key's material.
         *
         * @param id its id
         * @param creationDate time of its creation
         */
        public record KeyVersion(String id, String creationDate) {}

        /**
         * Parses a body whose signature was verified together with {@code webhookId}, as the
         * receiver of {@code service}. Unknown fields are ignored.
         */
        static Notification parse(byte[] body, String webhookId, String service) throws Rejected {
            Notification found;
            try {
                Fields event = Fields.of(JsonParser.parse(body));
                found = read(event);
                requireEqual(event, "specversion", "1.0");
                requireEqual(event, "type", "com.ibm.cloud.kms.key." + found.action);
                requireEqual(event, "subject", found.keyId);
            } catch (Malformed error) {
                throw new Rejected("body", "the signed body is not a valid key event: " + shortened(error.getMessage()));
            }
            if (!found.eventId.equals(webhookId)) {
                throw new Rejected("id", "`webhook-id` must be the event's id " + shortened(found.eventId) + ": got "
                        + shortened(webhookId));
            }
            if (!found.service.equals(service)) {
                throw new Rejected("service", "the event is for the service " + shortened(found.service) + ", and this is the "
                        + "receiver of " + shortened(service) + ": the operator has configured this address for both, the name "
                        + "of the service is wrong here, or a receiver of the other one sent it on");
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
                    event.text("id"), parseUnsigned(event.text("sequence"), "sequence"), event.text("source"), event.text("time"),
                    data.text("service"), data.text("keyId"), data.text("keyCrn"), (int) state,
                    new KeyVersion(version.text("id"), version.text("creationDate")), data.text("eventType"),
                    data.bool("renotification"), data.text("occurredAt"), data.unsigned("resourceCount"));
        }

        private static void requireEqual(Fields event, String name, String expected) throws Malformed, Rejected {
            String value = event.text(name);
            if (!value.equals(expected)) {
                throw new Rejected("body", "`" + name + "` must be " + shortened(expected) + ": got " + shortened(value));
            }
        }
    }

    // ---- Duplicates and order ----

    /**
     * Remembers the ids of verified events for twice the tolerance, after which a replayed callback
     * is too old anyway. It prevents duplicate side effects; it does not know the order of events,
     * see {@link Latest}.
     */
    public static final class ReplayGuard {
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
            makeRoom(seenAt, capacity);
            seenAt.put(eventId, now);
            return true;
        }

        /**
         * Forgets an event that you could not process, before a 503: its retry must not count as a
         * duplicate.
         */
        public synchronized void forget(String eventId) {
            seenAt.remove(eventId);
        }
    }

    /**
     * The newest notification of each key, for the keys that were notified last. A real service
     * stores it in its database, with the sequence.
     */
    public static final class Latest {
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
    }

    /** Removes the oldest entry if there are {@code capacity} of them. */
    private static void makeRoom(Map<String, ?> entries, int capacity) {
        if (entries.size() >= capacity) {
            Iterator<?> oldest = entries.values().iterator();
            oldest.next();
            oldest.remove();
        }
    }

    // ---- Published key set ----

    /**
     * The public key set that the sender publishes at {@code /.well-known/jwks.json}. It is fetched
     * with the first callback, again when it is 5 minutes old, and when a callback has no signature
     * by a known key; at most every 30 s. While it cannot be fetched, the last one stays in use.
     */
    public static final class KeySet extends Keys {
        /** Maximum size of a key set in bytes. */
        public static final int MAX_KEY_SET = 64 * 1024;

        private static final Duration MAX_AGE = Duration.ofSeconds(300);
        private static final Duration MIN_PAUSE = Duration.ofSeconds(30);
        private static final Duration TIMEOUT = Duration.ofSeconds(2);

        private final String url;
        private final Duration minPause;
        private final Callable<byte[]> fetch;
        private final ReentrantLock fetching = new ReentrantLock(); // held during a fetch, and for `attempted`
        private Instant attempted;
        private volatile Fetched last;
        private volatile String error;

        /** A fetched key set. */
        private record Fetched(List<PublicKey> keys, Instant at) {}

        /** The key set at a URL. Fetches nothing yet. */
        public KeySet(String url) {
            this(url, MIN_PAUSE);
        }

        /** The key set at a URL, with another minimum time between two fetches. */
        public KeySet(String url, Duration minPause) {
            this.url = url;
            this.minPause = minPause;
            URI address = checkedUrl(url, "the URL of the key set");
            HttpClient client = client(TIMEOUT);
            this.fetch = () -> inTime(() -> download(client, address));
        }

        /** A key set that is fetched in another way. */
        KeySet(Callable<byte[]> fetch) {
            this.url = "the key set";
            this.minPause = MIN_PAUSE;
            this.fetch = fetch;
        }

        /** The problem of the last fetch, or {@code null}. */
        public String error() {
            return error;
        }

        @Override
        List<PublicKey> current(Instant now) throws Rejected {
            Duration age = last == null ? MAX_AGE : Duration.between(last.at, now);
            if (age.compareTo(MAX_AGE) >= 0 || age.isNegative()) {
                update(now);
            }
            if (last == null) {
                throw new Rejected("key-set", "the sender's public key set could not be fetched, so nothing can be verified: "
                        + error);
            }
            return last.keys;
        }

        @Override
        List<PublicKey> newer(Instant now, List<PublicKey> known) {
            update(now);
            return last.keys == known ? List.of() : last.keys;
        }

        /** One fetch at a time; a callback waits for another's fetch only if there are no keys. */
        private void update(Instant now) {
            if (last == null) {
                fetching.lock();
            } else if (!fetching.tryLock()) {
                return;
            }
            try {
                fetchIfDue(now);
            } finally {
                fetching.unlock();
            }
        }

        /** Fetches the key set, unless the last fetch was less than 30 s ago. */
        private void fetchIfDue(Instant now) {
            if (attempted != null && Duration.between(attempted, now).abs().compareTo(minPause) < 0) {
                return;
            }
            attempted = now;
            try {
                last = new Fetched(parseKeySet(fetch.call()), now);
                error = null;
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
                error = "interrupted";
            } catch (Exception failed) {
                error = failed.getMessage() == null ? failed.toString() : failed.getMessage();
            }
        }

        /** The timeout of a request ends with its headers, so this one includes the body. */
        private byte[] inTime(Callable<byte[]> download) throws Exception {
            FutureTask<byte[]> task = new FutureTask<>(download);
            Thread thread = new Thread(task, "key set");
            thread.setDaemon(true);
            thread.start();
            try {
                return task.get(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
            } catch (TimeoutException late) {
                task.cancel(true);
                throw new IOException(url + " did not respond within " + TIMEOUT.toSeconds() + " s");
            } catch (ExecutionException failed) {
                throw failed.getCause() instanceof Exception cause ? cause : failed;
            }
        }

        private byte[] download(HttpClient client, URI address) throws IOException, InterruptedException {
            HttpRequest request = HttpRequest.newBuilder(address).timeout(TIMEOUT).build();
            HttpResponse<InputStream> response = client.send(request, BodyHandlers.ofInputStream());
            try (InputStream body = response.body()) {
                if (response.statusCode() != 200) {
                    throw new IOException(url + " responded with " + response.statusCode() + ", not 200");
                }
                byte[] document = body.readNBytes(MAX_KEY_SET + 1);
                if (document.length > MAX_KEY_SET) {
                    throw new IOException(url + " has more than " + MAX_KEY_SET + " bytes");
                }
                return document;
            }
        }
    }

    /** The sender's public keys: fixed ones, or a {@link KeySet}. */
    public abstract static sealed class Keys permits KeySet, Keys.Fixed {
        /** The keys. */
        abstract List<PublicKey> current(Instant now) throws Rejected;

        /** Keys that are newer than the known ones, after another fetch if one is due. */
        abstract List<PublicKey> newer(Instant now, List<PublicKey> known);

        /**
         * Configured keys ({@code whpk_…}); configure both during a key rotation. Throws {@link
         * InvalidKey}.
         */
        public static Keys of(List<String> keys) {
            return new Fixed(publicKeys(keys));
        }

        /**
         * The keys of a key set that you fetched yourself. A {@link KeySet} follows a published
         * one.
         */
        public static Keys fromJwks(byte[] document) {
            return new Fixed(parseKeySet(document));
        }

        /** The keys of a key set that you fetched yourself. */
        public static Keys fromJwks(String document) {
            return fromJwks(document.getBytes(UTF_8));
        }

        /** Keys that do not change. */
        static final class Fixed extends Keys {
            private final List<PublicKey> keys;

            Fixed(List<PublicKey> keys) {
                this.keys = keys;
            }

            @Override
            List<PublicKey> current(Instant now) {
                return keys;
            }

            @Override
            List<PublicKey> newer(Instant now, List<PublicKey> known) {
                return List.of();
            }
        }
    }

    // ---- Acknowledgement ----

    /**
     * The report that the service acted on a notification ({@code kms.secrets-event.ack}), at most
     * four hours after it.
     *
     * @param eventId the notification's
     * @param instance the id of the key-management instance
     * @param state your own name for the state of the resources that the key protects
     * @param at when the service acted
     * @param resourceCrn the resource that the acknowledgement is about; {@code null} for all
     */
    public record Acknowledgement(String eventId, String instance, String state, Instant at, String resourceCrn) {
        private static final Duration TIMEOUT = Duration.ofSeconds(10);

        /** The report that the service has acted now, on all resources. */
        public static Acknowledgement of(Notification notification, String state) {
            String[] segments = notification.source().split(":");
            String instance = segments.length > 7 ? segments[7] : "";
            return new Acknowledgement(notification.eventId(), instance, state, Instant.now(), null);
        }

        /** Sends the acknowledgement to the key-management endpoint, with an IAM access token. */
        public void send(String endpoint, String token) throws IOException, InterruptedException {
            checkedUrl(endpoint, "the endpoint");
            HttpRequest request = HttpRequest.newBuilder(URI.create(endpoint.replaceAll("/$", "") + "/api/v2/event_ack"))
                    .timeout(TIMEOUT)
                    .header("authorization", "Bearer " + token)
                    .header("bluemix-instance", instance)
                    .header("content-type", "application/json")
                    .POST(BodyPublishers.ofString(body()))
                    .build();
            int status = client(TIMEOUT).send(request, BodyHandlers.discarding()).statusCode();
            if (status != 204) {
                throw new IOException("the acknowledgement of " + eventId + " got status " + status + ", not 204");
            }
        }

        private String body() {
            String resource = resourceCrn == null ? "" : ",\"resourceCrn\":" + json(resourceCrn);
            return "{\"metadata\":{\"collectionType\":\"application/vnd.ibm.kms.event_acknowledge+json\",\"collectionTotal\":1},"
                    + "\"resources\":[{\"eventId\":" + json(eventId) + ",\"adopterKeyState\":" + json(state) + ",\"timestamp\":"
                    + json(at.truncatedTo(ChronoUnit.MILLIS).toString()) + resource + "}]}";
        }

        private static String json(String value) {
            StringBuilder text = new StringBuilder("\"");
            for (char letter : value.toCharArray()) {
                boolean isPlain = letter >= ' ' && letter <= '~' && letter != '"' && letter != '\\';
                text.append(isPlain ? String.valueOf(letter) : String.format("\\u%04x", (int) letter));
            }
            return text.append('"').toString();
        }
    }

    // ---- Public keys: as configured by operators (`whpk_…`), and of a key set ----

    /**
     * A configured key is missing, malformed, unsafe or private. The message does not repeat the
     * value, because it may be a secret pasted by mistake.
     */
    public static final class InvalidKey extends IllegalArgumentException {
        private static final long serialVersionUID = 1;
        private final String code;
        private final int place;

        InvalidKey(String code, int place, String message) {
            super(message);
            this.code = code;
            this.place = place;
        }

        /**
         * A short, stable code: {@code none}, {@code malformed}, {@code unsafe}, {@code private} or
         * {@code no-key-set}.
         */
        public String code() {
            return code;
        }

        /** The position of the key in the list, from 1; 0 if no single key is invalid. */
        public int place() {
            return place;
        }
    }

    /** Parses each {@code whpk_…}. */
    private static List<PublicKey> publicKeys(List<String> values) {
        List<PublicKey> found = new ArrayList<>();
        for (String value : values) {
            int place = found.size() + 1;
            String text = value == null ? "" : value.replaceAll("\\A[ \t\r\n\f]+|[ \t\r\n\f]+\\z", "");
            if (text.startsWith("whsk_")) {
                throw privateKey(place);
            }
            byte[] raw = text.startsWith("whpk_") ? fromBase64(text.substring("whpk_".length())) : null;
            found.add(checked(raw, place));
        }
        return atLeastOne(found);
    }

    /** Parses the Ed25519 signature keys of a key set (RFC 7517, and RFC 8037, section 2). */
    private static List<PublicKey> parseKeySet(byte[] document) {
        List<Jwk> keys = new ArrayList<>();
        try {
            if (!(Fields.of(JsonParser.parse(document)).get("keys") instanceof List<?> values)) {
                throw new Malformed("`keys` must be a list");
            }
            for (Object value : values) {
                keys.add(Jwk.of(Fields.of(value)));
            }
        } catch (Malformed error) {
            throw new InvalidKey("no-key-set", 0, "the document is not a key set (RFC 7517), which is a JSON object with a list "
                    + "`keys`: fetch the sender's `/.well-known/jwks.json`, and check that the status of the response is 200");
        }
        List<PublicKey> found = new ArrayList<>();
        for (int index = 0; index < keys.size(); index++) {
            Jwk key = keys.get(index);
            if (key.isOurs()) {
                if (key.hasPrivatePart()) {
                    throw privateKey(index + 1);
                }
                found.add(checked(fromBase64Url(key.x()), index + 1));
            }
        }
        return atLeastOne(found);
    }

    /** The relevant parts of a key. */
    private record Jwk(boolean isOurs, boolean hasPrivatePart, String x) {
        static Jwk of(Fields key) throws Malformed {
            boolean isOurs = key.text("kty").equals("OKP") & key.optionalText("crv", "").equals("Ed25519")
                    & key.optionalText("use", "sig").equals("sig"); // `&`, not `&&`: all three must have the correct type
            if (key.get("d") == Special.DUPLICATE) {
                throw new Malformed("`d` is a duplicate field");
            }
            return new Jwk(isOurs, key.has("d"), key.optionalText("x", ""));
        }
    }

    private static List<PublicKey> atLeastOne(List<PublicKey> keys) {
        if (keys.isEmpty()) {
            throw new InvalidKey("none", 0, "no public key is given: ask the operator of keysync for it (`whpk_…`)");
        }
        return List.copyOf(keys);
    }

    private static InvalidKey privateKey(int place) {
        return new InvalidKey("private", place, "public key " + place + " is a private key, which only the sender may have: "
                + "configure the public key (`whpk_…`), and report the leaked private key to the operator of keysync");
    }

    /** Decodes canonical base64url without padding, or returns {@code null}. */
    private static byte[] fromBase64Url(String encoded) {
        if (encoded.chars().anyMatch(it -> it == '+' || it == '/' || it == '=')) {
            return null;
        }
        return fromBase64(encoded.replace('-', '+').replace('_', '/') + "=");
    }

    private static PublicKey checked(byte[] raw, int place) {
        if (raw == null || raw.length != 32) {
            throw new InvalidKey("malformed", place, "public key " + place + " must be a 32-byte Ed25519 public key: `whpk_` "
                    + "followed by base64, or, in a key set, `x` in base64url");
        }
        PublicKey key = Curve.safe(raw);
        if (key == null) {
            throw new InvalidKey("unsafe", place, "public key " + place + " is not a safe Ed25519 public key, which is a point "
                    + "of prime order in canonical encoding: ask the operator of keysync for the correct key");
        }
        return key;
    }

    // ---- Curve of Ed25519 (RFC 8032, section 5.1) ----

    private static final class Curve {
        /** The prime of its field. */
        private static final BigInteger P = TWO.pow(255).subtract(BigInteger.valueOf(19));
        /** The order of its base point. */
        private static final BigInteger ORDER = TWO.pow(252).add(new BigInteger("27742317777372353535851937790883648493"));
        /** Its constant. */
        private static final BigInteger D =
                BigInteger.valueOf(-121665).multiply(BigInteger.valueOf(121666).modInverse(P)).mod(P);

        /**
         * The key if it is a canonically encoded point of prime order, or {@code null}. Anyone can
         * sign for a point of small order, and implementations differ for a point of mixed order.
         */
        static PublicKey safe(byte[] raw) {
            byte[] reversed = new byte[32];
            for (int index = 0; index < 32; index++) {
                reversed[index] = raw[31 - index];
            }
            BigInteger number = new BigInteger(1, reversed);
            boolean isXOdd = number.testBit(255);
            BigInteger y = number.clearBit(255);
            if (y.compareTo(P) >= 0) {
                return null; // a non-canonical encoding
            }
            // x² = (y² - 1) / (D y² + 1); the square root where P mod 8 is 5.
            BigInteger ySquare = y.multiply(y);
            BigInteger square = ySquare.subtract(ONE).multiply(D.multiply(ySquare).add(ONE).modInverse(P)).mod(P);
            BigInteger x = square.modPow(P.add(BigInteger.valueOf(3)).shiftRight(3), P);
            if (!x.multiply(x).mod(P).equals(square)) {
                x = x.multiply(TWO.modPow(P.subtract(ONE).shiftRight(2), P)).mod(P);
            }
            if (!x.multiply(x).mod(P).equals(square) || x.signum() == 0) {
                return null; // not on the curve, or of order 1 or 2
            }
            if (x.testBit(0) != isXOdd) {
                x = P.subtract(x);
            }
            // Prime order: `ORDER` times the point is the neutral element.
            BigInteger[] point = {x, y, ONE, x.multiply(y).mod(P)};
            BigInteger[] total = {ZERO, ONE, ONE, ZERO};
            for (int bit = ORDER.bitLength() - 1; bit >= 0; bit--) {
                total = add(total, total);
                if (ORDER.testBit(bit)) {
                    total = add(total, point);
                }
            }
            boolean isSafe = total[0].signum() == 0 && total[1].equals(total[2]);
            return isSafe ? key(new EdECPoint(isXOdd, y)) : null;
        }

        /**
         * The sum of two points in extended coordinates (X, Y, Z, T), where x = X/Z, y = Y/Z and T
         * = XY/Z.
         */
        private static BigInteger[] add(BigInteger[] p, BigInteger[] q) {
            BigInteger minus = p[1].subtract(p[0]).multiply(q[1].subtract(q[0])).mod(P);
            BigInteger plus = p[1].add(p[0]).multiply(q[1].add(q[0])).mod(P);
            BigInteger product = TWO.multiply(D).multiply(p[3]).multiply(q[3]).mod(P);
            BigInteger twice = TWO.multiply(p[2]).multiply(q[2]);
            BigInteger e = plus.subtract(minus);
            BigInteger f = twice.subtract(product);
            BigInteger g = twice.add(product);
            BigInteger h = plus.add(minus);
            return new BigInteger[] {e.multiply(f).mod(P), g.multiply(h).mod(P), f.multiply(g).mod(P), e.multiply(h).mod(P)};
        }

        private static PublicKey key(EdECPoint point) {
            try {
                return KeyFactory.getInstance("Ed25519").generatePublic(new EdECPublicKeySpec(NamedParameterSpec.ED25519, point));
            } catch (GeneralSecurityException error) {
                throw new IllegalStateException("this Java has no Ed25519, which Java 15 and later have", error);
            }
        }
    }

    // ---- Strict JSON (RFC 8259): UTF-8, bounded nesting, and known duplicates ----

    /** The document is not JSON, or not of the expected form. */
    private static final class Malformed extends Exception {
        private static final long serialVersionUID = 1;

        Malformed(String message) {
            super(message, null, false, false);
        }
    }

    /** A number as written. */
    private record Digits(String text) {}

    /** The values that are no Java value. */
    private enum Special { NULL, DUPLICATE }

    /** The fields of a JSON object, whose names have no unpaired surrogates. */
    private record Fields(Map<?, ?> fields) {
        static Fields of(Object value) throws Malformed {
            if (!(value instanceof Map<?, ?> fields)) {
                throw new Malformed("it must be a JSON object");
            }
            for (Object name : fields.keySet()) {
                if (!isWellFormed((String) name)) {
                    throw new Malformed("the name of a field has an unpaired surrogate");
                }
            }
            return new Fields(fields);
        }

        Object get(String name) {
            return fields.get(name);
        }

        Fields object(String name) throws Malformed {
            return of(fields.get(name));
        }

        /** A string without unpaired surrogates, which escapes can produce. */
        String text(String name) throws Malformed {
            if (fields.get(name) instanceof String text && isWellFormed(text)) {
                return text;
            }
            throw new Malformed("`" + name + "` is missing, a duplicate field, or not a string");
        }

        boolean has(String name) {
            return fields.get(name) != null && fields.get(name) != Special.NULL;
        }

        /** A string, or another one if the field is missing or null. */
        String optionalText(String name, String otherwise) throws Malformed {
            return has(name) ? text(name) : otherwise;
        }

        boolean bool(String name) throws Malformed {
            if (fields.get(name) instanceof Boolean value) {
                return value;
            }
            throw new Malformed("`" + name + "` must be true or false");
        }

        /** An unsigned 64-bit integer. */
        long unsigned(String name) throws Malformed {
            return parseUnsigned(fields.get(name) instanceof Digits digits ? digits.text() : "", name);
        }
    }

    /** Parses an unsigned 64-bit integer of 1 to 20 ASCII digits. */
    private static long parseUnsigned(String digits, String name) throws Malformed {
        try {
            if (digits.matches("[0-9]{1,20}")) {
                return Long.parseUnsignedLong(digits);
            }
        } catch (NumberFormatException error) {
            // More than 64 bits.
        }
        throw new Malformed("`" + name + "` must be an integer between 0 and 18446744073709551615");
    }

    private static boolean isWellFormed(String text) {
        return text.codePoints().noneMatch(it -> it >= Character.MIN_SURROGATE && it <= Character.MAX_SURROGATE);
    }

    /**
     * An object becomes a {@code Map}, an array a {@code List}, a number {@link Digits}, and {@code
     * null} {@link Special#NULL}.
     */
    private static final class JsonParser {
        private static final int MAX_DEPTH = 32; // levels of arrays and objects
        private static final Pattern NUMBER = Pattern.compile("-?(?:0|[1-9][0-9]*+)(?:\\.[0-9]++)?(?:[eE][+-]?[0-9]++)?");
        private static final String ESCAPED = "\"\\/bfnrt";
        private static final String ESCAPES = "\"\\/\b\f\n\r\t";

        private final String source;
        private int at;

        private JsonParser(String source) {
            this.source = source;
        }

        static Object parse(byte[] document) throws Malformed {
            JsonParser parser;
            try {
                parser = new JsonParser(UTF_8.newDecoder().decode(ByteBuffer.wrap(document)).toString());
            } catch (CharacterCodingException error) {
                throw new Malformed("it must be UTF-8");
            }
            Object value = parser.value(0);
            parser.skipSpace();
            if (parser.at < parser.source.length()) {
                throw parser.expected("the end");
            }
            return value;
        }

        private Malformed expected(String what) {
            return new Malformed("expected " + what + " at character " + at);
        }

        private void skipSpace() {
            while (at < source.length() && " \t\r\n".indexOf(source.charAt(at)) >= 0) {
                at++;
            }
        }

        /** Skips white space, and the symbol if it follows. */
        private boolean next(char symbol) {
            skipSpace();
            if (at == source.length() || source.charAt(at) != symbol) {
                return false;
            }
            at++;
            return true;
        }

        private boolean word(String word) {
            if (!source.startsWith(word, at)) {
                return false;
            }
            at += word.length();
            return true;
        }

        private Object value(int depth) throws Malformed {
            if (next('"')) {
                return string();
            }
            boolean isObject = next('{');
            if (isObject || next('[')) {
                if (depth == MAX_DEPTH) {
                    throw new Malformed("JSON is nested more than " + MAX_DEPTH + " levels deep");
                }
                return isObject ? object(depth + 1) : array(depth + 1);
            }
            if (word("true")) {
                return true;
            }
            if (word("false")) {
                return false;
            }
            if (word("null")) {
                return Special.NULL;
            }
            Matcher number = NUMBER.matcher(source).region(at, source.length());
            if (!number.lookingAt()) {
                throw expected("a value");
            }
            at = number.end();
            return new Digits(number.group());
        }

        private Map<String, Object> object(int depth) throws Malformed {
            Map<String, Object> fields = new LinkedHashMap<>();
            if (next('}')) {
                return fields;
            }
            do {
                if (!next('"')) {
                    throw expected("the name of a field");
                }
                String name = string();
                if (!next(':')) {
                    throw expected("`:`");
                }
                Object found = value(depth);
                fields.put(name, fields.containsKey(name) ? Special.DUPLICATE : found);
            } while (next(','));
            if (!next('}')) {
                throw expected("`,` or `}`");
            }
            return fields;
        }

        private List<Object> array(int depth) throws Malformed {
            List<Object> values = new ArrayList<>();
            if (next(']')) {
                return values;
            }
            do {
                values.add(value(depth));
            } while (next(','));
            if (!next(']')) {
                throw expected("`,` or `]`");
            }
            return values;
        }

        private String string() throws Malformed {
            StringBuilder text = new StringBuilder();
            while (at < source.length()) {
                char letter = source.charAt(at++);
                if (letter == '"') {
                    return text.toString();
                }
                if (letter < ' ') {
                    throw new Malformed("a string has a control character");
                }
                text.append(letter == '\\' ? escape() : letter);
            }
            throw expected("the end of a string");
        }

        private char escape() throws Malformed {
            char kind = at < source.length() ? source.charAt(at++) : ' ';
            int index = ESCAPED.indexOf(kind);
            if (index >= 0) {
                return ESCAPES.charAt(index);
            }
            if (kind != 'u' || at + 4 > source.length()) {
                throw expected("an escape sequence");
            }
            int unit = 0;
            for (int end = at + 4; at < end; at++) {
                char digit = source.charAt(at);
                int value = digit < 128 ? Character.digit(digit, 16) : -1;
                if (value < 0) {
                    throw expected("a hexadecimal digit");
                }
                unit = unit * 16 + value;
            }
            return (char) unit;
        }
    }

    // ---- Texts ----

    /**
     * Decodes canonical base64, or returns {@code null}. Java's decoder also accepts other forms.
     */
    private static byte[] fromBase64(String encoded) {
        try {
            byte[] raw = Base64.getDecoder().decode(encoded.getBytes(UTF_8));
            return Base64.getEncoder().encodeToString(raw).equals(encoded) ? raw : null;
        } catch (IllegalArgumentException error) {
            return null;
        }
    }

    /** The start of a value, escaped to one line of ASCII, for messages. */
    private static String shortened(String value) {
        StringBuilder text = new StringBuilder("\"");
        value.chars().limit(64).forEach(it ->
                text.append(it >= ' ' && it <= '~' ? String.valueOf((char) it) : String.format("\\u%04x", it)));
        return text.append(value.length() > 64 ? "...\"" : "\"").toString();
    }

    /** A URL with {@code https}, or with {@code http} on this machine. */
    private static URI checkedUrl(String url, String name) {
        try {
            URI parsed = URI.create(url);
            boolean isLocal = List.of("127.0.0.1", "localhost", "[::1]").contains(String.valueOf(parsed.getHost()));
            String scheme = String.valueOf(parsed.getScheme());
            if (parsed.getHost() != null && (scheme.equals("https") || scheme.equals("http") && isLocal)) {
                return parsed;
            }
        } catch (IllegalArgumentException invalid) {
            // Not a URL.
        }
        throw new IllegalArgumentException(
                name + " must start with https:// (or http:// on this machine): got " + shortened(url));
    }

    /** A client that follows no redirects. */
    private static HttpClient client(Duration timeout) {
        return HttpClient.newBuilder().connectTimeout(timeout).followRedirects(HttpClient.Redirect.NEVER).build();
    }
}
