package keysync;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/**
 * The report that the service acted on a notification ({@code kms.secrets-event.ack}), at most four hours after it.
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
        KeySet.checkedUrl(endpoint, "the endpoint");
        HttpRequest request = HttpRequest.newBuilder(URI.create(endpoint.replaceAll("/$", "") + "/api/v2/event_ack"))
                .timeout(TIMEOUT)
                .header("authorization", "Bearer " + token)
                .header("bluemix-instance", instance)
                .header("content-type", "application/json")
                .POST(BodyPublishers.ofString(body()))
                .build();
        HttpClient client = HttpClient.newBuilder().connectTimeout(TIMEOUT).followRedirects(HttpClient.Redirect.NEVER).build();
        int status = client.send(request, BodyHandlers.discarding()).statusCode();
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
