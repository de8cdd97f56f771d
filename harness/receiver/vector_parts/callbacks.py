"""Callbacks as a receiver's code gets them from its web framework: genuine or not, and malformed headers."""

import base64
import hashlib
import hmac
import json

from .signer import (
    BODY, CURRENT, GOLDEN, ID, KEY, MAX_BODY, MAX_HEADER, NEXT, NOW, STRANGER, as_bytes, b64, event, written,
)


def body_of(body, padding):
    text = {"body": body} if isinstance(body, str) else {"bodyBase64": b64(body)}
    return text | ({"padding": padding} if padding else {})


def vector(name, why, expect, *, body=BODY, event_id=ID, timestamp=NOW, now=NOW, signers=(CURRENT,), keys=(CURRENT,),
           padding=0, **headers):
    """One vector. `headers` replaces headers by name (with `_` for `-`), `None` takes one away, a list repeats it."""
    sent = as_bytes(body) + b" " * padding
    signed = {
        "content-type": "application/cloudevents+json",
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signer.sign(event_id, timestamp, sent) for signer in signers),
    } | {header.replace("_", "-"): value for header, value in headers.items()}
    return {
        "name": name,
        "why": why,
        "publicKeys": [key.public for key in keys],
        "now": now,
        "headers": {header: value for header, value in signed.items() if value is not None},
    } | body_of(body, padding) | {"expect": expect}


def taken(event_id=ID, sequence=7, state=5, action="delete", renotification=True):
    return {"taken": {"eventId": event_id, "keyId": KEY, "sequence": sequence, "keyState": state, "action": action,
                      "renotification": renotification, "resourceCount": 12}}


def rejected(code):
    return {"rejected": code}


NEWER_ID = ID.replace("000000000001", "000000000002")
HMAC = "v1," + b64(hmac.new(CURRENT.seed, f"{ID}.{NOW}.{BODY}".encode(), hashlib.sha256).digest())
SUSPENDED = written(event(id=NEWER_ID, sequence="00000000000000000008", action="disable", state=2, renotification=False))
IMPORT = written(event(id=NEWER_ID, action="import", state=1))
GROWN = written(event(traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
NO_STATE = written({**event(), "data": {"keyId": KEY}})

CALLBACKS = [
    vector("golden", "The very bytes that the sender makes of the notification in its tests.", taken()),
    vector("another-action", "An action that was just taken, told without a sync.",
           taken(NEWER_ID, 8, 2, "disable", False), body=SUSPENDED, event_id=NEWER_ID),
    vector("two-signatures", "The sender changes its key and signs with both; this receiver knows the old one.",
           taken(), signers=(CURRENT, NEXT)),
    vector("two-signatures-second", "The same, and this receiver knows the new one only.",
           taken(), signers=(CURRENT, NEXT), keys=(NEXT,)),
    vector("two-keys", "The receiver knows both keys, and the sender signs with the new one.",
           taken(), signers=(NEXT,), keys=(CURRENT, NEXT)),
    vector("other-kinds-of-signature", "A shared-secret signature and a kind of the future stand before ours.",
           taken(), webhook_signature=f"{HMAC} v2,xxxx {GOLDEN}"),
    vector("stranger-first", "One signature that holds is enough, wherever it stands.", taken(),
           signers=(STRANGER, CURRENT)),
    vector("late-by-the-tolerance", "300 s are still allowed.", taken(), now=NOW + 300),
    vector("early-by-the-tolerance", "The receiver's clock may be 300 s behind.", taken(), now=NOW - 300),
    vector("unknown-action", "What a newer sender may say of an action is no reason to reject the state.",
           taken(NEWER_ID, 7, 1, "import"), body=IMPORT, event_id=NEWER_ID),
    vector("unknown-fields", "Events may grow.", taken(), body=GROWN),

    vector("changed-body", "The state was changed on the way.", rejected("signature"),
           body=BODY.replace('"keyState":5', '"keyState":1'), webhook_signature=GOLDEN),
    vector("body-written-anew", "The same JSON with spaces: other bytes.", rejected("signature"),
           body=json.dumps(event()), webhook_signature=GOLDEN),
    vector("changed-timestamp", "A recorded callback with a fresh timestamp.", rejected("signature"),
           timestamp=NOW + 60, webhook_signature=GOLDEN),
    vector("changed-id", "A recorded callback with a fresh id.", rejected("signature"),
           event_id=NEWER_ID, webhook_signature=GOLDEN),
    vector("wrong-key", "Signed by somebody else.", rejected("signature"), signers=(STRANGER,)),
    vector("key-taken-out", "Signed by a key that this receiver does not know any more.", rejected("signature"),
           keys=(NEXT,)),
    vector("old", "Signed 301 s ago.", rejected("too-old"), now=NOW + 301),
    vector("future", "Signed 301 s ahead.", rejected("too-new"), now=NOW - 301),
    vector("timestamp-in-milliseconds", "Seconds are asked for.", rejected("too-new"), timestamp=NOW * 1000),
    vector("timestamp-no-number", "A date is no number of seconds.", rejected("timestamp"),
           timestamp="2026-11-24T05:00:00Z"),
    vector("timestamp-negative", "Before 1970.", rejected("timestamp"), timestamp=-1),
    vector("timestamp-with-a-sign", "Digits and nothing else.", rejected("timestamp"), timestamp=f"+{NOW}"),
    vector("shared-secret-only", "`v1` is HMAC by a shared secret; here is none.", rejected("no-signature"),
           webhook_signature=HMAC),
    vector("bad-base64", "A signature that is no base64.", rejected("no-signature"), webhook_signature="v1a,!!!"),
    vector("short-signature", "63 bytes are no Ed25519 signature.", rejected("no-signature"),
           webhook_signature="v1a," + b64(base64.b64decode(GOLDEN[4:])[:63])),
    vector("no-scheme", "The signature without `v1a,`.", rejected("no-signature"), webhook_signature=GOLDEN[4:]),
    *(vector(f"empty-{name}", "The header is there and empty.", rejected("header"), **{f"webhook_{name}": ""})
      for name in ("id", "timestamp", "signature")),
    vector("no-id", "`webhook-id` is missing.", rejected("header"), webhook_id=None),
    vector("no-timestamp", "`webhook-timestamp` is missing.", rejected("header"), webhook_timestamp=None),
    vector("no-signature-header", "`webhook-signature` is missing.", rejected("header"), webhook_signature=None),
    vector("another-id-in-the-body", "Signed, and header and body disagree about the id.", rejected("id"),
           event_id=NEWER_ID),
    vector("no-json", "Signed, and no JSON.", rejected("body"), body="key=value"),
    vector("empty-body", "Signed, and nothing.", rejected("body"), body=""),
    vector("no-state", "Signed, and without the key's state.", rejected("body"), body=NO_STATE),
    vector("unknown-state", "Nobody knows how to act on key state 4.", rejected("body"), body=written(event(state=4))),
    vector("sequence-no-number", "A sequence that does not count.", rejected("body"),
           body=written(event(sequence="seven"))),
    vector("sequence-with-a-sign", "Digits and nothing else.", rejected("body"), body=written(event(sequence="+7"))),
    vector("another-version", "CloudEvents 2.0 is not known.", rejected("body"), body=written(event(specversion="2.0"))),
    vector("type-and-action-disagree", "The type names another action than the data.", rejected("body"),
           body=written(event(type="com.ibm.cloud.kms.key.rotate"))),
    vector("subject-and-key-disagree", "The subject is another key than the data's.", rejected("body"),
           body=written(event(subject="5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11"))),

    vector("id-given-twice", "Which of the two was signed? A header that decides is given once.", rejected("header"),
           webhook_id=[ID, ID]),
    vector("timestamp-given-twice", "The same.", rejected("header"), webhook_timestamp=[str(NOW), str(NOW + 1)]),
    vector("signature-given-twice", "The same, though one of them holds.", rejected("header"),
           webhook_signature=[GOLDEN, "v1a,AAAA"]),
    vector("id-not-ascii", "The headers are printable ASCII; this one is sent as UTF-8.", rejected("header"),
           webhook_id=ID + "\u00e9"),
    vector("signature-not-ascii", "The same.", rejected("header"), webhook_signature=GOLDEN + " \u540d"),
    vector("id-with-a-tab", "A tab is not printable.", rejected("header"), webhook_id=ID.replace(":", "\t")),
    vector("id-too-long", f"A header has at most {MAX_HEADER:,} bytes.", rejected("header"),
           webhook_id="i" * (MAX_HEADER + 1)),
    vector("thousands-of-signatures", "The same, so that no sender makes a receiver verify thousands.", rejected("header"),
           webhook_signature=" ".join(["v1a," + "A" * 86 + "=="] * 50 + [GOLDEN])),
    vector("signature-last-that-fits", "As many as fit into the header are looked at.", taken(),
           webhook_signature=" ".join(["v1,AA"] * ((MAX_HEADER - len(GOLDEN)) // 6) + [GOLDEN])),
    vector("timestamp-in-wide-digits", "Digits of other scripts are not ASCII.", rejected("header"),
           webhook_timestamp="".join(chr(0xFF10 + int(digit)) for digit in str(NOW))),
    *(vector(f"timestamp-{name}", "Between 1 and 15 ASCII digits, and nothing else.", rejected("timestamp"),
             webhook_timestamp=value)
      for name, value in (("with-underscore", "1_795_496_400"), ("with-spaces", f" {NOW} "), ("fraction", f"{NOW}.0"), ("exponent", "1e9"), ("hexadecimal", hex(NOW)),
                          ("two-in-one", f"{NOW}, {NOW}"), ("of-16-digits", f"{NOW}000000"),
                          ("over-64-bits", "18446744073709551616"), ("of-thousands-of-digits", "9" * 4000))),
    vector("timestamp-zero", "1970.", rejected("too-old"), timestamp=0),
    vector("timestamp-of-15-digits", "Far ahead, and a number yet.", rejected("too-new"), timestamp="9" * 15),
    *(vector(f"signature-{name}", why, rejected("no-signature"), webhook_signature=value)
      for name, why, value in (
          ("long", "65 bytes are no Ed25519 signature.", "v1a," + b64(b"s" * 65)),
          ("base64url", "The alphabet is the standard one, with `+` and `/`.", "v1a," + b64(b"\xff" * 64).replace("/", "_")),
          ("without-padding", "Base64 ends with its padding.", GOLDEN.rstrip("=")),
          ("with-bits-after-the-end", "Base64 has one form for each value: the unused bits are zero.",
           GOLDEN[:-3] + "R=="),
          ("scheme-in-capitals", "The scheme is `v1a`.", "V1A" + GOLDEN[3:]),
          ("two-joined-by-comma", "A space stands between signatures.", f"{GOLDEN},{GOLDEN}"),
          ("commas-and-spaces-only", "Nothing.", ",, , ,"),
      )),
    vector("body-as-large-as-allowed", f"A body of {MAX_BODY:,} bytes: spaces follow it.", taken(),
           padding=MAX_BODY - len(BODY)),
    vector("body-too-large", "One byte more, whoever signed it.", rejected("too-large"),
           padding=MAX_BODY - len(BODY) + 1),
]
