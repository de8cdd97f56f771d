"""What is tested here, in place of your own code: a service whose data is encrypted under others' keys."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

ACTIVE = 1


class PhotoStore:
    """Shows photos while the key that protects them is active, as far as it was told.

    To be used in a `with` statement, which ends it.
    """

    def __init__(self):
        self._told = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *request: Callback(self, *request))
        self.url = f"http://127.0.0.1:{self._server.server_port}/callbacks"

    def is_told(self, event):
        """Takes an event, unless it knows of a later one: events come at least once, in any order."""
        key, sequence = event["subject"], event["sequence"]
        known, _ = self._told.get(key, ("", ACTIVE))
        if sequence > known:
            self._told[key] = (sequence, event["data"]["keyState"])

    def shows(self, key):
        """Whether photos that this key protects can be seen."""
        _, state = self._told.get(key, ("", ACTIVE))
        return state == ACTIVE

    def forgets(self):
        """Loses what it was told, as when a backup is put back."""
        self._told.clear()

    def __enter__(self):
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


class Callback(BaseHTTPRequestHandler):
    """A request to the callback address."""

    def __init__(self, store, *request):
        self._store = store
        super().__init__(*request)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        # Yours verifies the signature first; `../receiver/receiver.py` shows how.
        self._store.is_told(json.loads(body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """Says nothing."""
