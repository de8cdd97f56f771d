"""A service that receives and verifies keysync's callbacks and keeps the newest state of each key.

    python receiver.py --service cloud-object-storage --public-key whpk_…

`POST /callbacks` responds with 204, or with an error message and 400 (malformed), 401 (not authentic), 403 (for
another service) or 413 (too large). `GET /keys/<id>` returns the state of a key,
`GET /effects` the number of callbacks that it acted on.

Requires PyPI's `cryptography`. The parts to reuse in your service are in `verifier.py` and `key_source.py`.
"""

import argparse
import json
import os
import threading
import time

from key_source import FollowedKeys
from strict_http import BoundedServer, StrictHandler, print_line
from verifier import (  # noqa: F401: re-exported
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
        self.acted_on = 0
        self.lock = threading.Lock()

    def handle(self, headers, body):
        """Processes a callback and returns a line for the log, or raises `Rejected`."""
        now = time.time()
        notification = self.verifier.verify(headers, body, now)
        with self.lock:
            # Here a real service opens or closes its resources. If that fails, it calls
            # `guard.forget` and returns 503.
            verdict = self.latest.offer(notification) if self.guard.is_new(notification.event_id, now) else "repeated"
            self.acted_on += verdict == "newer"
        state = KEY_STATES[notification.key_state]
        return f"{verdict}: key {notification.key_id} {state} sequence {notification.sequence}"


class Handler(StrictHandler):
    def respond(self):
        if self.path == "/callbacks":
            self.dispatch("POST", self.callback)
        elif self.path.startswith("/keys/"):
            self.dispatch("GET", self.key)
        elif self.path == "/effects":
            self.dispatch("GET", self.effects)
        else:
            self.send(404, "unknown path: callbacks go to /callbacks, states are at /keys/<id>")

    def dispatch(self, method, action):
        if self.command == method or (self.command, method) == ("HEAD", "GET"):
            return action()
        self.send(405, f"the method must be {method}", allow=method)

    def callback(self):
        body = self.read_body(MAX_BODY)
        try:
            line = self.server.handle(self.headers, body)
        except Rejected as error:
            print_line(f"rejected: {error}")
            return self.send(error.status, str(error))
        print_line(line)
        self.send(204)

    def effects(self):
        """The number of callbacks that the service acted on, for `harness verify-receiver`."""
        self.send(200, json.dumps(self.server.acted_on), "application/json")

    def key(self):
        with self.server.lock:
            latest = self.server.latest.by_key.get(self.path.removeprefix("/keys/"))
        if latest is None:
            return self.send(404, "no notification about that key was received")
        self.send(200, json.dumps({"keyState": latest.key_state, "sequence": latest.sequence}), "application/json")


def port(text):
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"must be an integer from 0 to 65535: got {text[:20]!r}")
    return int(text)


def main():
    parser = argparse.ArgumentParser(description="Receives keysync's callbacks and keeps the newest state of each key.")
    parser.add_argument("--service", default=os.environ.get("KEYSYNC_SERVICE"), metavar="NAME",
                        help="the name of this service in CRNs, such as cloud-object-storage (or KEYSYNC_SERVICE)")
    parser.add_argument("--public-key", action="append", metavar="whpk_…",
                        help="the sender's public key; both keys during a key rotation (or KEYSYNC_PUBLIC_KEYS, separated by commas)")
    parser.add_argument("--key-set", metavar="URL",
                        help="URL of the sender's key set, in place of public keys; use https except on one machine")
    parser.add_argument("--port", type=port, default=8071, help="0 selects a free port (default: %(default)s)")
    parser.add_argument("--tolerance", type=int, default=DEFAULT_TOLERANCE, metavar="SECONDS",
                        help="maximum difference between a callback's timestamp and this machine's clock (default: %(default)s)")
    arguments = parser.parse_args()
    if not arguments.service:
        parser.error("the following argument is required: --service, the name of this service in CRNs")
    from_env = [key.strip() for key in os.environ.get("KEYSYNC_PUBLIC_KEYS", "").split(",") if key.strip()]
    try:
        if arguments.key_set:
            verifier = FollowedKeys(arguments.service, arguments.key_set, arguments.tolerance)
        else:
            verifier = Verifier(arguments.service, arguments.public_key or from_env, arguments.tolerance)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    service = Service(("127.0.0.1", arguments.port), verifier)
    print_line(f"listening on http://127.0.0.1:{service.server_port}/callbacks")
    try:
        service.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
