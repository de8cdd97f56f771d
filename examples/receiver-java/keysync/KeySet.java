package keysync;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.PublicKey;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The public key set that the sender publishes at {@code /.well-known/jwks.json}. It is fetched with the first callback, again
 * when it is 5 minutes old, and when a callback has no signature by a known key; at most every 30 s. While it cannot be fetched,
 * the last one stays in use.
 */
public final class KeySet extends Keys {
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
        HttpClient client = HttpClient.newBuilder().connectTimeout(TIMEOUT).followRedirects(HttpClient.Redirect.NEVER).build();
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
            throw new Rejected("key-set", "the sender's public key set could not be fetched, so nothing can be verified: " + error);
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
            last = new Fetched(PublicKeys.parseKeySet(fetch.call()), now);
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

    /** A URL with {@code https}, or with {@code http} on this machine. */
    static URI checkedUrl(String url, String name) {
        try {
            URI parsed = URI.create(url);
            boolean isLocal = List.of("127.0.0.1", "localhost", "[::1]").contains(String.valueOf(parsed.getHost()));
            if (parsed.getHost() != null && ("https".equals(parsed.getScheme()) || "http".equals(parsed.getScheme()) && isLocal)) {
                return parsed;
            }
        } catch (IllegalArgumentException invalid) {
            // Not a URL.
        }
        throw new IllegalArgumentException(
                name + " must start with https:// (or http:// on this machine): got " + Rejected.shortened(url));
    }
}
