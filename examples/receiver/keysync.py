"""What a receiver of keysync's callbacks needs: verification, duplicates, order, the sender's
public key set, and acknowledgements.

Copy this file. It needs Python 3.10 or later, the standard library, and for Ed25519, which that
does not have, PyPI's `cryptography`.

Sections: verification, content, duplicates and order, published key set, acknowledgement, public
keys, curve of Ed25519, strict JSON, texts.
"""

import base64
import json
import math
import re
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timezone

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

DEFAULT_TOLERANCE = 300  # seconds
MAX_BODY = 64 * 1024  # bytes; a typical callback has about 1,000
MAX_HEADER = 4096  # bytes of each of the three headers
MAX_KEY_SET = 64 * 1024  # bytes
MAX_DEPTH = 32  # levels of arrays and objects in JSON
KEY_STATES = {1: "active", 2: "suspended", 3: "deactivated", 5: "destroyed"}


# ---- Verification ----

# The status of the response: 400 if malformed, 401 if well-formed but not authentic, 403 if
# authentic but for another service.
STATUSES = {
    "too-old": 401,
    "too-new": 401,
    "signature": 401,
    "service": 403,
    "too-large": 413,
    "key-set": 503,
}


class Rejected(Exception):
    """The reason to reject a callback.

    `code` is short and stable, `status` is the status of the response.
    """

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.status = STATUSES.get(code, 400)


class Verifier:
    """Verifies callbacks for `service` that are signed with one of `keys`: a `KeySet`, or a list of
    `whpk_…`, with both keys during a key rotation.

    `service` is the name of your service in CRNs, such as `cloud-object-storage`. All services know
    the same public keys, so only the name in the event tells that it is for yours.

    Raises `InvalidKey`, which is a `ValueError`, for an invalid or unsafe key.
    """

    def __init__(self, service, keys, tolerance=DEFAULT_TOLERANCE):
        if not service:
            raise ValueError(
                "the service is required: its name in CRNs, such as `cloud-object-storage`"
            )
        self.service = service
        self.tolerance = tolerance
        self.keys = keys if isinstance(keys, (KeySet, FixedKeys)) else FixedKeys(public_keys(keys))

    @classmethod
    def from_jwks(cls, service, document, tolerance=DEFAULT_TOLERANCE):
        """Uses the keys of a key set that you fetched. `KeySet` follows a published one."""
        return cls(service, FixedKeys(parse_key_set(document)), tolerance)

    def verify(self, headers, body, now):
        """Verifies that a callback is from the sender, unchanged, recent and for this service, or
        raises `Rejected` and no other exception.

        `body` must be the bytes as received: the signature covers them, and reserialized JSON has
        different bytes. `headers.get` must be case-insensitive. `now` is in seconds since 1970.
        """
        if len(body) > MAX_BODY:
            raise Rejected(
                "too-large", f"the body must have at most {MAX_BODY} bytes: got {len(body)}"
            )
        event_id, timestamp, signatures = (
            header(headers, f"webhook-{part}") for part in ("id", "timestamp", "signature")
        )
        self.check_timestamp(timestamp, now)
        self.check_signatures(f"{event_id}.{timestamp}.".encode() + body, signatures, now)
        return parse_event(body, event_id, self.service)

    def check_timestamp(self, timestamp, now):
        try:
            age = now - digits(timestamp, most=15)
        except ValueError as error:
            raise Rejected(
                "timestamp", f"`webhook-timestamp` must be seconds since 1970: {error}"
            ) from None
        if age > self.tolerance:
            raise Rejected(
                "too-old",
                f"signed {math.ceil(age)} s ago, at most {self.tolerance} s are allowed: the "
                "callback was replayed, or this machine's clock is ahead and must be corrected",
            )
        if age < -self.tolerance:
            raise Rejected(
                "too-new",
                f"signed {math.ceil(-age)} s in the future, at most {self.tolerance} s are "
                "allowed: this machine's clock is behind, or the sender's clock is ahead",
            )

    def check_signatures(self, signed, signatures, now):
        candidates = [found for found in map(signature, signatures.split(" ")) if found]
        if not candidates:
            raise Rejected(
                "no-signature",
                "`webhook-signature` must contain a `v1a` signature, which is `v1a,` followed by "
                "the base64 of 64 bytes (`v1` signatures with a shared secret are not supported)",
            )
        known = self.keys.current(now)
        if known is None:
            raise Rejected(
                "key-set",
                "the sender's public key set could not be fetched, so nothing can be verified: "
                f"{short(str(self.keys.error))}",
            )
        if not is_signed(known, candidates, signed) and not is_signed(
            self.keys.newer(now, known), candidates, signed
        ):
            raise Rejected(
                "signature",
                "no signature is valid for this body and the configured keys: the body was "
                "changed (pass the bytes as received), the sender signs with a new key, or the "
                "callback is forged",
            )


def header(headers, name):
    """The value of a header, which must be unique: with two values, parsers could disagree on which
    one counts."""
    values = [headers.get(name)]
    # The methods of http.server, of Flask and Starlette, and of aiohttp.
    for method in ("get_all", "getlist", "getall"):
        if values != [None] and hasattr(headers, method):
            values = getattr(headers, method)(name)
    if values == [None]:
        raise Rejected("header", f"the `{name}` header is missing: check whether a proxy drops it")
    if len(values) > 1:
        raise Rejected("header", f"the `{name}` header must be unique: got {len(values)} values")
    (value,) = values
    if not (
        isinstance(value, str)
        and 0 < len(value) <= MAX_HEADER
        and value.isascii()
        and value.isprintable()
    ):
        raise Rejected(
            "header", f"the `{name}` header must be 1 to {MAX_HEADER} characters of printable ASCII"
        )
    return value


def signature(value):
    """The bytes of `v1a,<base64>`, or `None`."""
    scheme, _, encoded = value.partition(",")
    found = from_base64(encoded) if scheme == "v1a" else None
    return found if found and len(found) == 64 else None


def is_signed(keys, candidates, signed):
    return any(is_valid(key, candidate, signed) for candidate in candidates for key in keys)


def is_valid(key, candidate, signed):
    try:
        key.verify(candidate, signed)
    except InvalidSignature:
        return False
    return True


# ---- Content of a callback ----


@dataclass(frozen=True)
class Notification:
    """The content of a callback: the complete state of a key, independent of earlier callbacks."""

    event_id: str  # the same for all attempts; an acknowledgement (`event_ack`) contains it
    sequence: int  # increases with each notification of the key
    source: str  # the CRN of the key's key-management instance
    time: str  # time of the notification, RFC 3339, UTC
    service: str  # the service that the event is for: yours
    key_id: str
    key_crn: str
    key_state: int  # determines what to do; see KEY_STATES
    key_version: str  # the id of the version of the key's material
    action: str  # the latest lifecycle action, which explains the state
    renotification: bool  # whether a sync caused this notification
    occurred_at: str  # time of the action, RFC 3339, UTC
    resource_count: int  # number of your resources that the key protects, as known to the sender


def parse_event(body, webhook_id, service):
    """Parses a body whose signature was verified together with `webhook_id`, as the receiver of
    `service`.

    Unknown fields are ignored.
    """
    try:
        event = as_object(parse_json(body))
        data = as_object(event["data"])
        version = as_object(data["keyVersion"])
        specversion, kind, subject = (
            text(event[name]) for name in ("specversion", "type", "subject")
        )
        notification = Notification(
            event_id=text(event["id"]),
            sequence=integer_64(digits(text(event["sequence"]), most=20)),
            source=text(event["source"]),
            time=text(event["time"]),
            service=text(data["service"]),
            key_id=text(data["keyId"]),
            key_crn=text(data["keyCrn"]),
            key_state=integer_64(data["keyState"]),
            key_version=text(version["id"]),
            action=text(data["eventType"]),
            renotification=boolean(data["renotification"]),
            occurred_at=text(data["occurredAt"]),
            resource_count=integer_64(data["resourceCount"]),
        )
        text(version["creationDate"])
        if notification.key_state not in KEY_STATES:
            raise ValueError(f"key state must be 1, 2, 3 or 5: got {notification.key_state}")
    except KeyError as missing:
        raise Rejected(
            "body", f"the signed body is not a valid key event: {missing} is missing"
        ) from None
    except ValueError as error:
        raise Rejected(
            "body", f"the signed body is not a valid key event: {short(str(error))}"
        ) from None
    for name, found, expected in (
        ("specversion", specversion, "1.0"),
        ("type", kind, f"com.ibm.cloud.kms.key.{notification.action}"),
        ("subject", subject, notification.key_id),
    ):
        if found != expected:
            raise Rejected("body", f"`{name}` must be {short(expected)}: got {short(found)}")
    if notification.event_id != webhook_id:
        raise Rejected(
            "id",
            f"`webhook-id` must be the event's id {short(notification.event_id)}: got "
            f"{short(webhook_id)}",
        )
    if notification.service != service:
        raise Rejected(
            "service",
            f"the event is for the service {short(notification.service)}, and this is the "
            f"receiver of {short(service)}: the operator has configured this address for both, "
            "the name of the service is wrong here, or a receiver of the other one sent it on",
        )
    return notification


# ---- Duplicates and order ----


class ReplayGuard:
    """Remembers the ids of verified events for twice the tolerance, after which a replayed callback
    is too old anyway.

    It prevents duplicate side effects. It does not know the order of events, see `Latest`.
    """

    def __init__(self, tolerance=DEFAULT_TOLERANCE, capacity=100_000):
        self.remembered_for = 2 * tolerance
        self.capacity = capacity
        self.seen_at = OrderedDict()

    def is_new(self, event_id, now):
        """Whether the event was not seen before. Remembers its id."""
        while self.seen_at and now - next(iter(self.seen_at.values())) > self.remembered_for:
            self.seen_at.popitem(last=False)
        if event_id in self.seen_at:
            return False
        if len(self.seen_at) >= self.capacity:
            self.seen_at.popitem(last=False)
        self.seen_at[event_id] = now
        return True

    def forget(self, event_id):
        """Forgets an event that you could not process, before a 503.

        Otherwise the sender's retry would count as a duplicate.
        """
        self.seen_at.pop(event_id, None)


class Latest:
    """The newest notification of each key, for the keys that were notified last.

    A real service stores it in its database, with the sequence.
    """

    def __init__(self, capacity=100_000):
        self.capacity = capacity
        self.by_key = OrderedDict()  # the key notified longest ago first

    def offer(self, notification):
        """Returns `newer` (stored), `repeated` (already known) or `stale` (older; acting on it
        would undo the newer one)."""
        known = self.by_key.get(notification.key_id)
        if known and notification.sequence <= known.sequence:
            return "repeated" if notification.sequence == known.sequence else "stale"
        self.by_key[notification.key_id] = notification
        self.by_key.move_to_end(notification.key_id)
        if len(self.by_key) > self.capacity:
            self.by_key.popitem(last=False)
        return "newer"


# ---- Published key set ----


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
                self.last, self.error = (parse_key_set(self.fetch()), now), None
        except (ValueError, OSError) as error:
            self.error = str(error)
        finally:
            self.fetching.release()


class FixedKeys:
    """Keys that do not change."""

    def __init__(self, keys):
        self.keys = keys

    def current(self, _):
        return self.keys

    def newer(self, *_):
        return []


def download(url):
    with send(urllib.request.Request(url), timeout=10) as response:
        if response.status != 200:
            raise OSError(f"{url} responded with {response.status}, not 200")
        document = response.read(MAX_KEY_SET + 1)
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


# ---- Acknowledgement ----


def acknowledge(endpoint, token, notification, state, *, at=None, resource_crn=None, timeout=10):
    """Reports that the service acted on a notification (`kms.secrets-event.ack`), at most four
    hours after it.

    `token` is an IAM access token. `state` is your own name for the state of the resources that the
    key protects. `at` is when the service acted, by default now. Raises `OSError` unless the
    response is 204.
    """
    check_url(endpoint, "the endpoint")
    at = at or datetime.now(timezone.utc)
    resource = {
        "eventId": notification.event_id,
        "adopterKeyState": state,
        "timestamp": at.astimezone(timezone.utc)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z"),
    }
    if resource_crn:
        resource["resourceCrn"] = resource_crn
    metadata = {
        "collectionType": "application/vnd.ibm.kms.event_acknowledge+json",
        "collectionTotal": 1,
    }
    headers = {
        "authorization": f"Bearer {token}",
        "bluemix-instance": (notification.source.split(":") + [""] * 8)[7],  # of its CRN
        "content-type": "application/json",
    }
    request = urllib.request.Request(
        f"{endpoint.removesuffix('/')}/api/v2/event_ack",
        method="POST",
        headers=headers,
        data=json.dumps({"metadata": metadata, "resources": [resource]}).encode(),
    )
    with send(request, timeout) as response:
        status = response.status
    if status != 204:
        raise OSError(
            f"the acknowledgement of {notification.event_id} got status {status}, not 204"
        )


# ---- Public keys: as configured by operators (`whpk_…`), and of a key set ----


class InvalidKey(ValueError):
    """A configured key is missing, malformed, unsafe or private.

    `code` is short and stable, `place` starts at 1.
    """

    def __init__(self, code, message, place=None):
        super().__init__(message)
        self.code = code
        self.place = place


def public_keys(values):
    """Parses each `whpk_…`.

    Errors do not repeat a value, because it may be a secret pasted by mistake.
    """
    return at_least_one([public_key(value, place) for place, value in enumerate(values, 1)])


def parse_key_set(document):
    """Parses the Ed25519 signature keys of a key set given as text or bytes (RFC 7517, and RFC
    8037, section 2)."""
    try:
        keys = as_object(
            parse_json(document if isinstance(document, bytes) else document.encode())
        )["keys"]
        if type(keys) is not list:
            raise ValueError
        keys = list(map(jwk, keys))
    except (ValueError, KeyError):
        raise InvalidKey(
            "no-key-set",
            "the document is not a key set (RFC 7517), which is a JSON object with a list "
            "`keys`: fetch the sender's `/.well-known/jwks.json`, and check that the status of "
            "the response is 200",
        ) from None
    found = []
    for place, key in enumerate(keys, 1):
        if (key["kty"], key["crv"]) != ("OKP", "Ed25519") or key["use"] not in (None, "sig"):
            continue
        if key["d"] is not None:
            raise private_key(place)
        found.append(checked(from_base64url(key["x"] or ""), place))
    return at_least_one(found)


def jwk(value):
    """The relevant fields of a key.

    They are strings or missing, except `d`, the private part, which may be any value.
    """
    key = as_object(value)
    if key.get("d") is DUPLICATE:
        raise ValueError
    optional = {
        name: None if key.get(name) is None else text(key[name]) for name in ("crv", "use", "x")
    }
    return {"kty": text(key["kty"]), "d": key.get("d"), **optional}


def at_least_one(keys):
    if not keys:
        raise InvalidKey(
            "none", "no public key is given: ask the operator of keysync for it (`whpk_…`)"
        )
    return keys


def public_key(value, place):
    value = value.strip(" \t\r\n\f") if isinstance(value, str) else ""
    if value.startswith("whsk_"):
        raise private_key(place)
    return checked(
        from_base64(value.removeprefix("whpk_")) if value.startswith("whpk_") else None, place
    )


def private_key(place):
    return InvalidKey(
        "private",
        f"public key {place} is a private key, which only the sender may have: configure the "
        "public key (`whpk_…`), and report the leaked private key to the operator of keysync",
        place,
    )


def checked(raw, place):
    if raw is None or len(raw) != 32:
        raise InvalidKey(
            "malformed",
            f"public key {place} must be a 32-byte Ed25519 public key: `whpk_` followed by "
            "base64, or, in a key set, `x` in base64url",
            place,
        )
    if not is_safe(raw):
        raise InvalidKey(
            "unsafe",
            f"public key {place} is not a safe Ed25519 public key, which is a point of prime "
            "order in canonical encoding: ask the operator of keysync for the correct key",
            place,
        )
    return Ed25519PublicKey.from_public_bytes(raw)


# ---- Curve of Ed25519 (RFC 8032, section 5.1) ----

P = 2**255 - 19  # the prime of its field
D = -121665 * pow(121666, -1, P) % P  # its constant
ORDER = 2**252 + 27742317777372353535851937790883648493  # of its base point


def is_safe(raw):
    """Whether a key is a canonically encoded point of prime order.

    `cryptography` does not verify this. Anyone can sign for a point of small order, because most
    messages then have a signature that needs no secret. Implementations differ for a point of mixed
    order (a valid one plus one of small order).
    """
    number = int.from_bytes(raw, "little")
    y, sign = number % 2**255, number >> 255
    if y >= P:
        return False  # a non-canonical encoding of y - P
    # x² = (y² - 1) / (D y² + 1); the square root where P mod 8 is 5.
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square:
        return False  # not on the curve
    if x == 0:
        return False  # (0, 1) or (0, -1), of order 1 or 2
    if x % 2 != sign:
        x = P - x
    # Prime order: `ORDER` times the point is the neutral element, and the point itself is not,
    # because x is not 0.
    total, point = (0, 1, 1, 0), (x, y, 1, x * y % P)
    for bit in bin(ORDER)[2:]:
        total = add(total, total)
        if bit == "1":
            total = add(total, point)
    return total[0] == 0 and total[1] == total[2]


def add(one, other):
    """The sum of two points in extended coordinates (X, Y, Z, T), where x = X/Z, y = Y/Z and T =
    XY/Z."""
    (x1, y1, z1, t1), (x2, y2, z2, t2) = one, other
    minus, plus = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2)
    product, twice = 2 * D * t1 * t2, 2 * z1 * z2
    e, f, g, h = plus - minus, twice - product, twice + product, plus + minus
    return e * f % P, g * h % P, f * g % P, e * h % P


# ---- Strict JSON (RFC 8259), without the extensions and failures of Python's parser ----

DUPLICATE = object()  # the value of a duplicate field


def parse_json(raw):
    """Parses bytes. Raises `ValueError` if they are not JSON, and no other exception."""
    source = raw.decode("utf-8")  # `json.loads` also accepts UTF-16 and UTF-32
    check_depth(source)
    return json.loads(
        source, parse_constant=reject_constant, parse_int=integer, object_pairs_hook=fields
    )


def check_depth(source):
    """Limits the nesting. Python raises `RecursionError` at a depth that differs by version."""
    depth = 0
    for symbol in re.sub(r'"(?:[^"\\]|\\.)*"', "", source, flags=re.DOTALL):
        depth += (symbol in "[{") - (symbol in "]}")
        if depth > MAX_DEPTH:
            raise ValueError(f"JSON is nested more than {MAX_DEPTH} levels deep")


def reject_constant(name):
    raise ValueError(f"JSON has no {name}")


def integer(text):
    """Parses an integer.

    `int` raises for thousands of digits, so longer numbers become a float, which `integer_64`
    rejects.
    """
    return int(text) if len(text) <= 20 and text != "-0" else float("inf")


def fields(pairs):
    found = {}
    for name, value in pairs:
        found[name] = DUPLICATE if name in found else value
    return found


def text(value):
    """A string that can be encoded as UTF-8.

    Escapes can produce unpaired surrogates, which cannot.
    """
    if type(value) is not str:
        raise ValueError("must be a string" if value is not DUPLICATE else "is a duplicate field")
    value.encode()
    return value


def integer_64(value):
    """An unsigned 64-bit integer, but not `True` or 5.0."""
    if type(value) is not int or not 0 <= value < 2**64:
        raise ValueError("must be an integer between 0 and 18446744073709551615")
    return value


def boolean(value):
    if type(value) is not bool:
        raise ValueError("must be true or false")
    return value


def as_object(value):
    """A JSON object whose field names can be encoded as UTF-8."""
    if type(value) is not dict:
        raise ValueError("must be a JSON object")
    for name in value:
        text(name)
    return value


# ---- Texts ----


def digits(value, most):
    """Parses ASCII digits.

    `int` alone also accepts signs, spaces, `_` and digits of other scripts.
    """
    if not (value.isascii() and value.isdigit() and len(value) <= most):
        raise ValueError(f"must be 1 to {most} digits: got {short(value)}")
    return int(value)


def short(value):
    """The start of a value, escaped to one line of ASCII, for messages."""
    return ascii(value if len(value) <= 64 else value[:64] + "…")


def from_base64(encoded):
    """Decodes canonical base64, or returns `None`. Python's decoder also accepts other forms."""
    try:
        raw = base64.b64decode(encoded)
    except ValueError:
        return None
    return raw if base64.b64encode(raw).decode() == encoded else None


def from_base64url(encoded):
    """Decodes canonical base64url without padding, or returns `None`."""
    if any(it in encoded for it in "+/="):
        return None
    return from_base64(encoded.replace("-", "+").replace("_", "/") + "=")


def send(request, timeout):
    """The response to a request, whatever its status is. Redirects are not followed."""
    try:
        return urllib.request.build_opener(Unredirected).open(request, timeout=timeout)
    except urllib.error.HTTPError as response:
        return response


class Unredirected(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


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
