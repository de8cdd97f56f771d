"""What a deployment is for, step by step, through its own function URL, event bus and queues."""

import json
import time
import uuid
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from deployment.surroundings import Key, fetch

HOUR = 3_600_000  # milliseconds
GRACE = 300_000  # milliseconds between a deadline and its check
FIRST_INSTANT = (
    1_000_000_000_000  # of 2001: a number of an item that is greater counts milliseconds
)
EVENT_TIMEOUT = 120  # seconds, for a busy machine; it usually takes one
# The schedule runs `redeliver` every minute, and a first retry is due within a minute.
REDELIVERY_TIMEOUT = 240
# How long to wait for what cannot come: longer than it takes where nothing is broken.
BROKEN_EVENT_TIMEOUT = 20
BROKEN_REDELIVERY_TIMEOUT = 150


class Broken(AssertionError):
    """A step of the story that did not work."""

    def __init__(self, step, cause):
        super().__init__(f"{step}: {cause}")
        self.step = step


class Story:
    """The story of one key on one stack. `service` is associated with no other stack.

    `broken` is the step that is expected to fail.
    """

    def __init__(self, aws, harness, stack, bus, service, broken=None):
        self.aws, self.harness, self.service, self.broken = aws, harness, service, broken
        self.outputs = stack.outputs()
        self.dynamodb = aws.client("dynamodb")
        self.key = Key(harness, service, aws.client("events"), bus)

    def run_until_a_notification_is_pending(self):
        """Runs the steps that need no schedule. Raises `Broken` with the first one that does not
        work.
        """
        for step in (
            self.public_keys,
            self.events_reach_the_table,
            self.malformed_event_is_in_the_dead_letter_queue,
            self.lifecycle_notifies_the_service,
            self.second_notification_within_the_hour_is_rejected,
            self.sync_notifies_the_service_again,
            self.status_is_delivered,
            self.failed_notification_is_pending,
        ):
            self._run(step)

    def run_redelivery(self):
        """Runs the steps that wait for the schedule. Raises `Broken` with the first one that does
        not work.
        """
        self._run(self.redeliver_notifies_the_service_when_it_is_back)
        self._run(self.redeliver_finds_the_missed_deadline)

    def _run(self, step):
        self.is_broken = self.broken is not None and step.__name__ == self.broken.__name__
        try:
            step()
        except (AssertionError, OSError, BotoCoreError, ClientError) as error:
            raise Broken(step.__name__, error) from error

    def public_keys(self):
        _, body = self._response(200, "/.well-known/jwks.json")
        keys = json.loads(body)["keys"]
        self._expect({key["crv"] for key in keys}, {"Ed25519"})
        return keys

    def events_reach_the_table(self):
        self.key.create()
        # A registration that arrives before its key waits for three minutes in the queue.
        self.wait("the key", self._item)
        self.key.register()
        self.wait("the registration", lambda: self._item()["services"]["M"])

    def malformed_event_is_in_the_dead_letter_queue(self):
        self.key.publish_malformed()
        sqs = self.aws.client("sqs")

        def receive():
            received = sqs.receive_message(
                QueueUrl=self.outputs["MalformedEventQueueUrl"], MessageAttributeNames=["All"]
            )
            return received.get("Messages")

        message = self.wait("a message in the dead-letter queue", receive)[0]
        reason = message["MessageAttributes"]["reason"]["StringValue"]
        self._expect(reason, "detail.keyState cannot be 1 after the action `delete`")

    def lifecycle_notifies_the_service(self):
        """The service receives the notification and does not act: it is lost."""
        self.harness.set_behaviour(self.service, "ack-without-acting")
        self.key.delete()
        self._verdicts(["ignored"])
        self.wait("a confirmation", lambda: not self._item()["pending"]["M"])

    def second_notification_within_the_hour_is_rejected(self):
        headers, _ = self.sync(409)
        self._expect(0 < int(headers["retry-after"]) <= 3601, True, headers)

    def sync_notifies_the_service_again(self):
        self._time_passes(HOUR + 1)
        self.harness.set_behaviour(self.service, "act")
        self.sync(204)
        self._verdicts(["ignored", "acted"])

    def status_is_delivered(self):
        status = self._status()
        self._expect((status["service"], status["status"]), (self.service, "delivered"))
        self._expect("deadline" in status, True, status)

    def failed_notification_is_pending(self):
        self._time_passes(HOUR + 1)
        self.harness.set_behaviour(self.service, {"respond": {"status": 503}})
        self.sync(204)
        self._expect(list(self._item()["pending"]["M"]), [self.service])

    def redeliver_notifies_the_service_when_it_is_back(self):
        self.harness.set_behaviour(self.service, "act")
        timeout = BROKEN_REDELIVERY_TIMEOUT if self.is_broken else REDELIVERY_TIMEOUT
        self.wait("a redelivery", lambda: not self._item()["pending"]["M"], timeout)
        self._expect(self.harness.verdicts(self.service)[-1], "acted")

    def redeliver_finds_the_missed_deadline(self):
        """The service does not acknowledge that it acted."""
        self._time_passes(4 * HOUR + GRACE + 1)
        timeout = BROKEN_REDELIVERY_TIMEOUT if self.is_broken else REDELIVERY_TIMEOUT
        self.wait("a check of the deadline", lambda: "due_at" not in self._item(), timeout)
        self._expect(self._status()["status"], "overdue")

    def sync_is_received_as(self, verdict):
        """An accepted sync, and the verdict of the service on its callback: a name, or one with a
        reason.
        """
        self._time_passes(HOUR + 1)
        self.sync(204)
        found = self.harness.verdicts(self.service)[-1]
        self._expect(found if isinstance(found, str) else next(iter(found)), verdict, found)

    def sync(self, status, key=None):
        """The response to a sync of the story's key, or of another one."""
        path = f"/api/v2/keys/{key or self.key.id}/actions/sync"
        return self._response(status, path, "POST", b"", self._headers())

    def _status(self):
        """The status of the last notification at the service."""
        _, body = self._response(
            200, f"/api/v2/keys/{self.key.id}/notifications", headers=self._headers()
        )
        (status,) = json.loads(body)["resources"]
        return status

    def _headers(self):
        return {
            "authorization": f"Bearer {self.harness.token()}",
            "bluemix-instance": self.key.instance,
            "correlation-id": str(uuid.uuid4()),
        }

    def _response(self, expected, path, method="GET", body=None, headers=None):
        """Headers and body of the response to a request to the function URL, whose host ministack
        knows but no resolver.

        A 5xx is repeated, as clients repeat it: on a busy machine an init may take too long.
        """
        url = urlsplit(self.outputs["FunctionUrl"])
        responses = []

        def has_response():
            responses.append(
                fetch(
                    f"{self.aws.url}{path}", method, body, {**(headers or {}), "host": url.netloc}
                )
            )
            return responses[-1][0] < 500

        try:
            self.wait("a response without a 5xx", has_response)
        except AssertionError as error:
            raise AssertionError(
                f"{error}; the last one is {responses[-1][0]} {responses[-1][2]}"
            ) from error
        status, headers, body = responses[-1]
        self._expect(status, expected, body)
        return headers, body

    def _item(self):
        key = {"pk": {"S": f"{self.key.instance}#{self.key.id}"}, "sk": {"S": "key"}}
        return self.dynamodb.get_item(
            TableName=self.outputs["TableName"], Key=key, ConsistentRead=True
        ).get("Item")

    def _time_passes(self, milliseconds):
        """The functions have the machine's clock, so all instants of the item are moved back
        instead.

        Only where no function writes the item.
        """

        def moved_back(value):
            if "M" in value:
                return {"M": {name: moved_back(inner) for name, inner in value["M"].items()}}
            if "N" in value and int(value["N"]) > FIRST_INSTANT:
                return {"N": str(int(value["N"]) - milliseconds)}
            return value

        item = moved_back({"M": self._item()})["M"]
        self.dynamodb.put_item(TableName=self.outputs["TableName"], Item=item)

    def _verdicts(self, expected):
        self.wait(
            f"the verdicts {expected}", lambda: self.harness.verdicts(self.service) == expected
        )

    def wait(self, what, condition, timeout=None):
        timeout = timeout or (BROKEN_EVENT_TIMEOUT if self.is_broken else EVENT_TIMEOUT)
        deadline = time.monotonic() + timeout
        while not (result := condition()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not come within {timeout} s")
            time.sleep(0.2)
        return result

    @staticmethod
    def _expect(found, expected, detail=""):
        if found != expected:
            raise AssertionError(f"{found!r} instead of {expected!r} {detail}")
