"""Random callbacks that are almost valid, the same for the same seed."""

import base64
import json
import random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kits import ROOT, line, line_of

DOCUMENT = json.loads((ROOT / "harness" / "receiver" / "vectors.json").read_text(encoding="utf-8"))
KEYS = {
    key["public"]: Ed25519PrivateKey.from_private_bytes(base64.b64decode(key["private"][5:]))
    for key in DOCUMENT["keys"].values()
}
ACCEPTED = [
    vector
    for vector in DOCUMENT["vectors"]
    if "accepted" in vector["expect"] and vector.get("padding", 0) == 0
]
GOLDEN = ACCEPTED[0]
KEY_SETS = [one["document"] for one in DOCUMENT["keySets"]]
KEY_LISTS = [one["publicKeys"] for one in DOCUMENT["configurations"] if one["publicKeys"]]

# Values for fields: valid ones of another kind, at a limit, or almost JSON.
VALUES = [
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "[null]",
    '{"a":1,"a":2}',
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "7",
    "-0",
    "-1",
    "00",
    "05",
    "+5",
    "5.",
    ".5",
    "5.0",
    "5e0",
    "5E+0",
    "1e",
    "1e+",
    "0x5",
    "0e1",
    "18446744073709551615",
    "18446744073709551616",
    "00000000000000000007",
    "99999999999999999999",
    "1" * 21,
    "NaN",
    "Infinity",
    "-Infinity",
    "nul",
    "True",
    '""',
    '"0"',
    '"7"',
    '"00000000000000000007"',
    '"+7"',
    '"7 "',
    '"\uff17"',
    '"1.0"',
    '"create"',
    '"delete"',
    '"com.ibm.cloud.kms.key.create"',
    '"databases"',
    '"cloud-object-storage"',
    '"cloud-object-storage\\u0000"',
    '"\\ud800"',
    '"\\udc00"',
    '"\\ud83d\\ude00"',
    '"\\ude00\\ud83d"',
    '"\\ud83d\\ud83d\\ude00"',
    '"\\ud83dx"',
    '"\\ud83d\\n"',
    '"\\uD83D\\uDE00"',
    '"\\u12"',
    '"\\u 123"',
    '"\\u+123"',
    '"\\uff11234"',
    '"\\x41"',
    '"\\/"',
    '"\\b\\f\\n\\r\\t"',
    '"\\v"',
    '"\\\'"',
    "'a'",
    '"\t"',
    '"\x7f"',
    '"\x85"',
    '"\u2028"',
    '"\ufeff"',
    '"\ufffd"',
    '"\u00e9"',
    '"\U0001f511"',
    '"\U0010ffff"',
    '"a',
    "a",
    "/**/",
    "1,",
    ",1",
    "[1,]",
    "{,}",
    '{"a"}',
    '{"a":}',
    "{a:1}",
]
FIELDS = [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "sequence",
    "data",
    "keyId",
    "keyCrn",
    "keyState",
    "keyVersion",
    "eventType",
    "renotification",
    "occurredAt",
    "service",
    "resourceCount",
    "creationDate",
    "kty",
    "crv",
    "use",
    "x",
    "d",
    "keys",
    "extra",
    "\\u0069d",
    "key\\u0053tate",
    "\\ud800",
    "ID",
    "servic\u00e9",
    "\u017fervice",
    "key\u212atate",
]
PIECES = [
    b"\x00",
    b"\x1f",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xef\xbb\xbf",
    b"\xc2\xa0",
    b"\xe2\x80\xa8",
    b" ",
    b"\t",
    b"\r",
    b"\n",
    b"\x0b",
    b"\x0c",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b'"',
    b"\\",
    b"\\u",
    b"-",
    b"0",
    b"9",
    b"e",
    b".",
    b"//",
]


def changed_bytes(random, raw):
    """Bytes with a random part removed, replaced, inserted, repeated or moved."""
    start = random.randrange(len(raw) + 1)
    end = min(len(raw), start + random.choice([1, 1, 1, 2, 4, 16, 64]))
    part, rest = raw[start:end], raw[:start] + raw[end:]
    other = random.randrange(len(rest) + 1)
    return random.choice(
        [
            rest,
            raw[:start] + random.choice(PIECES) + raw[end:],
            raw[:start] + random.choice(PIECES) + raw[start:],
            raw[:end] + part + raw[end:],
            rest[:other] + part + rest[other:],
            raw[:start] + bytes(random.randrange(256) for _ in part) + raw[end:],
            raw[:start],
        ]
    )


def fields_of(text):
    """The places of the values in JSON: after each `:`, up to the next `,` or `}`."""
    found, at = [], text.find('":')
    while at >= 0:
        start = at + 2
        ends = [end for end in (text.find(mark, start) for mark in (",", "}")) if end >= 0]
        found.append((start, min(ends, default=len(text))))
        at = text.find('":', start)
    return found


def changed_json(random, raw):
    """JSON with another value or name of a field, or a field more."""
    text = raw.decode()
    places = fields_of(text)
    if not places:
        return changed_bytes(random, raw)
    start, end = random.choice(places)
    (first, last), value = random.choice(places), random.choice(VALUES)
    name_start = text.rindex('"', 0, start - 2) if '"' in text[: start - 2] else start
    return random.choice(
        [
            text[:start] + value + text[end:],
            text[:start] + value + text[end:],
            text[:start] + text[first:last] + text[end:],
            text[:name_start] + f'"{random.choice(FIELDS)}":' + text[start:],
            text[:end] + f',"{random.choice(FIELDS)}":{value}' + text[end:],
            text[:start] + random.choice(["[", "{"]) * random.randrange(1, 40) + text[start:],
            text[:start]
            + '{"a":' * random.choice([29, 30, 31, 32])
            + "1"
            + "}" * random.choice([29, 30, 31, 32])
            + text[end:],
        ]
    ).encode("utf-8", "surrogatepass")


def changed(random, raw):
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        try:
            raw = random.choice([changed_bytes, changed_json, changed_json])(random, raw)
        except UnicodeDecodeError:
            raw = changed_bytes(random, raw)
    return raw


def signed_body(random):
    """A changed body with a valid signature."""
    vector = random.choice(ACCEPTED)
    body = changed(
        random,
        base64.b64decode(vector["bodyBase64"])
        if "bodyBase64" in vector
        else vector["body"].encode(),
    )
    event_id, timestamp = vector["headers"]["webhook-id"], str(vector["now"])
    key = vector["publicKeys"][0]
    signature = (
        "v1a,"
        + base64.b64encode(KEYS[key].sign(f"{event_id}.{timestamp}.".encode() + body)).decode()
    )
    headers = [
        ("webhook-id", event_id.encode()),
        ("webhook-timestamp", timestamp.encode()),
        ("webhook-signature", signature.encode()),
    ]
    return line(
        keys=[key], now=vector["now"], service=vector["service"], body=body, headers=headers
    )


def changed_headers(random):
    vector = random.choice(ACCEPTED)
    headers = [
        (name, value.encode())
        for name, value in vector["headers"].items()
        if name.startswith("webhook-")
    ]
    for _ in range(random.choice([1, 1, 2])):
        place = random.randrange(len(headers))
        name, value = headers[place]
        value = random.choice(
            [
                changed_bytes(random, value),
                value.replace(b",", b", "),
                value + b" " + value,
                b"v1a," + value,
                value.swapcase(),
            ]
        )
        headers[place : place + random.choice([1, 1, 1, 0])] = [(name, value)]
    seconds = random.choice([0, 0, 0, 299.999, 300, 300.001, -299.999, -300, -300.001, 10**6])
    return line_of(vector, headers=headers, now=vector["now"] + seconds)


def changed_key_set(random):
    document = changed(random, random.choice(KEY_SETS).encode("utf-8", "surrogatepass") or b" ")
    return line_of(GOLDEN, keys=None, key_set=document)


def changed_key_list(random):
    keys = list(random.choice(KEY_LISTS))
    place = random.randrange(len(keys))
    raw = keys[place].encode()
    keys[place] = random.choice(
        [changed_bytes(random, raw), b" " + raw + b"\r\n", b"\x0b" + raw, b"\xc2\xa0" + raw]
    ).decode("utf-8", "replace")
    return line_of(GOLDEN, keys=keys)


KINDS = {signed_body: 14, changed_headers: 4, changed_key_set: 1, changed_key_list: 1}


def callbacks(seed, count):
    """Lines for the judges."""
    source = random.Random(seed)
    return [kind(source) for kind in source.choices(list(KINDS), KINDS.values(), k=count)]
