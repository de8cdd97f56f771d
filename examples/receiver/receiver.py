"""A service that receives and verifies keysync's callbacks and keeps the newest state of each key.

    python receiver.py --service cloud-object-storage --public-key whpk_…

`POST /callbacks` responds with 204, or with an error message and 400 (malformed), 401 (not
authentic), 403 (for another service) or 413 (too large). `GET /keys/<id>` returns the state of a
key, and `GET /effects` the ids of the events acted on.

The part to reuse in your service is `keysync.py`.
"""

import argparse
import json
import os
import threading
import time
from collections import deque

from keysync import (
    DEFAULT_TOLERANCE,
    KEY_STATES,
    MAX_BODY,
    KeySet,
    Latest,
    Rejected,
    ReplayGuard,
    Verifier,
    acknowledge,
)
from strict_http import BoundedServer, StrictHandler, print_line

MAX_EFFECTS = 10_000


class Service(BoundedServer):
    def __init__(self, address, verifier, endpoint=None, token=None):
        super().__init__(address, Handler)
        self.verifier = verifier
        self.endpoint, self.token = endpoint, token
        self.effects = deque(
            maxlen=MAX_EFFECTS
        )  # the ids of the newest events acted on, oldest first
        self.guard = ReplayGuard(verifier.tolerance)
        self.latest = Latest()
        self.lock = threading.Lock()

    def handle(self, headers, body):
        """Processes a callback and returns a line for the log, or raises `Rejected`."""
        now = time.time()
        notification = self.verifier.verify(headers, body, now)
        with self.lock:
            verdict = (
                self.latest.offer(notification)
                if self.guard.is_new(notification.event_id, now)
                else "repeated"
            )
            if verdict == "newer":
                # Here a real service opens or closes its resources. If that fails, it calls
                # `guard.forget` and returns 503.
                self.effects.append(notification.event_id)
        if verdict == "newer" and self.endpoint and self.token:
            threading.Thread(target=self.acknowledge, args=[notification], daemon=True).start()
        state = KEY_STATES[notification.key_state]
        return f"{verdict}: key {notification.key_id} {state} sequence {notification.sequence}"

    def acknowledge(self, notification):
        state = "DEK_ENABLED" if notification.key_state in (1, 3) else "DEK_DISABLED"
        try:
            acknowledge(self.endpoint, self.token, notification, state)
        except OSError as error:
            print_line(f"not acknowledged: {error}")


class Handler(StrictHandler):
    def respond(self):
        if self.path == "/callbacks":
            self.dispatch("POST", self.callback)
        elif self.path == "/effects":
            self.dispatch("GET", self.list_effects)
        elif self.path.startswith("/keys/"):
            self.dispatch("GET", self.key)
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

    def list_effects(self):
        with self.server.lock:
            effects = list(self.server.effects)
        self.send(200, json.dumps(effects), "application/json")

    def key(self):
        with self.server.lock:
            latest = self.server.latest.by_key.get(self.path.removeprefix("/keys/"))
        if latest is None:
            return self.send(404, "no notification about that key was received")
        self.send(
            200,
            json.dumps({"keyState": latest.key_state, "sequence": latest.sequence}),
            "application/json",
        )


def integer(most):
    """The parser of an option that is an integer from 0 to `most`."""

    def parse(text):
        if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= most):
            raise argparse.ArgumentTypeError(
                f"must be an integer from 0 to {most}: got {text[:20]!r}"
            )
        return int(text)

    return parse


def arguments_of(parser):
    """The options. Their defaults are the settings in the environment."""

    def option(name, default=None, variable=None, **other):
        variable = variable or f"KEYSYNC_{name.upper().replace('-', '_')}"
        other["help"] += f" (or {variable}" + (f"; default: {default})" if default else ")")
        parser.add_argument(f"--{name}", default=os.environ.get(variable) or default, **other)

    option(
        "service",
        metavar="NAME",
        help="the name of this service in CRNs, such as cloud-object-storage",
    )
    option(
        "key-set", variable="KEYSYNC_KEY_SET_URL", metavar="URL", help="the sender's public key set"
    )
    parser.add_argument(
        "--public-key",
        action="append",
        metavar="whpk_…",
        help="in place of the URL: the sender's public key, or both "
        "during a key rotation (or KEYSYNC_PUBLIC_KEYS, separated by commas)",
    )
    option("port", "8071", type=integer(65_535), help="0 selects a free port")
    option(
        "tolerance",
        str(DEFAULT_TOLERANCE),
        type=integer(9_999_999_999),
        metavar="SECONDS",
        help="maximum difference between a callback's timestamp and this machine's clock",
    )
    option(
        "key-set-pause",
        "30",
        type=integer(86_400),
        metavar="SECONDS",
        help="minimum time between two fetches of the key set",
    )
    option(
        "endpoint",
        metavar="URL",
        help="the key-management endpoint, for acknowledgements; they need KEYSYNC_TOKEN, too",
    )
    found = parser.parse_args()
    from_env = [
        key.strip() for key in os.environ.get("KEYSYNC_PUBLIC_KEYS", "").split(",") if key.strip()
    ]
    found.keys = found.public_key or from_env
    if not found.service:
        parser.error(
            "the following argument is required: --service, the name of this service in CRNs"
        )
    if bool(found.key_set) == bool(found.keys):
        parser.error("give either --key-set or --public-key")
    return found


def main():
    parser = argparse.ArgumentParser(
        description="Receives keysync's callbacks and keeps the newest state of each key."
    )
    found = arguments_of(parser)
    try:
        keys = KeySet(found.key_set, min_pause=found.key_set_pause) if found.key_set else found.keys
        verifier = Verifier(found.service, keys, found.tolerance)
    except ValueError as error:
        parser.error(str(error))
    service = Service(
        ("127.0.0.1", found.port), verifier, found.endpoint, os.environ.get("KEYSYNC_TOKEN")
    )
    print_line(f"listening on http://127.0.0.1:{service.server_port}/callbacks")
    try:
        service.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
