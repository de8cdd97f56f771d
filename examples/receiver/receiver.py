"""A service that receives keysync's callbacks: verifies them, and keeps the newest state of each key.

    python receiver.py --public-key whpk_…

`POST /callbacks` takes a callback: 204, or the reason with 400 (malformed), 401 (not believed) or 413 (too large). `GET /keys/<id>`
says what is known of a key.

It takes the standard library and PyPI's `cryptography`. What a service of your own needs of it is in `verifier.py`.
"""

import argparse
import json
import os
import threading
import time

from strict_http import BoundedServer, StrictHandler, say
from verifier import (  # noqa: F401: for those who import them from here
    DEFAULT_TOLERANCE,
    KEY_STATES,
    MAX_BODY,
    Latest,
    Notification,
    Rejected,
    ReplayGuard,
    Verifier,
)


class Service(BoundedServer):
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


class Handler(StrictHandler):
    def respond(self):
        if self.path == "/callbacks":
            self.only("POST", self.callback)
        elif self.path.startswith("/keys/"):
            self.only("GET", self.key)
        else:
            self.answer(404, "callbacks go to /callbacks, and states are at /keys/<id>")

    def only(self, method, do):
        if self.command == method or (self.command, method) == ("HEAD", "GET"):
            return do()
        self.answer(405, f"the method is {method}", allow=method)

    def callback(self):
        body = self.read_body(MAX_BODY)
        try:
            line = self.server.take(self.headers, body)
        except Rejected as why:
            say(f"rejected: {why}")
            return self.answer(why.status, str(why))
        say(line)
        self.answer(204)

    def key(self):
        with self.server.lock:
            told = self.server.latest.by_key.get(self.path.removeprefix("/keys/"))
        if told is None:
            return self.answer(404, "nothing was told of that key")
        self.answer(200, json.dumps({"keyState": told.key_state, "sequence": told.sequence}), "application/json")


def port(text):
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"must be an integer from 0 to 65535: got {text[:20]!r}")
    return int(text)


def main():
    parser = argparse.ArgumentParser(description="Receives keysync's callbacks, and keeps the newest state of each key.")
    parser.add_argument("--public-key", action="append", metavar="whpk_…",
                        help="the sender's public key; several while it changes (or KEYSYNC_PUBLIC_KEYS, with commas)")
    parser.add_argument("--port", type=port, default=8071, help="0 is any free one (default: %(default)s)")
    parser.add_argument("--tolerance", type=int, default=DEFAULT_TOLERANCE, metavar="SECONDS",
                        help="how far a callback's timestamp may be from this machine's clock (default: %(default)s)")
    arguments = parser.parse_args()
    from_env = [key.strip() for key in os.environ.get("KEYSYNC_PUBLIC_KEYS", "").split(",") if key.strip()]
    try:
        verifier = Verifier(arguments.public_key or from_env, arguments.tolerance)
    except ValueError as error:
        parser.error(str(error))
    service = Service(("127.0.0.1", arguments.port), verifier)
    say(f"listening on http://127.0.0.1:{service.server_port}/callbacks")
    try:
        service.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
