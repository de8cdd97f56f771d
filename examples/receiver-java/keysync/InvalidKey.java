package keysync;

/**
 * A configured key is missing, malformed, unsafe or private. The message does not repeat the value, because it may be a secret
 * pasted by mistake.
 */
public final class InvalidKey extends IllegalArgumentException {
    private static final long serialVersionUID = 1;
    private final String code;
    private final int place;

    InvalidKey(String code, int place, String message) {
        super(message);
        this.code = code;
        this.place = place;
    }

    /** A short, stable code: {@code none}, {@code malformed}, {@code unsafe}, {@code private} or {@code no-key-set}. */
    public String code() {
        return code;
    }

    /** The position of the key in the list, from 1; 0 if no single key is invalid. */
    public int place() {
        return place;
    }
}
