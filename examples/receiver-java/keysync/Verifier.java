package keysync;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.security.Signature;
import java.security.SignatureException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Verifies callbacks for one service. It may be used concurrently. */
public final class Verifier {
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
     * @param body the bytes as received: the signature covers them, and reserialized JSON has different bytes
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
            throw new Rejected("no-signature", "`webhook-signature` must contain a `v1a` signature, which is `v1a,` followed by the base64 "
                    + "of 64 bytes (`v1` signatures with a shared secret are not supported)");
        }
        ByteArrayOutputStream signed = new ByteArrayOutputStream();
        signed.writeBytes((id + "." + timestamp + ".").getBytes(StandardCharsets.US_ASCII));
        signed.writeBytes(body);
        if (!isSigned(signed.toByteArray(), candidates, now)) {
            throw new Rejected("signature", "no signature is valid for this body and the configured keys: the body was changed (pass the "
                    + "bytes as received), the sender signs with a new key, or the callback is forged");
        }
        return Notification.parse(body, id, service);
    }

    private void checkTimestamp(String timestamp, Instant now) throws Rejected {
        if (!timestamp.matches("[0-9]{1,15}")) {
            throw new Rejected("timestamp", "`webhook-timestamp` must be seconds since 1970, 1 to 15 digits: got "
                    + Rejected.shortened(timestamp));
        }
        long age = now.toEpochMilli() - Long.parseLong(timestamp) * 1000;
        String allowed = ", at most " + tolerance.toSeconds() + " s are allowed: ";
        if (age > tolerance.toMillis()) {
            throw new Rejected("too-old", "signed " + (age + 999) / 1000 + " s ago" + allowed + "the callback was replayed, or this "
                    + "machine's clock is ahead and must be corrected");
        }
        if (age < -tolerance.toMillis()) {
            throw new Rejected("too-new", "signed " + (999 - age) / 1000 + " s in the future" + allowed + "this machine's clock is behind, "
                    + "or the sender's clock is ahead");
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

    /** The value of a header, which must be unique: with two values, parsers could disagree on which one counts. */
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
            throw new Rejected("header", "the `" + name + "` header must be 1 to " + MAX_HEADER + " characters of printable ASCII");
        }
        return value;
    }

    /** The bytes of each {@code v1a,<base64>}. */
    private static List<byte[]> signatures(String value) {
        List<byte[]> found = new ArrayList<>();
        for (String part : value.split(" ")) {
            byte[] raw = part.startsWith("v1a,") ? PublicKeys.fromBase64(part.substring("v1a,".length())) : null;
            if (raw != null && raw.length == 64) {
                found.add(raw);
            }
        }
        return found;
    }
}
