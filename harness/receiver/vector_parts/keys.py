"""Public keys as operators configure them: safe ones, and those that a receiver must reject at
startup.

The curve arithmetic uses affine coordinates (RFC 8032, section 5.1), which is slow but easy to verify.
"""

import base64
import json

from .signer import CURRENT, NEXT, b64

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
NEUTRAL = (0, 1)


def add(one, other):
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2
    return (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P


def times(factor, point):
    total = NEUTRAL
    for bit in bin(factor)[2:]:
        total = add(total, total)
        if bit == "1":
            total = add(total, point)
    return total


def on_curve(y):
    """The point with this y and an even x, or `None`."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square:
        return None
    return (P - x if x % 2 else x), y % P


def encoded(y, sign):
    return (y | sign << 255).to_bytes(32, "little")


def encode(point):
    return encoded(point[1], point[0] % 2)


def decoded(raw):
    number = int.from_bytes(raw, "little")
    x, y = on_curve(number % 2**255)
    return (P - x if x % 2 != number >> 255 else x), y


ORDER_EIGHT = next(point for point in (times(L, found) for found in map(on_curve, range(2, 50)) if found)
                   if times(4, point) != NEUTRAL)
SMALL = [times(factor, ORDER_EIGHT) for factor in range(8)]
NOT_ON_CURVE = next(y for y in range(2, 50) if not on_curve(y))
# For y < 19, 2^255 - 19 + y also has 255 bits: a non-canonical encoding of the same y.
SECOND_FORM = next(y for y in range(2, 19) if on_curve(y))
MIXED = {order: encode(add(decoded(CURRENT.raw), times(8 // order, ORDER_EIGHT))) for order in (2, 4, 8)}

UNSAFE = {
    **{f"small-order-{number}": ("One of the eight points of small order, for which anyone can sign.", encode(point))
       for number, point in enumerate(SMALL)},
    "small-order-neutral-with-sign": ("x is 0, which has no sign.", encoded(1, 1)),
    "small-order-two-with-sign": ("The point of order 2 with a sign bit, though x is 0.", encoded(P - 1, 1)),
    "small-order-p": ("y is p, a non-canonical encoding of 0.", encoded(P, 0)),
    "small-order-p-with-sign": ("y is p, with a sign bit.", encoded(P, 1)),
    "small-order-p-plus-1": ("y is p + 1, a non-canonical encoding of 1.", encoded(P + 1, 0)),
    "small-order-p-plus-1-with-sign": ("y is p + 1, with a sign bit.", encoded(P + 1, 1)),
    "second-form": ("A valid point in a non-canonical encoding: y is at least p.", encoded(P + SECOND_FORM, 0)),
    "second-form-with-sign": ("A non-canonical encoding with a sign bit.", encoded(P + SECOND_FORM, 1)),
    "not-on-the-curve": ("No point of the curve has this y.", encoded(NOT_ON_CURVE, 0)),
    "highest-bits": ("All bits are set: y is 2^255 - 1.", b"\xff" * 32),
    "y-is-2-to-255-minus-1": ("y is 2^255 - 1, without a sign bit.", encoded(2**255 - 1, 0)),
    **{f"mixed-order-{order}": (f"The sum of a valid key and a point of order {order}: implementations differ on its signatures.", raw)
       for order, raw in MIXED.items()},
}

MALFORMED = {
    "empty": ("An empty string.", ""),
    "prefix-only": ("A prefix without bytes.", "whpk_"),
    "31-bytes": ("A key has 32 bytes, not 31.", "whpk_" + b64(CURRENT.raw[:31])),
    "33-bytes": ("A key has 32 bytes, not 33.", "whpk_" + b64(CURRENT.raw + b"\0")),
    "without-prefix": ("The prefix `whpk_` is required.", CURRENT.public[5:]),
    "prefix-in-capitals": ("The prefix must be in lower case.", "WHPK_" + CURRENT.public[5:]),
    "prefix-twice": ("The prefix must occur once.", "whpk_" + CURRENT.public),
    "shared-secret": ("`whsec_` denotes a shared secret, not a public key.", "whsec_" + b64(CURRENT.raw)),
    "no-base64": ("The key must be base64.", "whpk_" + "!" * 43 + "="),
    "base64url": ("The key must use the standard base64 alphabet.", CURRENT.public.replace("/", "_")),
    "without-padding": ("The base64 padding is required.", CURRENT.public.rstrip("=")),
    "with-more-padding": ("Excess base64 padding.", CURRENT.public + "="),
    "with-bits-after-the-end": ("Base64 must be canonical: unused bits are zero.", CURRENT.public[:-2] + "p="),
    "white-space-inside": ("White space is allowed only at the ends.", CURRENT.public[:20] + "\n" + CURRENT.public[20:]),
    "two-in-one": ("Each key must be a separate value.", f"{CURRENT.public} {NEXT.public}"),
    "hexadecimal": ("The key must be base64, not hexadecimal.", "whpk_" + CURRENT.raw.hex()),
    "not-ascii": ("The key must be ASCII.", "whpk_" + "\uff21" * 43 + "="),
    "pem": ("PEM is not supported.", "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA" + b64(CURRENT.raw)),
}


def configuration(name, why, keys, expect):
    return {"name": name, "why": why, "publicKeys": keys, "expect": expect}


def rejected(reason, place=None):
    return {"rejected": reason} | ({"place": place} if place else {})


CONFIGURATIONS = [
    configuration("one", "The sender's key.", [CURRENT.public], "accepted"),
    configuration("two", "Both keys during a key rotation.", [NEXT.public, CURRENT.public], "accepted"),
    configuration("white-space-around", "Surrounding white space, as in files and environment variables, is removed.", [f" \t{CURRENT.public}\r\n"], "accepted"),
    configuration("none", "Without a key, no callback could be verified.", [], rejected("none")),
    *(configuration(name, why, ["whpk_" + b64(raw)], rejected("unsafe", 1)) for name, (why, raw) in UNSAFE.items()),
    *(configuration(name, why, [text], rejected("malformed", 1)) for name, (why, text) in MALFORMED.items()),
    configuration("private", "A private key must not be configured in a receiver.", [CURRENT.private], rejected("private", 1)),
    configuration("private-cut-off", "A private key is recognized by its prefix.", ["whsk_x"], rejected("private", 1)),
    configuration("second-unsafe", "One valid key does not permit an unsafe one.",
                  [CURRENT.public, "whpk_" + b64(encode(SMALL[1]))], rejected("unsafe", 2)),
    configuration("second-malformed", "One valid key does not permit a malformed one.", [CURRENT.public, ""], rejected("malformed", 2)),
]


def url(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def key(raw=CURRENT.raw, **changes):
    fields = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "1", "x": url(raw)} | changes
    return {name: value for name, value in fields.items() if value is not None}


def key_set(name, why, keys, expect):
    return {"name": name, "why": why, "document": keys if isinstance(keys, str) else json.dumps({"keys": keys}),
            "expect": expect}


OTHERS = [{"kty": "RSA", "n": "0vx7", "e": "AQAB"}, key(crv="X25519"), key(use="enc", x="AA")]

KEY_SETS = [
    key_set("one", "A key set as published by the sender.", [key()], "accepted"),
    key_set("two", "Both keys during a key rotation.", [key(NEXT.raw), key()], "accepted"),
    key_set("others-passed-over", "Keys of another kind or use are ignored.", [*OTHERS, key(use=None, alg=None)], "accepted"),
    key_set("unknown-fields", "Unknown fields are ignored.",
            json.dumps({"keys": [key() | {"extra": {"extra": [1]}}], "extra": None}), "accepted"),
    key_set("no-keys", "Without a key, no callback could be verified.", [], rejected("none")),
    key_set("others-only", "Without a signature key, no callback could be verified.", OTHERS, rejected("none")),
    key_set("private", "`d` is the private part of a key.", [key(d=url(CURRENT.seed))], rejected("private", 1)),
    *(key_set(name, why, [key(), key(raw)], rejected("unsafe", 2)) for name, (why, raw) in UNSAFE.items()),
    *(key_set(f"x-{name}", "`x` must be 32 bytes in base64url.", [*OTHERS, key(x=x)], rejected("malformed", 4))
      for name, x in (("missing", None), ("empty", ""), ("short", url(CURRENT.raw[:31])), ("long", url(CURRENT.raw + b"\0")),
                      ("with-padding", url(CURRENT.raw) + "="), ("standard-base64", b64(CURRENT.raw)[:-1]),
                      ("with-bits-after-the-end", url(CURRENT.raw)[:-1] + "p"), ("not-ascii", "\uff21" * 43))),
    *(key_set(name, why, document, rejected("no-key-set"))
      for name, why, document in (
          ("empty", "An empty document.", ""),
          ("html", "An error page.", "<html>"),
          ("array", "An array instead of a JSON object.", json.dumps([[key()]])),
          ("key-as-array", "An array of a key's field values instead of a JSON object.", json.dumps({"keys": [["OKP", "Ed25519", "sig", url(CURRENT.raw), None]]})),
          ("keys-missing", "The list `keys` is required.", "{}"),
          ("keys-as-object", "`keys` must be a list.", json.dumps({"keys": {"1": key()}})),
          ("keys-given-twice", "A duplicate field `keys`.", json.dumps({"keys": [key()]})[:-1] + ',"keys":[]}'),
          ("x-given-twice", "A duplicate field `x`.", json.dumps({"keys": [key()]})[:-3] + ',"x":""}]}'),
          ("x-number", "`x` must be a string.", json.dumps({"keys": [key(x=7)]})),
          ("kty-missing", "`kty` is required.", json.dumps({"keys": [key(kty=None)]})),
          ("nested-too-deeply", "More than 32 levels of nesting.", '{"extra":' + "[" * 32 + "]" * 32 + "}"),
          ("cut-off", "The first part of a key set.", json.dumps({"keys": [key()]})[:60]),
      )),
]
