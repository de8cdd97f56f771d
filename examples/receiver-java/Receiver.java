import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import keysync.Keysync.Acknowledgement;
import keysync.Keysync.KeySet;
import keysync.Keysync.Keys;
import keysync.Keysync.Latest;
import keysync.Keysync.Notification;
import keysync.Keysync.Rejected;
import keysync.Keysync.ReplayGuard;
import keysync.Keysync.Verifier;

/**
 * A service that receives and verifies keysync's callbacks and keeps the newest state of each key.
 *
 * <pre>KEYSYNC_SERVICE=cloud-object-storage KEYSYNC_KEY_SET_URL=https://…/.well-known/jwks.json java -cp CLASSES Receiver</pre>
 *
 * <p>README.md lists the settings and the paths.
 */
public final class Receiver {
    private static final int MAX_EFFECTS = 10_000;
    private static final int MAX_THREADS = 128;

    private final Verifier verifier;
    private final String endpoint;
    private final String token;
    private final ReplayGuard guard;
    private final Latest latest = new Latest();
    private final Deque<String> effects = new ArrayDeque<>(); // the ids of the newest events acted on, oldest first

    private Receiver(Verifier verifier, String endpoint, String token) {
        this.verifier = verifier;
        this.endpoint = endpoint;
        this.token = token;
        this.guard = new ReplayGuard(verifier.tolerance());
    }

    /** Processes a callback. */
    private synchronized void receive(Notification notification, Instant now) {
        boolean isNew = guard.isNew(notification.eventId(), now);
        Latest.Order order = isNew ? latest.offer(notification) : Latest.Order.REPEATED;
        System.out.printf("%s: key %s %s sequence %s%n", order.name().toLowerCase(), notification.keyId(),
                Notification.KEY_STATES.get(notification.keyState()), Long.toUnsignedString(notification.sequence()));
        if (order != Latest.Order.NEWER) {
            return;
        }
        // Here a real service opens or closes its resources. If that fails, it calls `guard.forget` and responds with 503.
        effects.add(notification.eventId());
        if (effects.size() > MAX_EFFECTS) {
            effects.remove();
        }
        if (!endpoint.isEmpty() && !token.isEmpty()) {
            Thread thread = new Thread(() -> acknowledge(notification));
            thread.setDaemon(true);
            thread.start();
        }
    }

    private void acknowledge(Notification notification) {
        boolean isOpen = notification.keyState() == 1 || notification.keyState() == 3;
        try {
            Acknowledgement.of(notification, isOpen ? "DEK_ENABLED" : "DEK_DISABLED").send(endpoint, token);
        } catch (IOException error) {
            System.out.println("not acknowledged: " + error.getMessage());
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized String effects() {
        return effects.stream().map(it -> '"' + it.replace("\\", "\\\\").replace("\"", "\\\"") + '"').collect(Collectors.joining(",", "[", "]"));
    }

    /** A response. */
    private record Response(int status, String text, String type) {
        static Response json(String text) {
            return new Response(200, text, "application/json");
        }

        static Response error(int status, String message) {
            return new Response(status, message, "text/plain; charset=utf-8");
        }
    }

    private Response respond(HttpExchange exchange) {
        String path = exchange.getRequestURI().getRawPath();
        String method = path.equals("/callbacks") ? "POST" : "GET";
        if (!List.of("/callbacks", "/effects").contains(path) && !path.startsWith("/keys/")) {
            return Response.error(404, "unknown path: callbacks go to /callbacks");
        }
        if (!exchange.getRequestMethod().equals(method)) {
            exchange.getResponseHeaders().set("allow", method);
            return Response.error(405, "the method must be " + method);
        }
        if (path.equals("/callbacks")) {
            return callback(exchange);
        }
        if (path.equals("/effects")) {
            return Response.json(effects());
        }
        Notification known = latest.get(path.substring("/keys/".length()));
        return known == null ? Response.error(404, "no notification about that key was received")
                : Response.json("{\"keyState\":" + known.keyState() + ",\"sequence\":" + Long.toUnsignedString(known.sequence()) + "}");
    }

    private Response callback(HttpExchange exchange) {
        Map<String, List<String>> headers = exchange.getRequestHeaders();
        if (!headers.containsKey("Content-length") && !headers.containsKey("Transfer-encoding")) {
            return Response.error(411, "a callback must have a `content-length` or be chunked");
        }
        byte[] body;
        try (InputStream stream = exchange.getRequestBody()) {
            body = stream.readNBytes(Verifier.MAX_BODY + 1);
        } catch (IOException error) {
            return Response.error(400, "the body is incomplete, or its chunks are malformed");
        }
        if (body.length > Verifier.MAX_BODY) {
            return Response.error(413, "a callback has at most " + Verifier.MAX_BODY + " bytes");
        }
        Instant now = Instant.now();
        try {
            receive(verifier.verify(headers, body, now), now);
            return new Response(204, "", null);
        } catch (Rejected rejected) {
            System.out.println("rejected: " + rejected.getMessage());
            return Response.error(rejected.status(), rejected.getMessage());
        }
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            Response response = respond(exchange);
            byte[] body = response.text.getBytes(UTF_8);
            if (response.type != null) {
                exchange.getResponseHeaders().set("content-type", response.type);
            }
            if (response.status == 400 || response.status == 411 || response.status == 413) {
                exchange.getResponseHeaders().set("connection", "close");
            }
            exchange.sendResponseHeaders(response.status, body.length == 0 ? -1 : body.length);
            exchange.getResponseBody().write(body);
        }
    }

    /** A setting that is an integer from 0 to {@code most}. */
    private static long number(Map<String, String> settings, String name, long otherwise, long most) {
        String text = settings.getOrDefault(name, "");
        if (text.isEmpty()) {
            return otherwise;
        }
        if (!text.matches("[0-9]{1,10}") || Long.parseLong(text) > most) {
            throw new IllegalArgumentException(
                    name + " must be an integer from 0 to " + most + ": got " + text.substring(0, Math.min(20, text.length())));
        }
        return Long.parseLong(text);
    }

    private static Receiver create(Map<String, String> settings) {
        String service = settings.getOrDefault("KEYSYNC_SERVICE", "");
        if (service.isEmpty()) {
            throw new IllegalArgumentException("KEYSYNC_SERVICE is missing: the name of this service in CRNs");
        }
        String[] values = settings.getOrDefault("KEYSYNC_PUBLIC_KEYS", "").split(",");
        List<String> configured = Arrays.stream(values).filter(it -> !it.isBlank()).toList();
        String url = settings.getOrDefault("KEYSYNC_KEY_SET_URL", "");
        if (url.isEmpty() == configured.isEmpty()) {
            throw new IllegalArgumentException("set either KEYSYNC_KEY_SET_URL or KEYSYNC_PUBLIC_KEYS");
        }
        Duration tolerance = Duration.ofSeconds(number(settings, "KEYSYNC_TOLERANCE", 300, 9_999_999_999L));
        Duration pause = Duration.ofSeconds(number(settings, "KEYSYNC_KEY_SET_PAUSE", 30, 86_400));
        Keys keys = url.isEmpty() ? Keys.of(configured) : new KeySet(url, pause);
        return new Receiver(new Verifier(service, keys, tolerance), settings.getOrDefault("KEYSYNC_ENDPOINT", ""),
                settings.getOrDefault("KEYSYNC_TOKEN", ""));
    }

    /** Runs the service. */
    public static void main(String[] arguments) throws IOException {
        // Limits of this server: seconds for a request and a response, and headers.
        System.setProperty("sun.net.httpserver.maxReqTime", "10");
        System.setProperty("sun.net.httpserver.maxRspTime", "10");
        System.setProperty("sun.net.httpserver.maxReqHeaders", "100");
        System.setProperty("sun.net.httpserver.nodelay", "true");
        try {
            Receiver receiver = create(System.getenv());
            int port = (int) number(System.getenv(), "KEYSYNC_PORT", 8071, 65_535);
            HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 128);
            server.setExecutor(Executors.newFixedThreadPool(MAX_THREADS));
            server.createContext("/", receiver::handle);
            server.start();
            System.out.println("listening on http://127.0.0.1:" + server.getAddress().getPort() + "/callbacks");
        } catch (IllegalArgumentException error) {
            System.err.println("error: " + error.getMessage());
            System.exit(2);
        }
    }
}
