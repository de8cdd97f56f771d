"""The sender's public keys: as configured by operators (`whpk_…`), and as a published key set."""

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from strict_json import DUPLICATE, as_object, parse, text

# The curve of Ed25519 (RFC 8032, section 5.1): the prime of its field, its constant, and the order
# of its base point.
P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
ORDER = 2**252 + 27742317777372353535851937790883648493


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


def key_set(document):
    """Parses the Ed25519 signature keys of a key set given as text or bytes (RFC 7517, and RFC
    8037, section 2)."""
    try:
        keys = as_object(parse(document if isinstance(document, bytes) else document.encode()))[
            "keys"
        ]
        if type(keys) is not list:
            raise ValueError
        keys = list(map(jwk, keys))
    except (ValueError, KeyError):
        raise InvalidKey(
            "no-key-set",
            "the document is not a key set (RFC 7517), which is a JSON object with a list `keys`: "
            "fetch "
            "the sender's `/.well-known/jwks.json`, and check that the status of the response is "
            "200",
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
        "public key "
        "(`whpk_…`), and report the leaked private key to the operator of keysync",
        place,
    )


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


def checked(raw, place):
    if raw is None or len(raw) != 32:
        raise InvalidKey(
            "malformed",
            f"public key {place} must be a 32-byte Ed25519 public key: `whpk_` followed by base64, "
            "or, in a "
            "key set, `x` in base64url",
            place,
        )
    if not is_safe(raw):
        raise InvalidKey(
            "unsafe",
            f"public key {place} is not a safe Ed25519 public key, which is a point of prime order "
            "in canonical "
            "encoding: ask the operator of keysync for the correct key",
            place,
        )
    return Ed25519PublicKey.from_public_bytes(raw)


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
