package keysync;

import static java.math.BigInteger.ONE;
import static java.math.BigInteger.TWO;
import static java.math.BigInteger.ZERO;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.spec.EdECPoint;
import java.security.spec.EdECPublicKeySpec;
import java.security.spec.NamedParameterSpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import keysync.StrictJson.Fields;
import keysync.StrictJson.Malformed;
import keysync.StrictJson.Special;

/** The sender's public keys: as configured by operators ({@code whpk_…}), and as a published key set. */
final class PublicKeys {
    // The curve of Ed25519 (RFC 8032, section 5.1): its field's prime, its base point's order, its constant.
    private static final BigInteger P = TWO.pow(255).subtract(BigInteger.valueOf(19));
    private static final BigInteger ORDER = TWO.pow(252).add(new BigInteger("27742317777372353535851937790883648493"));
    private static final BigInteger D =
            BigInteger.valueOf(-121665).multiply(BigInteger.valueOf(121666).modInverse(P)).mod(P);

    private PublicKeys() {}

    /** Parses each {@code whpk_…}. */
    static List<PublicKey> parse(List<String> values) {
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
    static List<PublicKey> parseKeySet(byte[] document) {
        List<Jwk> keys = new ArrayList<>();
        try {
            if (!(Fields.of(StrictJson.parse(document)).get("keys") instanceof List<?> values)) {
                throw new Malformed("`keys` must be a list");
            }
            for (Object value : values) {
                keys.add(Jwk.of(Fields.of(value)));
            }
        } catch (Malformed error) {
            throw new InvalidKey("no-key-set", 0, "the document is not a key set (RFC 7517), which is a JSON object with a list `keys`: "
                    + "fetch the sender's `/.well-known/jwks.json`, and check that the status of the response is 200");
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
            String kty = key.text("kty");
            String crv = key.optionalText("crv");
            String use = key.optionalText("use");
            String x = key.optionalText("x");
            Object d = key.get("d");
            if (d == Special.DUPLICATE) {
                throw new Malformed("`d` is a duplicate field");
            }
            boolean isOurs = kty.equals("OKP") && "Ed25519".equals(crv) && (use == null || use.equals("sig"));
            return new Jwk(isOurs, d != null && d != Special.NULL, x == null ? "" : x);
        }
    }

    private static List<PublicKey> atLeastOne(List<PublicKey> keys) {
        if (keys.isEmpty()) {
            throw new InvalidKey("none", 0, "no public key is given: ask the operator of keysync for it (`whpk_…`)");
        }
        return List.copyOf(keys);
    }

    private static InvalidKey privateKey(int place) {
        return new InvalidKey("private", place, "public key " + place + " is a private key, which only the sender may have: configure the "
                + "public key (`whpk_…`), and report the leaked private key to the operator of keysync");
    }

    /** Decodes canonical base64, or returns {@code null}. Java's decoder also accepts other forms. */
    static byte[] fromBase64(String encoded) {
        try {
            byte[] raw = Base64.getDecoder().decode(encoded.getBytes(StandardCharsets.UTF_8));
            return Base64.getEncoder().encodeToString(raw).equals(encoded) ? raw : null;
        } catch (IllegalArgumentException error) {
            return null;
        }
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
            throw new InvalidKey("malformed", place, "public key " + place + " must be a 32-byte Ed25519 public key: `whpk_` followed by "
                    + "base64, or, in a key set, `x` in base64url");
        }
        PublicKey key = safe(raw);
        if (key == null) {
            throw new InvalidKey("unsafe", place, "public key " + place + " is not a safe Ed25519 public key, which is a point of prime "
                    + "order in canonical encoding: ask the operator of keysync for the correct key");
        }
        return key;
    }

    /**
     * The key if it is a canonically encoded point of prime order, or {@code null}. Anyone can sign for a point of small
     * order, and implementations differ for a point of mixed order.
     */
    private static PublicKey safe(byte[] raw) {
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

    /** The sum of two points in extended coordinates (X, Y, Z, T), where x = X/Z, y = Y/Z and T = XY/Z. */
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
