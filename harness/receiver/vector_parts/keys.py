"""Public keys as operators configure them: those that are safe, and those that a receiver refuses at its start.

The arithmetic is the plain one of the curve x and y (RFC 8032, section 5.1), slow and easy to check; receivers have their own.
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
    """The point with this y and an even x, or nothing."""
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
# 2^255 - 19 + y has 255 bits too, where y is below 19: another way to write the same y.
SECOND_FORM = next(y for y in range(2, 19) if on_curve(y))
MIXED = {order: encode(add(decoded(CURRENT.raw), times(8 // order, ORDER_EIGHT))) for order in (2, 4, 8)}

UNSAFE = {
    **{f"small-order-{number}": ("One of the eight points of small order: with it anybody can sign.", encode(point))
       for number, point in enumerate(SMALL)},
    "small-order-neutral-with-sign": ("x is 0, which has no sign.", encoded(1, 1)),
    "small-order-two-with-sign": ("The same.", encoded(P - 1, 1)),
    "small-order-p": ("y is p, a second form of 0.", encoded(P, 0)),
    "small-order-p-with-sign": ("The same.", encoded(P, 1)),
    "small-order-p-plus-1": ("y is p + 1, a second form of 1.", encoded(P + 1, 0)),
    "small-order-p-plus-1-with-sign": ("The same.", encoded(P + 1, 1)),
    "second-form": ("y is p or more: the point is good, its encoding is not.", encoded(P + SECOND_FORM, 0)),
    "second-form-with-sign": ("The same.", encoded(P + SECOND_FORM, 1)),
    "not-on-the-curve": ("No x belongs to this y.", encoded(NOT_ON_CURVE, 0)),
    "highest-bits": ("All bits are set: y is 2^255 - 1.", b"\xff" * 32),
    "y-is-2-to-255-minus-1": ("The same without the sign.", encoded(2**255 - 1, 0)),
    **{f"mixed-order-{order}": (f"A real key and a point of order {order} added: implementations differ on what it signs.", raw)
       for order, raw in MIXED.items()},
}

MALFORMED = {
    "empty": ("Nothing.", ""),
    "prefix-only": ("No bytes.", "whpk_"),
    "31-bytes": ("A key has 32.", "whpk_" + b64(CURRENT.raw[:31])),
    "33-bytes": ("A key has 32.", "whpk_" + b64(CURRENT.raw + b"\0")),
    "without-prefix": ("`whpk_` says what it is.", CURRENT.public[5:]),
    "prefix-in-capitals": ("The same.", "WHPK_" + CURRENT.public[5:]),
    "prefix-twice": ("The same.", "whpk_" + CURRENT.public),
    "shared-secret": ("`whsec_` is a shared secret, which no public key is.", "whsec_" + b64(CURRENT.raw)),
    "no-base64": ("Base64 of the standard alphabet.", "whpk_" + "!" * 43 + "="),
    "base64url": ("The same.", CURRENT.public.replace("/", "_")),
    "without-padding": ("Base64 ends with its padding.", CURRENT.public.rstrip("=")),
    "with-more-padding": ("The same.", CURRENT.public + "="),
    "with-bits-after-the-end": ("Base64 has one form for each value: the unused bits are zero.", CURRENT.public[:-2] + "p="),
    "white-space-inside": ("White space is taken off at both ends only.", CURRENT.public[:20] + "\n" + CURRENT.public[20:]),
    "two-in-one": ("Keys are given one by one.", f"{CURRENT.public} {NEXT.public}"),
    "hexadecimal": ("Base64 is asked for.", "whpk_" + CURRENT.raw.hex()),
    "not-ascii": ("Wide letters.", "whpk_" + "\uff21" * 43 + "="),
    "pem": ("Another form for the same key.", "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA" + b64(CURRENT.raw)),
}


def configuration(name, why, keys, expect):
    return {"name": name, "why": why, "publicKeys": keys, "expect": expect}


def refused(reason, place=None):
    return {"refused": reason} | ({"place": place} if place else {})


CONFIGURATIONS = [
    configuration("one", "The sender's key.", [CURRENT.public], "accepted"),
    configuration("two", "While the sender changes its key.", [NEXT.public, CURRENT.public], "accepted"),
    configuration("white-space-around", "As files and variables have it.", [f" \t{CURRENT.public}\r\n"], "accepted"),
    configuration("none", "Nothing could ever be verified.", [], refused("none")),
    *(configuration(name, why, ["whpk_" + b64(raw)], refused("unsafe", 1)) for name, (why, raw) in UNSAFE.items()),
    *(configuration(name, why, [text], refused("malformed", 1)) for name, (why, text) in MALFORMED.items()),
    configuration("private", "Whoever has it can forge callbacks.", [CURRENT.private], refused("private", 1)),
    configuration("private-cut-off", "It is told by its start.", ["whsk_x"], refused("private", 1)),
    configuration("second-unsafe", "One good key does not make up for another.",
                  [CURRENT.public, "whpk_" + b64(encode(SMALL[1]))], refused("unsafe", 2)),
    configuration("second-malformed", "The same.", [CURRENT.public, ""], refused("malformed", 2)),
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
    key_set("one", "As the sender publishes it.", [key()], "accepted"),
    key_set("two", "While the sender changes its key.", [key(NEXT.raw), key()], "accepted"),
    key_set("others-passed-over", "Keys of another kind or for another use.", [*OTHERS, key(use=None, alg=None)], "accepted"),
    key_set("unknown-fields", "A key set may grow.",
            json.dumps({"keys": [key() | {"extra": {"extra": [1]}}], "extra": None}), "accepted"),
    key_set("no-keys", "Nothing could ever be verified.", [], refused("none")),
    key_set("others-only", "The same.", OTHERS, refused("none")),
    key_set("private", "`d` is the private part.", [key(d=url(CURRENT.seed))], refused("private", 1)),
    *(key_set(name, why, [key(), key(raw)], refused("unsafe", 2)) for name, (why, raw) in UNSAFE.items()),
    *(key_set(f"x-{name}", "`x` is the base64url of 32 bytes.", [*OTHERS, key(x=x)], refused("malformed", 4))
      for name, x in (("missing", None), ("empty", ""), ("short", url(CURRENT.raw[:31])), ("long", url(CURRENT.raw + b"\0")),
                      ("with-padding", url(CURRENT.raw) + "="), ("standard-base64", b64(CURRENT.raw)[:-1]),
                      ("with-bits-after-the-end", url(CURRENT.raw)[:-1] + "p"), ("not-ascii", "\uff21" * 43))),
    *(key_set(name, why, document, refused("no-key-set"))
      for name, why, document in (
          ("empty", "Nothing.", ""),
          ("html", "An error page.", "<html>"),
          ("array", "An object is asked for.", json.dumps([[key()]])),
          ("key-as-array", "The same.", json.dumps({"keys": [["OKP", "Ed25519", "sig", url(CURRENT.raw), None]]})),
          ("keys-missing", "The list.", "{}"),
          ("keys-as-object", "The list.", json.dumps({"keys": {"1": key()}})),
          ("keys-given-twice", "Which one counts?", json.dumps({"keys": [key()]})[:-1] + ',"keys":[]}'),
          ("x-given-twice", "The same.", json.dumps({"keys": [key()]})[:-3] + ',"x":""}]}'),
          ("x-number", "Text is asked for.", json.dumps({"keys": [key(x=7)]})),
          ("kty-missing", "Which kind of key?", json.dumps({"keys": [key(kty=None)]})),
          ("nested-too-deeply", "More than 32 levels.", '{"extra":' + "[" * 32 + "]" * 32 + "}"),
          ("cut-off", "Half of it.", json.dumps({"keys": [key()]})[:60]),
      )),
]
