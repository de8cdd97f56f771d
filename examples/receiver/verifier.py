"""Verifies keysync's callbacks and keeps the newest state of each key: what a service of your own takes from this example.

Copy `verifier.py`, `public_key.py` and `strict_json.py`. They take the standard library and PyPI's `cryptography`.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature

from public_key import from_base64, key_set, public_keys
from strict_json import as_object, boolean, parse, text, whole

DEFAULT_TOLERANCE = 300  # seconds
MAX_BODY = 64 * 1024  # bytes; a callback has about 1,000
MAX_HEADER = 4096  # bytes of each of the three headers
KEY_STATES = {1: "active", 2: "suspended", 3: "deactivated", 5: "destroyed"}

# What to answer: 401 for what is well-formed and not believed, 400 for what is malformed.
STATUSES = {"too-old": 401, "too-new": 401, "signature": 401, "too-large": 413}


class Rejected(Exception):
    """Why a callback is not taken. `code` is short and stays the same, `status` is what to answer."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.status = STATUSES.get(code, 400)


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
    """Verifies callbacks of the sender that has one of `keys` (`whpk_…`); two while the sender changes its key.

    A key that is none, or no safe one, is refused here (`public_key.KeyRefused`, which is a `ValueError`).
    """

    def __init__(self, keys, tolerance=DEFAULT_TOLERANCE):
        self.tolerance = tolerance
        self.keys = public_keys(keys)

    @classmethod
    def from_jwks(cls, document, tolerance=DEFAULT_TOLERANCE):
        """For the sender that publishes this key set, at `/.well-known/jwks.json`. Fetch it anew every few minutes."""
        found = cls.__new__(cls)
        found.tolerance, found.keys = tolerance, key_set(document)
        return found

    def verify(self, headers, body, now):
        """Takes a callback if it is the sender's, unchanged and recent, or raises `Rejected`, and nothing else.

        `body` has to be the bytes as they came: the signature is over them, and JSON that was parsed and written
        again has other ones. `headers.get` must not care about case. `now` is in seconds since 1970.
        """
        if len(body) > MAX_BODY:
            raise Rejected("too-large", f"a callback has at most {MAX_BODY} bytes: got {len(body)}")
        event_id, timestamp, signatures = (header(headers, f"webhook-{part}") for part in ("id", "timestamp", "signature"))
        self.check_timestamp(timestamp, now)
        self.check_signatures(f"{event_id}.{timestamp}.".encode() + body, signatures)
        return read(body, event_id)

    def check_timestamp(self, timestamp, now):
        try:
            age = now - digits(timestamp, most=15)
        except ValueError as error:
            raise Rejected("timestamp", f"`webhook-timestamp` must be seconds since 1970: {error}") from None
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


def digits(value, most):
    """A number as digits and nothing else: `int` alone would take signs, spaces, `_` and digits of other scripts, too."""
    if not (value.isascii() and value.isdigit() and len(value) <= most):
        raise ValueError(f"must be between 1 and {most} digits: got {short(value)}")
    return int(value)


def short(value):
    """The start of a value, in one line and in ASCII, for a message."""
    return ascii(value if len(value) <= 64 else value[:64] + "…")


def header(headers, name):
    """The one value of a header: two of which one decides are an invitation to let the other be checked."""
    values = [headers.get(name)]
    for every in ("get_all", "getlist", "getall"):  # of http.server, of Flask and Starlette, of aiohttp
        if values != [None] and hasattr(headers, every):
            values = getattr(headers, every)(name)
    if values == [None]:
        raise Rejected("header", f"the `{name}` header is missing: a proxy in front may have dropped it, and what comes "
                       "without is no callback")
    if len(values) > 1:
        raise Rejected("header", f"the `{name}` header is given {len(values)} times, and must be once")
    (value,) = values
    if not (isinstance(value, str) and 0 < len(value) <= MAX_HEADER and value.isascii() and value.isprintable()):
        raise Rejected("header", f"the `{name}` header must be between 1 and {MAX_HEADER} characters of printable ASCII")
    return value


def signature(value):
    """The bytes of `v1a,<base64>`, or nothing."""
    scheme, _, encoded = value.partition(",")
    found = from_base64(encoded) if scheme == "v1a" else None
    return found if found and len(found) == 64 else None


def holds(key, candidate, signed):
    try:
        key.verify(candidate, signed)
    except InvalidSignature:
        return False
    return True


def read(body, webhook_id):
    """Reads a body whose signature was verified together with `webhook_id`. Fields that are not known are passed over."""
    try:
        event = as_object(parse(body))
        data = as_object(event["data"])
        version = as_object(data["keyVersion"])
        event_id, specversion, kind, subject, _, _ = (
            text(event[name]) for name in ("id", "specversion", "type", "subject", "source", "time"))
        told = Notification(
            event_id=event_id, sequence=whole(digits(text(event["sequence"]), most=20)), key_id=text(data["keyId"]),
            key_crn=text(data["keyCrn"]), key_state=whole(data["keyState"]), key_version=text(version["id"]),
            action=text(data["eventType"]), renotification=boolean(data["renotification"]),
            occurred_at=text(data["occurredAt"]), resource_count=whole(data["resourceCount"]),
        )
        text(version["creationDate"])
    except KeyError as missing:
        raise Rejected("body", f"the body is no key event, though it is signed: {missing} is missing") from None
    except ValueError as error:
        raise Rejected("body", f"the body is no key event, though it is signed: {short(str(error))}") from None
    if told.event_id != webhook_id:
        raise Rejected("id", f"`webhook-id` is {short(webhook_id)}, and the event's id is {short(told.event_id)}")
    for name, found, expected in (
        ("specversion", specversion, "1.0"),
        ("type", kind, f"com.ibm.cloud.kms.key.{told.action}"),
        ("subject", subject, told.key_id),
    ):
        if found != expected:
            raise Rejected("body", f"`{name}` must be {short(expected)}: got {short(found)}")
    if told.key_state not in KEY_STATES:
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
