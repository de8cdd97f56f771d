"""Running example services, and the servers around them."""

import base64
import contextlib
import http.client
import json
import os
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kits import COMMANDS
from mutations import DOCUMENT, GOLDEN, KEYS

SERVICE = DOCUMENT["service"]
TIMEOUT = 30  # much longer than anything takes


def request(port, method, path, body=None, headers=()):
    """The status and the body of a response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    with contextlib.closing(connection):
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return response.status, response.read().decode()


def start(kit, **settings):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYSYNC_")}
    given = {f"KEYSYNC_{name.upper()}": str(value) for name, value in settings.items()}
    environment = kept | {"KEYSYNC_PORT": "0", "KEYSYNC_SERVICE": SERVICE} | given
    return subprocess.Popen(
        COMMANDS[kit][0], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


class Receiver:
    """A running example service."""

    def __init__(self, kit, **settings):
        self.process = start(kit, **settings)
        first = self.process.stdout.readline()
        self.port = int(first.rsplit(":", 1)[1].split("/")[0])
        self.lines = []
        self.readers = [
            threading.Thread(target=self.lines.extend, args=[stream])
            for stream in (self.process.stdout, self.process.stderr)
        ]
        for reader in self.readers:
            reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        ended = self.process.poll()
        self.process.terminate()
        self.process.wait()
        for reader in self.readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        assert ended is None, f"the service ended with {ended}: {self.lines}"

    def post(self, callback):
        """The status of the response to a callback, which is headers and a body."""
        headers, body = callback
        return request(self.port, "POST", "/callbacks", body, headers)[0]

    def effects(self):
        return json.loads(request(self.port, "GET", "/effects")[1])

    def key(self, key_id):
        return json.loads(request(self.port, "GET", f"/keys/{key_id}")[1])


def public_key(name):
    return DOCUMENT["keys"][name]["public"]


def callback(number, *, signer="current", service=SERVICE, age=0, sequence=None):
    """An authentic callback of now: headers and body."""
    event = json.loads(GOLDEN["body"])
    event["id"] = f"event-{number}"
    event["sequence"] = str(number if sequence is None else sequence)
    event["data"]["service"] = service
    body = json.dumps(event).encode()
    timestamp = str(int(time.time()) - age)
    signature = KEYS[public_key(signer)].sign(f"{event['id']}.{timestamp}.".encode() + body)
    return {
        "webhook-id": event["id"],
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1a," + base64.b64encode(signature).decode(),
    }, body


def key_set(*names):
    """The document with these keys."""
    raw = [
        KEYS[public_key(name)].public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        for name in names
    ]
    keys = [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "use": "sig",
            "x": base64.urlsafe_b64encode(one).decode().rstrip("="),
        }
        for one in raw
    ]
    return json.dumps({"keys": keys}).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.respond(b"")

    def do_POST(self):
        self.respond(self.rfile.read(int(self.headers["content-length"])))

    def respond(self, body):
        status, response, headers = self.server.respond(self, body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(response)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(response)

    def log_message(self, *_):
        """Disables the log line per request."""


class Server(ThreadingHTTPServer):
    """A server whose responses are those of a function, on a thread of its own."""

    daemon_threads = True

    def __init__(self, respond):
        super().__init__(("127.0.0.1", 0), Handler)
        self.respond = respond
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def __exit__(self, *_):
        self.shutdown()
        self.thread.join()
        self.server_close()


class KeySetServer(Server):
    """A published key set, and how often it was fetched."""

    def __init__(self, document):
        self.response = (200, document, {})
        self.fetches = 0
        super().__init__(self.fetched)
        self.url = f"http://127.0.0.1:{self.server_port}/.well-known/jwks.json"

    def fetched(self, handler, _):
        if handler.path != "/.well-known/jwks.json":
            return 200, key_set("next"), {}  # what a redirect would lead to
        self.fetches += 1
        response = self.response
        return response() if callable(response) else response

    def publish(self, document):
        self.response = (200, document, {})


def wait_until(condition, what):
    """Waits until a condition holds."""
    end = time.monotonic() + TIMEOUT
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, f"not within {TIMEOUT} s: {what}"
        pause.wait(0.02)
