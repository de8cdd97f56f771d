package keysync;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Strict JSON (RFC 8259): UTF-8, bounded nesting, and known duplicates. An object becomes a {@code Map}, an array a {@code
 * List}, a number a {@link Digits} with its text, and {@code null} is {@link Special#NULL}.
 */
final class StrictJson {
    /** Levels of arrays and objects. */
    static final int MAX_DEPTH = 32;

    private static final Pattern NUMBER = Pattern.compile("-?(?:0|[1-9][0-9]*+)(?:\\.[0-9]++)?(?:[eE][+-]?[0-9]++)?");
    private static final String ESCAPED = "\"\\/bfnrt";
    private static final String ESCAPES = "\"\\/\b\f\n\r\t";

    /** A number as written. */
    record Digits(String text) {}

    /** The values that are no Java value. */
    enum Special { NULL, DUPLICATE }

    /** The document is not JSON, or not of the expected form. */
    static final class Malformed extends Exception {
        private static final long serialVersionUID = 1;

        Malformed(String message) {
            super(message, null, false, false);
        }
    }

    private final String source;
    private int at;

    private StrictJson(String source) {
        this.source = source;
    }

    static Object parse(byte[] document) throws Malformed {
        StrictJson parser;
        try {
            parser = new StrictJson(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(document)).toString());
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

    /** The fields of a JSON object, whose names have no unpaired surrogates. */
    record Fields(Map<?, ?> fields) {
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

        /** A string, or {@code null} if it is missing or null. */
        String optionalText(String name) throws Malformed {
            Object value = fields.get(name);
            return value == null || value == Special.NULL ? null : text(name);
        }

        boolean bool(String name) throws Malformed {
            if (fields.get(name) instanceof Boolean value) {
                return value;
            }
            throw new Malformed("`" + name + "` must be true or false");
        }

        /** An unsigned 64-bit integer. */
        long unsigned(String name) throws Malformed {
            return StrictJson.unsigned(fields.get(name) instanceof Digits digits ? digits.text() : "", name);
        }
    }

    /** Parses an unsigned 64-bit integer of 1 to 20 ASCII digits. */
    static long unsigned(String digits, String name) throws Malformed {
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
}
