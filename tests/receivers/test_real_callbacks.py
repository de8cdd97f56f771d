"""Each example service with callbacks of the real sender, which the harness sends: with a key
rotation, a repetition, an event for another service, and an acknowledgement.

Requires the command `harness`: KEYSYNC_HARNESS_BIN.
"""

import json
import os
import pathlib
import subprocess
import urllib.request

import pytest

from kits import KITS, ROOT
from services import SERVICE, KeySetServer, Receiver, Server, key_set, request, wait_until

HARNESS = pathlib.Path(os.environ.get("KEYSYNC_HARNESS_BIN", ROOT / "target" / "debug" / "harness"))
OTHER = "databases"


class Harness:
    """A running harness that sends the callbacks of two services to the test."""

    def __init__(self, callbacks):
        options = [f"--service={name}={callbacks}/{name}" for name in (SERVICE, OTHER)]
        self.process = subprocess.Popen(
            [HARNESS, "up", "--json", "--port", "0", *options], stdout=subprocess.PIPE
        )
        self.about = json.loads(self.process.stdout.readline())
        self.token = self.control("POST", "/iam/tokens", {"roles": ["manager"]})["access_token"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def send(self, method, url, body=None, headers=()):
        data = None if body is None else json.dumps(body).encode()
        sent = urllib.request.Request(
            url, data, {"content-type": "application/json", **dict(headers)}, method=method
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            sent, timeout=60
        ) as response:
            text = response.read()
        return json.loads(text) if text else None

    def control(self, method, path, body=None):
        return self.send(method, self.about["control"] + path, body)

    def api(self, method, path):
        headers = {
            "authorization": f"Bearer {self.token}",
            "bluemix-instance": self.about["instance_id"],
        }
        return self.send(method, self.about["endpoint"] + path, headers=headers)

    def key(self, service):
        """A key that protects a resource of a service."""
        return self.control(
            "POST",
            "/keys",
            {"name": service, "protects": [{"service": service, "resource": "one"}]},
        )["id"]

    def sync(self, key):
        self.api("POST", f"/api/v2/keys/{key}/actions/sync")

    def status(self, key):
        notifications = self.api("GET", f"/api/v2/keys/{key}/notifications")
        return [one["status"] for one in notifications["resources"]]


class Forwarder(Server):
    """Forwards callbacks to a receiver, and remembers them with the status of the response."""

    def __init__(self):
        self.receiver, self.seen = None, []
        super().__init__(self.forward)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def forward(self, handler, body):
        headers = {
            name: value
            for name, value in handler.headers.items()
            if name.lower() not in ("host", "content-length")
        }
        status, _ = request(self.receiver.port, "POST", "/callbacks", body, headers)
        self.seen.append((status, (headers, body)))
        return status, b"", {}


@pytest.mark.skipif(not HARNESS.is_file(), reason=f"{HARNESS} does not exist: build it")
@pytest.mark.parametrize("kit", KITS)
def test_real_callbacks_are_verified_and_acknowledged(kit):
    with (
        KeySetServer(key_set("current")) as published,
        Forwarder() as forwarder,
        Harness(forwarder.url) as harness,
    ):
        settings = {
            "key_set_url": published.url,
            "key_set_pause": 0,
            "endpoint": harness.about["endpoint"],
            "token": harness.token,
        }
        with Receiver(kit, **settings) as receiver:
            forwarder.receiver = receiver
            key, other = harness.key(SERVICE), harness.key(OTHER)

            # The published key set does not have the sender's key yet.
            harness.sync(key)
            assert [status for status, _ in forwarder.seen] == [401]
            assert (receiver.effects(), harness.status(key)) == ([], ["retrying"])

            with urllib.request.urlopen(
                harness.about["endpoint"] + "/.well-known/jwks.json", timeout=60
            ) as response:
                published.publish(response.read())
            harness.control("POST", "/time", {"advance": "2m"})
            harness.control("POST", "/redeliver")
            (status, callback) = forwarder.seen[-1]
            assert (status, receiver.key(key)) == (204, {"keyState": 1, "sequence": 1})
            (effect,) = receiver.effects()
            assert effect == json.loads(callback[1])["id"]
            wait_until(lambda: harness.status(key) == ["acknowledged"], "the acknowledgement")

            assert receiver.post(callback) == 204, "a repetition gets the same response"
            assert receiver.effects() == [effect]

            harness.sync(other)
            assert forwarder.seen[-1][0] == 403
            assert (receiver.effects(), harness.status(other)) == ([effect], ["retrying"])

            harness.api("DELETE", f"/api/v2/keys/{key}?force=true")
            wait_until(lambda: len(receiver.effects()) == 2, "the event of the deletion")
            assert receiver.key(key)["keyState"] == 5
