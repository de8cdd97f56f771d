package keysync;

import java.util.Map;

/** The reason to reject a callback. */
public final class Rejected extends Exception {
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

    /** The start of a value, escaped to one line of ASCII, for messages. */
    static String shortened(String value) {
        StringBuilder text = new StringBuilder("\"");
        value.chars().limit(64).forEach(it -> text.append(it >= ' ' && it <= '~' ? String.valueOf((char) it) : String.format("\\u%04x", it)));
        return text.append(value.length() > 64 ? "...\"" : "\"").toString();
    }
}
