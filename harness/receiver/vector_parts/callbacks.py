"""Callbacks as a receiver gets them from its web framework: authentic ones, forged ones, and
malformed headers."""

import base64
import hashlib
import hmac
import json

from .signer import (
    BODY, CURRENT, GOLDEN, ID, KEY, MAX_BODY, MAX_HEADER, NEXT, NOW, SERVICE, UNKNOWN, as_bytes, b64, event, to_json,
)


def body_of(body, padding):
    text = {"body": body} if isinstance(body, str) else {"bodyBase64": b64(body)}
    return text | ({"padding": padding} if padding else {})


def vector(name, why, expect, *, body=BODY, event_id=ID, timestamp=NOW, now=NOW, signers=(CURRENT,), keys=(CURRENT,),
           service=SERVICE, padding=0, **headers):
    """A vector.

    `headers` replaces headers by name (`_` for `-`): `None` removes one, and a list sends it more
    than once.
    """
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
        "service": service,
        "publicKeys": [key.public for key in keys],
        "now": now,
        "headers": {header: value for header, value in signed.items() if value is not None},
    } | body_of(body, padding) | {"expect": expect}


def accepted(event_id=ID, sequence=7, state=5, action="delete", renotification=True):
    return {"accepted": {"eventId": event_id, "keyId": KEY, "sequence": sequence, "keyState": state, "action": action,
                      "renotification": renotification, "resourceCount": 12}}


def rejected(code):
    return {"rejected": code}


def for_service(value):
    return to_json(event(data=event()["data"] | {"service": value}))


NEWER_ID = ID.replace("000000000001", "000000000002")
HMAC = "v1," + b64(hmac.new(CURRENT.seed, f"{ID}.{NOW}.{BODY}".encode(), hashlib.sha256).digest())
SUSPENDED = to_json(event(id=NEWER_ID, sequence="00000000000000000008", action="disable", state=2, renotification=False))
IMPORT = to_json(event(id=NEWER_ID, action="import", state=1))
GROWN = to_json(event(traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
NO_STATE = to_json({**event(), "data": {"keyId": KEY}})

CALLBACKS = [
    vector("golden", "The exact bytes that the sender creates in its own tests.", accepted()),
    vector("another-action", "A notification caused by a lifecycle action, without a sync.",
           accepted(NEWER_ID, 8, 2, "disable", False), body=SUSPENDED, event_id=NEWER_ID),
    vector("two-signatures", "During a key rotation the sender signs with both keys; this receiver has the old one.",
           accepted(), signers=(CURRENT, NEXT)),
    vector("two-signatures-second", "During a key rotation the sender signs with both keys; this receiver has the new one.",
           accepted(), signers=(CURRENT, NEXT), keys=(NEXT,)),
    vector("two-keys", "The receiver has both keys, and the sender signs with the new one.",
           accepted(), signers=(NEXT,), keys=(CURRENT, NEXT)),
    vector("other-kinds-of-signature", "A shared-secret signature and one of an unknown kind precede the valid one.",
           accepted(), webhook_signature=f"{HMAC} v2,xxxx {GOLDEN}"),
    vector("unknown-key-first", "One valid signature suffices, at any position.", accepted(),
           signers=(UNKNOWN, CURRENT)),
    vector("late-by-the-tolerance", "An age of 300 s is allowed.", accepted(), now=NOW + 300),
    vector("early-by-the-tolerance", "A timestamp 300 s in the future is allowed.", accepted(), now=NOW - 300),
    vector("unknown-action", "An unknown action is accepted, because the state is known.",
           accepted(NEWER_ID, 7, 1, "import"), body=IMPORT, event_id=NEWER_ID),
    vector("id-is-opaque", "A receiver compares the id with `webhook-id`, and does not parse it.", accepted("another_form-of-id"),
           body=to_json(event(id="another_form-of-id")), event_id="another_form-of-id"),
    vector("unknown-fields", "Unknown fields are ignored.", accepted(), body=GROWN),

    vector("changed-body", "The key state in the body was changed.", rejected("signature"),
           body=BODY.replace('"keyState":5', '"keyState":1'), webhook_signature=GOLDEN),
    vector("body-reserialized", "The same JSON with different spaces.", rejected("signature"),
           body=json.dumps(event()), webhook_signature=GOLDEN),
    vector("changed-timestamp", "A replayed callback with a new timestamp.", rejected("signature"),
           timestamp=NOW + 60, webhook_signature=GOLDEN),
    vector("changed-id", "A replayed callback with a new id.", rejected("signature"),
           event_id=NEWER_ID, webhook_signature=GOLDEN),
    vector("wrong-key", "Signed with an unknown key.", rejected("signature"), signers=(UNKNOWN,)),
    vector("removed-key", "Signed with a key that is no longer configured.", rejected("signature"),
           keys=(NEXT,)),
    vector("old", "Signed 301 s ago.", rejected("too-old"), now=NOW + 301),
    vector("future", "Signed 301 s in the future.", rejected("too-new"), now=NOW - 301),
    vector("timestamp-in-milliseconds", "The timestamp must be in seconds.", rejected("too-new"), timestamp=NOW * 1000),
    vector("timestamp-no-number", "The timestamp must be an integer, not a date.", rejected("timestamp"),
           timestamp="2026-11-24T05:00:00Z"),
    vector("timestamp-negative", "The timestamp must not be negative.", rejected("timestamp"), timestamp=-1),
    vector("timestamp-with-a-sign", "The timestamp must consist of digits only.", rejected("timestamp"), timestamp=f"+{NOW}"),
    vector("shared-secret-only", "HMAC signatures (`v1`) are not supported.", rejected("no-signature"),
           webhook_signature=HMAC),
    vector("bad-base64", "The signature must be base64.", rejected("no-signature"), webhook_signature="v1a,!!!"),
    vector("short-signature", "An Ed25519 signature has 64 bytes, not 63.", rejected("no-signature"),
           webhook_signature="v1a," + b64(base64.b64decode(GOLDEN[4:])[:63])),
    vector("no-scheme", "The signature must start with `v1a,`.", rejected("no-signature"), webhook_signature=GOLDEN[4:]),
    *(vector(f"empty-{name}", "An empty header.", rejected("header"), **{f"webhook_{name}": ""})
      for name in ("id", "timestamp", "signature")),
    vector("no-id", "`webhook-id` is missing.", rejected("header"), webhook_id=None),
    vector("no-timestamp", "`webhook-timestamp` is missing.", rejected("header"), webhook_timestamp=None),
    vector("no-signature-header", "`webhook-signature` is missing.", rejected("header"), webhook_signature=None),
    vector("another-id-in-the-body", "The signed id differs from the id in the body.", rejected("id"),
           event_id=NEWER_ID),
    vector("for-another-service", "An authentic callback for another service, sent on by it or to a wrong address.",
           rejected("service"), service="databases"),
    *(vector(f"service-{name}", why, rejected("service"), body=for_service(value))
      for name, why, value in (
          ("in-capitals", "Service names are case-sensitive.", SERVICE.upper()),
          ("with-suffix", "The whole name must be equal, not only its start.", f"{SERVICE}-2"),
          ("with-prefix", "The whole name must be equal, not only its end.", f"my-{SERVICE}"),
          ("with-space", "White space is not removed.", f"{SERVICE} "),
          ("empty", "An empty name is not a wildcard.", ""),
          ("star", "There is no wildcard.", "*"),
      )),
    vector("no-json", "Signed, but not JSON.", rejected("body"), body="key=value"),
    vector("empty-body", "Signed, but empty.", rejected("body"), body=""),
    vector("no-state", "Signed, but without the key's state.", rejected("body"), body=NO_STATE),
    vector("unknown-state", "Key state 4 does not exist.", rejected("body"), body=to_json(event(state=4))),
    vector("sequence-no-number", "The sequence must be an integer.", rejected("body"),
           body=to_json(event(sequence="seven"))),
    vector("sequence-with-a-sign", "The sequence must consist of digits only.", rejected("body"), body=to_json(event(sequence="+7"))),
    vector("another-version", "CloudEvents 2.0 is not supported.", rejected("body"), body=to_json(event(specversion="2.0"))),
    vector("type-and-action-disagree", "`type` has another action than `eventType`.", rejected("body"),
           body=to_json(event(type="com.ibm.cloud.kms.key.rotate"))),
    vector("subject-and-key-disagree", "`subject` has another key than `keyId`.", rejected("body"),
           body=to_json(event(subject="5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11"))),

    vector("id-given-twice", "A duplicate id header: it is ambiguous which value was signed.", rejected("header"),
           webhook_id=[ID, ID]),
    vector("timestamp-given-twice", "A duplicate timestamp header.", rejected("header"), webhook_timestamp=[str(NOW), str(NOW + 1)]),
    vector("signature-given-twice", "A duplicate signature header, even if one is valid.", rejected("header"),
           webhook_signature=[GOLDEN, "v1a,AAAA"]),
    vector("id-not-ascii", "Headers must be printable ASCII; this one is sent as UTF-8.", rejected("header"),
           webhook_id=ID + "\u00e9"),
    vector("signature-not-ascii", "The signature header must be printable ASCII.", rejected("header"), webhook_signature=GOLDEN + " \u540d"),
    vector("id-with-a-tab", "A tab is not printable.", rejected("header"), webhook_id=ID.replace("_", "\t")),
    vector("id-too-long", f"A header has at most {MAX_HEADER:,} bytes.", rejected("header"),
           webhook_id="i" * (MAX_HEADER + 1)),
    vector("thousands-of-signatures", "The size limit of headers also limits the number of signatures to verify.", rejected("header"),
           webhook_signature=" ".join(["v1a," + "A" * 86 + "=="] * 50 + [GOLDEN])),
    vector("signature-last-that-fits", "All signatures within the size limit are considered.", accepted(),
           webhook_signature=" ".join(["v1,AA"] * ((MAX_HEADER - len(GOLDEN)) // 6) + [GOLDEN])),
    vector("timestamp-in-wide-digits", "The timestamp must have ASCII digits.", rejected("header"),
           webhook_timestamp="".join(chr(0xFF10 + int(digit)) for digit in str(NOW))),
    *(vector(f"timestamp-{name}", "The timestamp must have 1 to 15 ASCII digits and nothing else.", rejected("timestamp"),
             webhook_timestamp=value)
      for name, value in (("with-underscore", "1_795_496_400"), ("with-spaces", f" {NOW} "), ("fraction", f"{NOW}.0"), ("exponent", "1e9"), ("hexadecimal", hex(NOW)),
                          ("two-in-one", f"{NOW}, {NOW}"), ("of-16-digits", f"{NOW}000000"),
                          ("over-64-bits", "18446744073709551616"), ("of-thousands-of-digits", "9" * 4000))),
    vector("timestamp-zero", "A timestamp of 1970 is too old.", rejected("too-old"), timestamp=0),
    vector("timestamp-of-15-digits", "The largest allowed number of digits, far in the future.", rejected("too-new"), timestamp="9" * 15),
    *(vector(f"signature-{name}", why, rejected("no-signature"), webhook_signature=value)
      for name, why, value in (
          ("long", "An Ed25519 signature has 64 bytes, not 65.", "v1a," + b64(b"s" * 65)),
          ("base64url", "The signature must use the standard base64 alphabet with `+` and `/`.", "v1a," + b64(b"\xff" * 64).replace("/", "_")),
          ("without-padding", "The base64 padding is required.", GOLDEN.rstrip("=")),
          ("with-bits-after-the-end", "Base64 must be canonical: unused bits are zero.",
           GOLDEN[:-3] + "R=="),
          ("scheme-in-capitals", "The scheme must be `v1a` in lower case.", "V1A" + GOLDEN[3:]),
          ("two-joined-by-comma", "Signatures must be separated by spaces.", f"{GOLDEN},{GOLDEN}"),
          ("commas-and-spaces-only", "No signature at all.", ",, , ,"),
      )),
    vector("body-as-large-as-allowed", f"A body of {MAX_BODY:,} bytes with trailing spaces is allowed.", accepted(),
           padding=MAX_BODY - len(BODY)),
    vector("body-too-large", "A body one byte over the limit, even if signed.", rejected("too-large"),
           padding=MAX_BODY - len(BODY) + 1),
]
