"""The sender's published key set, fetched by URL and kept up to date."""

import threading
import urllib.error
import urllib.parse
import urllib.request

from public_key import key_set

MAX_KEY_SET = 64 * 1024  # bytes


class FixedKeys:
    """Keys that do not change."""

    def __init__(self, keys):
        self.keys = keys

    def current(self, _):
        return self.keys

    def newer(self, *_):
        return []


class KeySet:
    """The public key set that the sender publishes at `/.well-known/jwks.json`.

    It is fetched with the first callback, again when it is 5 minutes old, and when a callback has
    no signature by a known key; at most every 30 s. While it cannot be fetched, the last one stays
    in use.
    """

    def __init__(self, url, *, max_age=300, min_pause=30, timeout=2, fetch=None):
        check_url(url, "the URL of the key set")
        self.max_age, self.min_pause = max_age, min_pause
        self.fetch = fetch or (lambda: in_time(lambda: download(url), timeout, url))
        self.fetching = threading.Lock()  # held during a fetch, and for `attempted`
        self.attempted = float("-inf")
        self.last = None  # the keys, and when they were fetched
        self.error = None  # the problem of the last fetch

    def current(self, now):
        """The keys, fetched if they are missing or old; `None` if there are none."""
        if not self.last or not 0 <= now - self.last[1] < self.max_age:
            self.update(now)
        return self.last and self.last[0]

    def newer(self, now, known):
        """Keys that are newer than the `known` ones, after another fetch if one is due."""
        self.update(now)
        return [] if self.last[0] is known else self.last[0]

    def update(self, now):
        """One fetch at a time; a callback waits for another's fetch only if there are no keys."""
        if not self.fetching.acquire(blocking=self.last is None):
            return
        try:
            if abs(now - self.attempted) >= self.min_pause:
                self.attempted = now
                self.last, self.error = (key_set(self.fetch()), now), None
        except (ValueError, OSError) as error:
            self.error = str(error)
        finally:
            self.fetching.release()


class Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None  # a redirect is an error


def download(url):
    try:
        with urllib.request.build_opener(Redirects).open(url, timeout=10) as response:
            if response.status != 200:
                raise OSError(f"{url} responded with {response.status}, not 200")
            document = response.read(MAX_KEY_SET + 1)
    except urllib.error.HTTPError as error:
        error.close()
        raise OSError(f"{url} responded with {error.code}, not 200") from None
    if len(document) > MAX_KEY_SET:
        raise OSError(f"{url} has more than {MAX_KEY_SET} bytes")
    return document


def in_time(action, seconds, url):
    """The result of `action`. The timeout of `urllib` is for each read, not for all of them."""
    results = []

    def run():
        try:
            results.append((action(), None))
        except Exception as error:
            results.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not results:
        raise OSError(f"{url} did not respond within {seconds} s")
    ((result, error),) = results
    if error:
        raise error if isinstance(error, OSError) else OSError(repr(error))
    return result


def check_url(url, name):
    """Accepts `https`, and `http` on this machine."""
    parsed = urllib.parse.urlsplit(url)
    is_local = parsed.hostname in ("127.0.0.1", "localhost", "::1")
    if not parsed.hostname or not (
        parsed.scheme == "https" or (parsed.scheme == "http" and is_local)
    ):
        raise ValueError(
            f"{name} must start with https:// (or http:// on this machine): got {ascii(url[:64])}"
        )
