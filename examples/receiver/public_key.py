"""The sender's public keys, as operators hand them out (`whpk_…`) and as the sender publishes them (a key set)."""

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from strict_json import TWICE, as_object, parse, text

# The curve of Ed25519 (RFC 8032, section 5.1): the prime of its field, its constant, and the order of its base point.
P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
ORDER = 2**252 + 27742317777372353535851937790883648493


class KeyRefused(ValueError):
    """What was configured is no key to verify with. `code` is short and stays the same, `place` counts from 1."""

    def __init__(self, code, message, place=None):
        super().__init__(message)
        self.code = code
        self.place = place


def public_keys(values):
    """Reads each `whpk_…`. A value is not repeated in an error: it may be a secret, pasted wrongly."""
    return at_least_one([public_key(value, place) for place, value in enumerate(values, 1)])


def key_set(document):
    """Reads the Ed25519 keys that sign from the text or the bytes of a key set (RFC 7517, and RFC 8037, section 2)."""
    try:
        keys = as_object(parse(document if isinstance(document, bytes) else document.encode()))["keys"]
        if type(keys) is not list:
            raise ValueError
        keys = list(map(jwk, keys))
    except (ValueError, KeyError):
        raise KeyRefused("no-key-set", "the document is no key set (RFC 7517), which is a JSON object with a list `keys`: fetch "
                         "the sender's `/.well-known/jwks.json`, and check that the response's status is 200") from None
    found = []
    for place, key in enumerate(keys, 1):
        if (key["kty"], key["crv"]) != ("OKP", "Ed25519") or key["use"] not in (None, "sig"):
            continue
        if key["d"] is not None:
            raise private(place)
        found.append(checked(from_base64url(key["x"] or ""), place))
    return at_least_one(found)


def jwk(value):
    """The fields of a key that matter here: text, or missing; of `d`, the private part, only whether it is there."""
    key = as_object(value)
    if key.get("d") is TWICE:
        raise ValueError
    optional = {name: None if key.get(name) is None else text(key[name]) for name in ("crv", "use", "x")}
    return {"kty": text(key["kty"]), "d": key.get("d"), **optional}


def at_least_one(keys):
    if not keys:
        raise KeyRefused("none", "no public key is given: ask the operator of keysync for theirs (`whpk_…`)")
    return keys


def public_key(value, place):
    value = value.strip(" \t\r\n\f") if isinstance(value, str) else ""
    if value.startswith("whsk_"):
        raise private(place)
    return checked(from_base64(value.removeprefix("whpk_")) if value.startswith("whpk_") else None, place)


def private(place):
    return KeyRefused("private", f"public key {place} is a private key, which only the sender may have: configure the public one "
                      "(`whpk_…`), and tell the sender's operator that theirs got out", place)


def from_base64(encoded):
    """The bytes of base64 in its one canonical form, or nothing: Python's decoder takes others, too."""
    try:
        raw = base64.b64decode(encoded)
    except ValueError:
        return None
    return raw if base64.b64encode(raw).decode() == encoded else None


def from_base64url(encoded):
    """The same in the alphabet of key sets, where 32 bytes have 43 characters and no padding."""
    if any(it in encoded for it in "+/="):
        return None
    return from_base64(encoded.replace("-", "+").replace("_", "/") + "=")


def checked(raw, place):
    if raw is None or len(raw) != 32:
        raise KeyRefused("malformed", f"public key {place} must be the 32 bytes of an Ed25519 public key: `whpk_` and their base64, "
                         "or, in a key set, `x` with their base64url", place)
    if not is_safe(raw):
        raise KeyRefused("unsafe", f"public key {place} has 32 bytes and is no safe Ed25519 public key, which is a point of the "
                         "curve in its canonical encoding and of the prime order: others than the sender could sign for it, or "
                         "nobody could; ask the operator of keysync for theirs", place)
    return Ed25519PublicKey.from_public_bytes(raw)


def is_safe(raw):
    """Whether a key is one that a sender can have: a point, canonically encoded, whose order is the prime one.

    `cryptography` does not ask. With a point of small order, anybody can sign, for such a key gives most messages a signature
    that needs no secret; a point of mixed order (a good one and one of small order added) makes implementations differ.
    """
    number = int.from_bytes(raw, "little")
    y, sign = number % 2**255, number >> 255
    if y >= P:
        return False  # a second form of y - P; none of the 19 has the prime order, so this says it only sooner
    # x² = (y² - 1) / (D y² + 1); the square root where P mod 8 is 5.
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square:
        return False  # not on the curve
    if x == 0:
        return False  # (0, 1) or (0, -1): of order 1 or 2, whatever the sign
    if x % 2 != sign:
        x = P - x
    # The prime order: `ORDER` times the point is the neutral element. The point itself is not, as its x is not 0.
    total, point = (0, 1, 1, 0), (x, y, 1, x * y % P)
    for bit in bin(ORDER)[2:]:
        total = add(total, total)
        if bit == "1":
            total = add(total, point)
    return total[0] == 0 and total[1] == total[2]


def add(one, other):
    """The sum of two points (X, Y, Z, T), where x = X/Z, y = Y/Z and T = XY/Z: no division on the way."""
    (x1, y1, z1, t1), (x2, y2, z2, t2) = one, other
    minus, plus = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2)
    product, twice = 2 * D * t1 * t2, 2 * z1 * z2
    e, f, g, h = plus - minus, twice - product, twice + product, plus + minus
    return e * f % P, g * h % P, f * g % P, e * h % P
