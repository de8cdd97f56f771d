"""The receiver with callbacks of the real sender, which the harness sends to it as object storage.

Requires the command `harness`: `cargo build -p keysync-functions -p keysync-harness --bins`, or its
path in KEYSYNC_HARNESS_BIN.
"""

import json
import os
import pathlib
import subprocess
import threading
import urllib.error
import urllib.request

import pytest

from keysync import Verifier
from receiver import Service

BUILT = pathlib.Path(__file__).parents[2] / "target" / "debug" / "harness"
HARNESS = pathlib.Path(os.environ.get("KEYSYNC_HARNESS_BIN", BUILT))
SERVICE = "cloud-object-storage"
OTHER_KEY = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="  # of RFC 8032, section 7.1

pytestmark = pytest.mark.skipif(not HARNESS.is_file(), reason=f"{HARNESS} does not exist: build it")


class Harness:
    def __init__(self, about):
        self.about = about
        self.key = about["root_key_id"]
        form = f"grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey={about['api_key']}"
        response = self.ask("POST", f"{about['iam']}/identity/token", form.encode())[1]
        self.token = json.loads(response)["access_token"]

    def ask(self, method, url, body=None, headers=None):
        request = urllib.request.Request(url, body, headers or {}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def api(self, method, path):
        headers = {
            "authorization": f"Bearer {self.token}",
            "bluemix-instance": self.about["instance_id"],
        }
        return self.ask(method, self.about["endpoint"] + path, headers=headers)[0]

    def control(self, path, body):
        headers = {"content-type": "application/json"}
        return self.ask("POST", self.about["control"] + path, json.dumps(body).encode(), headers)[0]


@pytest.fixture
def service():
    """The receiver with another key, because the sender's key is known only after the harness has
    started."""
    with Service(("127.0.0.1", 0), Verifier(SERVICE, [OTHER_KEY])) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def harness(service):
    callbacks = f"http://127.0.0.1:{service.server_port}/callbacks"
    command = [HARNESS, "up", "--json", "--port", "0", "--service", f"{SERVICE}={callbacks}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield Harness(json.loads(process.stdout.readline()))
        finally:
            process.terminate()


def test_sync_and_delete_update_key_state(service, harness):
    service.verifier = Verifier(SERVICE, [OTHER_KEY, harness.about["callback_public_key"]])
    key = f"/api/v2/keys/{harness.key}"

    assert harness.api("POST", f"{key}/actions/sync") == 204
    latest = service.latest.by_key[harness.key]
    assert (latest.key_state, latest.action, latest.renotification, latest.resource_count) == (
        1,
        "create",
        True,
        1,
    )

    assert harness.api("DELETE", f"{key}?force=true") in (200, 204)
    assert harness.control("/time", {"advance": "61m"}) < 300
    assert harness.api("POST", f"{key}/actions/sync") == 204
    latest = service.latest.by_key[harness.key]
    assert (latest.sequence, latest.key_state, latest.action, latest.renotification) == (
        3,
        5,
        "delete",
        True,
    )


def test_rejected_callback_is_redelivered_after_key_fix(service, harness):
    assert harness.api("POST", f"/api/v2/keys/{harness.key}/actions/sync") == 204, (
        "the notification is recorded and retried"
    )
    assert not service.latest.by_key

    service.verifier = Verifier(SERVICE, [harness.about["callback_public_key"]])
    assert harness.control("/time", {"advance": "2m"}) < 300
    assert harness.control("/redeliver", {}) < 300
    assert service.latest.by_key[harness.key].sequence == 1
