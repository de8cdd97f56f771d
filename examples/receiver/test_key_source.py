"""The keys of a key set at a URL, through a rotation and an outage."""

import base64
import http.server
import json
import pathlib
import threading

import pytest

from key_source import FollowedKeys
from verifier import Rejected

CRATE = pathlib.Path(__file__).parents[2] / "harness" / "receiver"
DOCUMENT = json.loads((CRATE / "vectors.json").read_text(encoding="utf-8"))
OLD, NEW = (next(it for it in DOCUMENT["vectors"] if it["name"] == name) for name in ("golden", "two-keys"))


def jwk(name):
    raw = base64.b64decode(DOCUMENT["keys"][name]["public"].removeprefix("whpk_"))
    return {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(raw).decode().rstrip("=")}


class KeySetHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.fetches += 1
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(json.dumps({"keys": list(map(jwk, self.server.names))}).encode())

    def log_message(self, *_):
        """Disables the log."""


@pytest.fixture
def key_set():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), KeySetHandler) as server:
        server.fetches, server.status, server.names = 0, 200, ["current"]
        server.url = f"http://127.0.0.1:{server.server_port}/.well-known/jwks.json"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def accepts(keys, vector):
    try:
        return bool(keys.verify(vector["headers"], vector["body"].encode(), vector["now"]))
    except Rejected as error:
        assert error.code == "signature"
        return False


def test_new_key_is_fetched_and_old_one_forgotten(key_set):
    keys = FollowedKeys(DOCUMENT["service"], key_set.url, pause=0)
    assert accepts(keys, OLD) and key_set.fetches == 1, "known keys need no fetch"
    key_set.names = ["next"]
    assert accepts(keys, NEW) and key_set.fetches == 2
    assert not accepts(keys, OLD)


def test_forged_callbacks_cause_few_fetches(key_set):
    keys = FollowedKeys(DOCUMENT["service"], key_set.url)
    assert not any(accepts(keys, NEW) for _ in range(5)) and key_set.fetches == 1


def test_keys_remain_while_key_set_is_unavailable(key_set):
    keys = FollowedKeys(DOCUMENT["service"], key_set.url, pause=0)
    key_set.status = 503
    assert not accepts(keys, NEW) and key_set.fetches == 2
    assert accepts(keys, OLD)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "file:///etc/hostname"])
def test_service_does_not_start_without_key_set(url):
    with pytest.raises((OSError, ValueError), match="key set"):
        FollowedKeys(DOCUMENT["service"], url)
