"""The receiver on the callbacks that the real sender makes: the harness runs it, and calls us as object storage.

It takes the command `harness`: `cargo build -p keysync -p keysync-harness --bins`, or one that KEYSYNC_HARNESS_BIN names.
"""

import json
import os
import pathlib
import subprocess
import threading
import urllib.error
import urllib.request

import pytest

from receiver import Service, Verifier

BUILT = pathlib.Path(__file__).parents[2] / "target" / "debug" / "harness"
HARNESS = pathlib.Path(os.environ.get("KEYSYNC_HARNESS_BIN", BUILT))
OTHER_KEY = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="  # of RFC 8032, section 7.1

pytestmark = pytest.mark.skipif(not HARNESS.is_file(), reason=f"there is no {HARNESS}: build it")


class Harness:
    def __init__(self, about):
        self.about = about
        self.key = about["root_key_id"]
        form = f"grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey={about['api_key']}"
        answer = self.ask("POST", f"{about['iam']}/identity/token", form.encode())[1]
        self.token = json.loads(answer)["access_token"]

    def ask(self, method, url, body=None, headers=None):
        request = urllib.request.Request(url, body, headers or {}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()

    def api(self, method, path):
        headers = {"authorization": f"Bearer {self.token}", "bluemix-instance": self.about["instance_id"]}
        return self.ask(method, self.about["endpoint"] + path, headers=headers)[0]

    def control(self, path, body):
        headers = {"content-type": "application/json"}
        return self.ask("POST", self.about["control"] + path, json.dumps(body).encode(), headers)[0]


@pytest.fixture
def service():
    """The receiver, without the sender's key: that is known when the harness is there."""
    with Service(("127.0.0.1", 0), Verifier([OTHER_KEY])) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def harness(service):
    callbacks = f"http://127.0.0.1:{service.server_port}/callbacks"
    command = [HARNESS, "up", "--json", "--port", "0", "--service", f"cloud-object-storage={callbacks}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield Harness(json.loads(process.stdout.readline()))
        finally:
            process.terminate()


def test_what_happens_to_a_key_is_known(service, harness):
    service.verifier = Verifier([OTHER_KEY, harness.about["callback_public_key"]])
    key = f"/api/v2/keys/{harness.key}"

    assert harness.api("POST", f"{key}/actions/sync") == 204
    told = service.latest.by_key[harness.key]
    assert (told.key_state, told.action, told.renotification, told.resource_count) == (1, "create", True, 1)

    assert harness.api("DELETE", f"{key}?force=true") in (200, 204)
    assert harness.control("/time", {"advance": "61m"}) < 300
    assert harness.api("POST", f"{key}/actions/sync") == 204
    told = service.latest.by_key[harness.key]
    assert (told.sequence, told.key_state, told.action, told.renotification) == (3, 5, "delete", True)


def test_who_has_another_key_is_not_believed_and_told_again_once_the_key_is_right(service, harness):
    assert harness.api("POST", f"/api/v2/keys/{harness.key}/actions/sync") == 204, "recorded, and retried"
    assert not service.latest.by_key

    service.verifier = Verifier([harness.about["callback_public_key"]])
    assert harness.control("/time", {"advance": "2m"}) < 300
    assert harness.control("/redeliver", {}) < 300
    assert service.latest.by_key[harness.key].sequence == 1
