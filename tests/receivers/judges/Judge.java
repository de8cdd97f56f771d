import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import keysync.Keysync.InvalidKey;
import keysync.Keysync.Keys;
import keysync.Keysync.Notification;
import keysync.Keysync.Rejected;
import keysync.Keysync.Verifier;

/** The verdict of the receiver kit in Java on each callback of standard input; kits.py describes the lines. */
public final class Judge {
    private Judge() {}

    private static byte[] decode(String text) {
        return Base64.getDecoder().decode(text);
    }

    private static String encode(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
    }

    private static Keys keys(String source) {
        String[] parts = source.split("=", 2);
        if (parts[0].equals("set")) {
            return Keys.fromJwks(decode(parts[1]));
        }
        return Keys.of(Arrays.stream(parts[1].split(",")).filter(it -> !it.isEmpty())
                .map(it -> new String(decode(it.substring(1)), UTF_8)).toList());
    }

    private static String verdict(String line) {
        String[] parts = line.split(" ", -1);
        Map<String, List<String>> headers = new LinkedHashMap<>();
        for (String pair : parts[4].split(",")) {
            if (!pair.isEmpty()) {
                String[] both = pair.split(":", -1);
                String name = new String(decode(both[0]), ISO_8859_1);
                headers.computeIfAbsent(name, it -> new ArrayList<>()).add(new String(decode(both[1]), ISO_8859_1));
            }
        }
        try {
            Notification found = new Verifier(new String(decode(parts[2]), UTF_8), keys(parts[0]))
                    .verify(headers, decode(parts[3].substring(1)), Instant.ofEpochMilli(Long.parseLong(parts[1])));
            return String.join(" ", "accepted", encode(found.eventId()), encode(found.keyId()), encode(found.action()),
                    Long.toUnsignedString(found.sequence()), String.valueOf(found.keyState()),
                    String.valueOf(found.renotification()), Long.toUnsignedString(found.resourceCount()));
        } catch (Rejected rejected) {
            return "rejected " + rejected.code() + " " + rejected.status();
        } catch (InvalidKey invalid) {
            return "invalid " + invalid.code() + " " + invalid.place();
        }
    }

    /** Reads lines until the end of standard input. */
    public static void main(String[] arguments) throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            System.out.println(verdict(line));
        }
    }
}
