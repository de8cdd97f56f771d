"""The sender's public keys: configured, or followed at the URL of the key set."""

import threading
import time
import urllib.request

from strict_http import print_line
from verifier import DEFAULT_TOLERANCE, Rejected, Verifier

MAX_AGE = 300  # seconds after which the key set is fetched again, as its `cache-control` says
PAUSE = 30  # minimum time between two fetches in seconds, so that forged callbacks cause few
TIMEOUT = 2  # seconds
MAX_BYTES = 64 * 1024


class FollowedKeys:
    """Verifies callbacks with the key set at `url`, which is fetched again when it is old, or when
    no key of it fits.

    Has the methods of a `Verifier`. The constructor raises `OSError` or `ValueError` if the set
    cannot be fetched; later, the previous keys remain.
    """

    def __init__(self, service, url, tolerance=DEFAULT_TOLERANCE, pause=PAUSE):
        self.service, self.url, self.tolerance, self.pause = service, url, tolerance, pause
        self.lock = threading.Lock()
        self.fetched_at = time.monotonic()
        self.verifier = self.fetch()  # raises, so that no service starts without keys

    def verify(self, headers, body, now):
        self.fetch_if_older_than(MAX_AGE)
        try:
            return self.verifier.verify(headers, body, now)
        except Rejected as error:
            if error.code != "signature" or not self.fetch_if_older_than(self.pause):
                raise
        return self.verifier.verify(headers, body, now)

    def fetch_if_older_than(self, age):
        """Returns whether the set was fetched.

        One thread fetches at a time; callbacks that arrive meanwhile wait for it.
        """
        with self.lock:
            if time.monotonic() - self.fetched_at < age:
                return False
            self.fetched_at = time.monotonic()
            try:
                self.verifier = self.fetch()
            except (OSError, ValueError) as error:
                print_line(f"the previous keys remain: {error}")
                return False
            return True

    def fetch(self):
        if not self.url.startswith(("https://", "http://")):
            raise ValueError("the URL of the key set must be https (or http on one machine)")
        try:
            with urllib.request.urlopen(self.url, timeout=TIMEOUT) as response:
                document = response.read(MAX_BYTES + 1)
        except OSError as error:
            raise OSError(f"cannot fetch the key set: {error}") from None
        if len(document) > MAX_BYTES:
            raise ValueError(f"the key set has more than {MAX_BYTES} bytes")
        return Verifier.from_jwks(self.service, document, self.tolerance)
