"""The code under test, in place of yours: a service that encrypts data with customers' keys."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

ACTIVE = 1


class PhotoStore:
    """Shows photos while the last known state of their key is active.

    Use it in a `with` statement, which stops it.
    """

    def __init__(self):
        self._states = {}
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), lambda *request: Callback(self, *request)
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}/callbacks"

    def receive(self, event):
        """Processes an event, unless a newer one is known.

        Delivery is at least once and in any order.
        """
        key, sequence = event["subject"], event["sequence"]
        known, _ = self._states.get(key, ("", ACTIVE))
        if sequence > known:
            self._states[key] = (sequence, event["data"]["keyState"])

    def shows(self, key):
        """Whether photos that this key protects are shown."""
        _, state = self._states.get(key, ("", ACTIVE))
        return state == ACTIVE

    def lose_state(self):
        """Loses all key states, as after the restore of an old backup."""
        self._states.clear()

    def __enter__(self):
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


class Callback(BaseHTTPRequestHandler):
    """A request to the callback URL."""

    def __init__(self, store, *request):
        self._store = store
        super().__init__(*request)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        # A real service verifies the signature first; `../receiver/receiver.py` shows how.
        self._store.receive(json.loads(body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """Disables the log."""
