"""What is around a deployment: IAM, the key-management service that publishes events, and the
associated services.

IAM and the services are the harness's; its own functions and table are not used.
"""

import json
import subprocess
import tempfile
import urllib.parse
import urllib.request
import uuid
from datetime import datetime, timezone
from pathlib import Path


def fetch(url, method="GET", body=None, headers=None, timeout=60):
    """The status, headers and body of a response, whatever its status."""
    request = urllib.request.Request(url, method=method, data=body, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


class Harness:
    """A running `harness up` with these services. It ends with `stop`."""

    def __init__(self, program, services):
        with tempfile.TemporaryDirectory() as folder:
            settings = Path(folder) / "settings"
            self.process = subprocess.Popen(
                [
                    program,
                    "up",
                    "--json",
                    "--port",
                    "0",
                    "--until-eof",
                    "--function",
                    "in-process",
                    "--env-file",
                    settings,
                    *(f"--service={name}" for name in services),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"{program} up ended with {self.process.wait()}")
            self.addresses = json.loads(line)
            pairs = (line.split("=", 1) for line in settings.read_text().splitlines())
            settings = {name: value.strip("'") for name, value in pairs}
        self.registry = json.loads(settings["KEYSYNC_SERVICES"])
        self.signing_key = settings["KEYSYNC_SIGNING_KEY"]

    def control(self, path, method="GET", body=None):
        data = None if body is None else json.dumps(body).encode()
        status, _, text = fetch(f"{self.addresses['control']}{path}", method, data)
        if status >= 300:
            raise AssertionError(f"{method} {path}: {status} {text}")
        return json.loads(text) if text else None

    def token(self):
        form = {
            "grant_type": "urn:ibm:params:oauth:grant-type:apikey",
            "apikey": self.addresses["api_key"],
        }
        _, _, text = fetch(
            f"{self.addresses['iam']}/identity/token", "POST", urllib.parse.urlencode(form).encode()
        )
        return json.loads(text)["access_token"]

    def set_behaviour(self, service, behaviour):
        self.control(f"/services/{service}/behaviour", "PUT", {"behaviour": behaviour})

    def verdicts(self, service):
        """The verdicts of a service on what it received."""
        received = self.control(f"/services/{service}/callbacks")["callbacks"]
        return [callback["verdict"] for callback in received]

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()


class Key:
    """A root key with a resource of one service, as the key-management service publishes it on an
    event bus.
    """

    def __init__(self, harness, service, events, bus):
        self.id = str(uuid.uuid4())
        self.instance = harness.addresses["instance_id"]
        account = harness.addresses["account"]
        region = harness.addresses["region"]
        self.crn = (
            f"crn:v1:bluemix:public:hs-crypto:{region}:a/{account}:{self.instance}:key:{self.id}"
        )
        self.resource = (
            f"crn:v1:bluemix:public:{service}:global:a/{account}:{uuid.uuid4()}:bucket:invoices"
        )
        self.events, self.bus = events, bus

    def create(self):
        self._action("create", 1)

    def register(self):
        self._publish("kms.registrations.create", resourceCrn=self.resource)

    def delete(self):
        self._action("delete", 5)

    def publish_malformed(self):
        """An event that no version of the schema allows: a deleted key that is active."""
        self._action("delete", 1)

    def _action(self, action, state):
        version = {"id": self.id, "creationDate": "2026-10-01T00:00:00Z"}
        self._publish(f"kms.secrets.{action}", keyType="root", keyState=state, keyVersion=version)

    def _publish(self, kind, **detail):
        detail = {"schemaVersion": 1, "keyCrn": self.crn, "occurredAt": now(), **detail}
        done = self.events.put_events(
            Entries=[
                {
                    "Source": "kms",
                    "DetailType": kind,
                    "EventBusName": self.bus,
                    "Detail": json.dumps(detail),
                }
            ]
        )
        if done["FailedEntryCount"]:
            raise AssertionError(done)


def now():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
