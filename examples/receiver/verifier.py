"""Verifies keysync's callbacks and keeps the newest state of each key: the reusable part of this
example.

Copy `verifier.py`, `key_set.py`, `public_key.py`, `strict_json.py` and `acknowledge.py`. They
require PyPI's `cryptography`.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature

from key_set import FixedKeys, KeySet
from public_key import from_base64, key_set, public_keys
from strict_json import as_object, boolean, integer_64, parse, text

DEFAULT_TOLERANCE = 300  # seconds
MAX_BODY = 64 * 1024  # bytes; a typical callback has about 1,000
MAX_HEADER = 4096  # bytes of each of the three headers
KEY_STATES = {1: "active", 2: "suspended", 3: "deactivated", 5: "destroyed"}

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


class Verifier:
    """Verifies callbacks for `service` that are signed with one of `keys`: a `KeySet`, or a list of
    `whpk_…`, with both keys during a key rotation.

    `service` is the name of your service in CRNs, such as `cloud-object-storage`. All services know
    the same public keys, so only the name in the event tells that it is for yours.

    Raises `public_key.InvalidKey`, which is a `ValueError`, for an invalid or unsafe key.
    """

    def __init__(self, service, keys, tolerance=DEFAULT_TOLERANCE):
        self.service = service
        self.tolerance = tolerance
        self.keys = keys if isinstance(keys, KeySet) else FixedKeys(public_keys(keys))

    @classmethod
    def from_jwks(cls, service, document, tolerance=DEFAULT_TOLERANCE):
        """Uses the keys of a key set that you fetched. `KeySet` follows a published one."""
        found = cls.__new__(cls)
        found.service, found.tolerance, found.keys = (
            service,
            tolerance,
            FixedKeys(key_set(document)),
        )
        return found

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
                "callback was "
                "replayed, or this machine's clock is ahead and must be corrected",
            )
        if age < -self.tolerance:
            raise Rejected(
                "too-new",
                f"signed {math.ceil(-age)} s in the future, at most {self.tolerance} s are "
                "allowed: "
                "this machine's clock is behind, or the sender's clock is ahead",
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
                "no signature is valid for this body and the configured keys: the body was changed "
                "(pass the bytes as received), the sender signs with a new key, or the callback is "
                "forged",
            )


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


def parse_event(body, webhook_id, service):
    """Parses a body whose signature was verified together with `webhook_id`, as the receiver of
    `service`.

    Unknown fields are ignored.
    """
    try:
        event = as_object(parse(body))
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
            f"the event is for the service {short(notification.service)}, and this is the receiver "
            "of "
            f"{short(service)}: the operator has configured this address for both, the name of the "
            "service is wrong "
            "here, or a receiver of the other one sent it on",
        )
    return notification


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
