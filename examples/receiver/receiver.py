"""A service that receives keysync's callbacks: verifies them, and keeps the newest state of each key.

    python receiver.py --public-key whpk_…

`POST /callbacks` takes a callback: 204, or 401 or 400 with the reason. `GET /keys/<id>` says what is known of a key.

It takes the standard library and PyPI's `cryptography`. To use it in a service of your own, copy `Verifier`,
`ReplayGuard` and `Latest`, or put this file beside your code and import them.
"""

import argparse
import base64
import binascii
import json
import math
import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

DEFAULT_TOLERANCE = 300  # seconds
MAX_BODY = 64 * 1024  # bytes; a callback has about 1,000
KEY_STATES = {1: "active", 2: "suspended", 3: "deactivated", 5: "destroyed"}


class Rejected(Exception):
    """Why a callback is not taken. `code` is short and stays the same, `status` is what to answer."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.status = 400 if code in ("id", "body") else 401


@dataclass(frozen=True)
class Notification:
    """What a callback says of a key: all of it, so that none needs another to have come before."""

    event_id: str  # the same over all tries; an acknowledgement (`event_ack`) quotes it
    sequence: int  # its place among the key's notifications
    key_id: str
    key_crn: str
    key_state: int  # what to act on; see KEY_STATES
    key_version: str  # the id of the version of the key's material
    action: str  # the latest lifecycle action: why
    renotification: bool  # whether the key's owner asked for it by a sync
    occurred_at: str  # when the action was taken, RFC 3339, UTC
    resource_count: int  # how many of your resources the key protects, as far as the sender knows


class Verifier:
    """Verifies callbacks of the sender that has one of `public_keys`; two while the sender changes its key."""

    def __init__(self, public_keys, tolerance=DEFAULT_TOLERANCE):
        self.tolerance = tolerance
        self.keys = [public_key(text, place) for place, text in enumerate(public_keys, 1)]
        if not self.keys:
            raise ValueError("no public key is given: ask the operator of keysync for theirs (`whpk_…`)")

    def verify(self, headers, body, now):
        """Takes a callback if it is the sender's, unchanged and recent, or raises `Rejected`.

        `body` has to be the bytes as they came: the signature is over them, and JSON that was parsed and written
        again has other ones. `headers.get` must not care about case. `now` is in seconds since 1970.
        """
        event_id, timestamp, signatures = (header(headers, f"webhook-{part}") for part in ("id", "timestamp", "signature"))
        self.check_timestamp(timestamp, now)
        self.check_signatures(f"{event_id}.{timestamp}.".encode() + body, signatures)
        return read(body, event_id)

    def check_timestamp(self, timestamp, now):
        try:
            age = now - digits(timestamp)
        except ValueError:
            message = f"`webhook-timestamp` must be whole seconds since 1970: got `{timestamp}`"
            raise Rejected("timestamp", message) from None
        if age > self.tolerance:
            raise Rejected("too-old", f"signed {math.ceil(age)} s ago, and at most {self.tolerance} s are allowed: it was "
                           "recorded and sent again, or this machine's clock is ahead and has to be set")
        if age < -self.tolerance:
            raise Rejected("too-new", f"signed {math.ceil(-age)} s in the future, and at most {self.tolerance} s are allowed: "
                           "this machine's clock is behind, or the sender's ahead")

    def check_signatures(self, signed, signatures):
        readable = [found for found in map(signature, signatures.split(" ")) if found]
        if not readable:
            raise Rejected("no-signature", "`webhook-signature` holds no `v1a` signature that can be read, which is `v1a,` "
                           "and the base64 of 64 bytes; `v1` is by a shared secret, which there is none")
        if not any(holds(key, candidate, signed) for candidate in readable for key in self.keys):
            raise Rejected("signature", "none of the signatures is by a configured key over this body: either the body was "
                           "changed on its way (take the bytes as they came), or the sender signs with a new key, or it "
                           "is forged")


def public_key(text, place):
    """Reads the `whpk_…` at this place of a list. The value is not repeated: it may be a secret, pasted wrongly."""
    try:
        if not text.startswith("whpk_"):
            raise ValueError
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text.removeprefix("whpk_"), validate=True))
    except ValueError:
        raise ValueError(f"public key {place} must be `whpk_` and the base64 of the 32 bytes of an Ed25519 key") from None


def digits(text):
    """A number as digits and nothing else: `int` alone would take signs, spaces and `_`, too."""
    if not (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 20):
        raise ValueError(f"must be a number: got {text!r}")
    return int(text)


def header(headers, name):
    value = headers.get(name)
    if value is None:
        raise Rejected("header", f"the `{name}` header is missing: a proxy in front may have dropped it, and what comes "
                       "without is no callback")
    return value


def signature(text):
    """The bytes of `v1a,<base64>`, or nothing."""
    scheme, _, encoded = text.partition(",")
    try:
        found = base64.b64decode(encoded, validate=True) if scheme == "v1a" else b""
    except (binascii.Error, ValueError):
        return None
    return found if len(found) == 64 else None


def holds(key, candidate, signed):
    try:
        key.verify(candidate, signed)
    except InvalidSignature:
        return False
    return True


def read(body, webhook_id):
    """Reads a body whose signature was verified together with `webhook_id`. Fields that are not known are passed over."""
    try:
        event = json.loads(body)
        data = event["data"]
        told = Notification(
            event_id=event["id"], sequence=digits(event["sequence"]), key_id=data["keyId"], key_crn=data["keyCrn"],
            key_state=data["keyState"], key_version=data["keyVersion"]["id"], action=data["eventType"],
            renotification=data["renotification"], occurred_at=data["occurredAt"],
            resource_count=data["resourceCount"],
        )
        version, kind, subject = event["specversion"], event["type"], event["subject"]
    except (ValueError, KeyError, TypeError) as error:
        raise Rejected("body", f"the body is no key event, though it is signed: {error!r}") from None
    if told.event_id != webhook_id:
        raise Rejected("id", f"`webhook-id` is `{webhook_id}`, and the event's id is `{told.event_id}`")
    for name, found, expected in (
        ("specversion", version, "1.0"),
        ("type", kind, f"com.ibm.cloud.kms.key.{told.action}"),
        ("subject", subject, told.key_id),
    ):
        if found != expected:
            raise Rejected("body", f"`{name}` must be `{expected}`: got `{found}`")
    if told.key_state not in tuple(KEY_STATES):
        raise Rejected("body", f"key state {told.key_state} is none of 1, 2, 3, 5")
    return told


class ReplayGuard:
    """Remembers the ids of verified events for twice the tolerance: after that a recorded one is too old anyway.

    It keeps side effects from happening twice. It knows no order: for that there is `Latest`.
    """

    def __init__(self, tolerance=DEFAULT_TOLERANCE, capacity=100_000):
        self.remembered_for = 2 * tolerance
        self.capacity = capacity
        self.seen_at = OrderedDict()

    def is_new(self, event_id, now):
        """Whether the event was not seen of late. From now on it was."""
        while self.seen_at and now - next(iter(self.seen_at.values())) > self.remembered_for:
            self.seen_at.popitem(last=False)
        if event_id in self.seen_at:
            return False
        if len(self.seen_at) >= self.capacity:
            self.seen_at.popitem(last=False)
        self.seen_at[event_id] = now
        return True

    def forget(self, event_id):
        """For when you could not act and answer 503: otherwise the sender's next try would be taken for a repeat."""
        self.seen_at.pop(event_id, None)


class Latest:
    """The newest that is known of each key. A real service keeps it in its database, each with its sequence."""

    def __init__(self):
        self.by_key = {}

    def offer(self, told):
        """`newer`: kept. `repeated`: known. `stale`: something newer is known, and to act would undo it."""
        known = self.by_key.get(told.key_id)
        if known and told.sequence <= known.sequence:
            return "repeated" if told.sequence == known.sequence else "stale"
        self.by_key[told.key_id] = told
        return "newer"


class Service(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address, verifier):
        super().__init__(address, Handler)
        self.verifier = verifier
        self.guard = ReplayGuard(verifier.tolerance)
        self.latest = Latest()
        self.lock = threading.Lock()

    def take(self, headers, body):
        """Takes a callback and gives a line about it, or raises `Rejected`."""
        now = time.time()
        told = self.verifier.verify(headers, body, now)
        with self.lock:
            # Here a real service closes or opens its resources by the state. Should that fail: `guard.forget`, and 503.
            verdict = self.latest.offer(told) if self.guard.is_new(told.event_id, now) else "repeated"
        return f"{verdict}: key {told.key_id} {KEY_STATES[told.key_state]} sequence {told.sequence}"


class Handler(BaseHTTPRequestHandler):
    timeout = 10  # seconds, so that a connection that says nothing holds no thread for ever

    def do_POST(self):
        if self.path != "/callbacks":
            return self.answer(404, "callbacks go to /callbacks")
        length = self.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            return self.answer(411, "a callback has a content-length")
        if int(length) > MAX_BODY:
            return self.answer(413, f"a callback has at most {MAX_BODY} bytes")
        try:
            line = self.server.take(self.headers, self.rfile.read(int(length)))
        except Rejected as why:
            print(f"rejected: {why}", flush=True)
            return self.answer(why.status, str(why))
        print(line, flush=True)
        self.answer(204)

    def do_GET(self):
        with self.server.lock:
            told = self.server.latest.by_key.get(self.path.removeprefix("/keys/"))
        if told is None:
            return self.answer(404, "nothing was told of that key")
        self.answer(200, json.dumps({"keyState": told.key_state, "sequence": told.sequence}), "application/json")

    def answer(self, status, text="", content_type="text/plain; charset=utf-8"):
        body = text.encode()
        self.send_response(status)
        if body:
            self.send_header("content-type", content_type)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        if status in (411, 413):
            self.send_header("connection", "close")  # the body was not read
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing for each request: `take` says what matters."""


def main():
    parser = argparse.ArgumentParser(description="Receives keysync's callbacks, and keeps the newest state of each key.")
    parser.add_argument("--public-key", action="append", metavar="whpk_…",
                        help="the sender's public key; several while it changes (or KEYSYNC_PUBLIC_KEYS, with commas)")
    parser.add_argument("--port", type=int, default=8071, help="0 is any free one (default: %(default)s)")
    arguments = parser.parse_args()
    from_env = [key.strip() for key in os.environ.get("KEYSYNC_PUBLIC_KEYS", "").split(",") if key.strip()]
    try:
        verifier = Verifier(arguments.public_key or from_env)
    except ValueError as error:
        parser.error(str(error))
    service = Service(("127.0.0.1", arguments.port), verifier)
    print(f"listening on http://127.0.0.1:{service.server_port}/callbacks", flush=True)
    try:
        service.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
