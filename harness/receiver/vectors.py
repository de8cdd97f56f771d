"""Makes vectors.json, and checks it: `python vectors.py` writes it, `python vectors.py --check` compares.

The signatures are made here by PyPI's `cryptography`, a third implementation beside the sender's (aws-lc) and the
receiver's (ed25519-dalek). Ed25519 is deterministic, so the sender makes the same ones to the byte; a test beside
its code holds it to that. The keys are those of RFC 8032, section 7.1: known to everybody, for tests only.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

FILE = pathlib.Path(__file__).with_name("vectors.json")

NOW = 1795496400  # 2026-11-24T05:00:00Z
KEY = "02fd6835-6001-4482-a892-13bd2085f75d"
INSTANCE = "crn:v1:bluemix:public:hs-crypto:us-south:a/abc123:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11"
ID = f"{KEY}:019aaf60-0000-7000-8000-000000000001:cloud-object-storage"


def b64(data):
    return base64.b64encode(data).decode()


class Signer:
    def __init__(self, seed):
        self.seed = bytes.fromhex(seed)
        self.key = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.public = "whpk_" + b64(self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        self.private = "whsk_" + b64(self.seed)

    def sign(self, event_id, timestamp, body):
        return "v1a," + b64(self.key.sign(f"{event_id}.{timestamp}.{body}".encode()))


CURRENT = Signer("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
NEXT = Signer("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
STRANGER = Signer("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")


def event(**changes):
    """The event that the sender makes of the notification in its own tests."""
    action = changes.pop("action", "delete")
    data = {
        "keyId": KEY,
        "keyCrn": f"{INSTANCE}:key:{KEY}",
        "keyState": changes.pop("state", 5),
        "keyVersion": {"id": KEY, "creationDate": "2026-11-01T00:00:00Z"},
        "eventType": action,
        "renotification": changes.pop("renotification", True),
        "occurredAt": "2026-11-24T01:00:00Z",
        "resourceCount": 12,
    }
    return {
        "specversion": "1.0",
        "id": ID,
        "source": f"{INSTANCE}::",
        "type": f"com.ibm.cloud.kms.key.{action}",
        "subject": KEY,
        "time": "2026-11-24T05:00:00Z",
        "datacontenttype": "application/json",
        "sequence": "00000000000000000007",
        "data": data,
    } | changes


def written(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


BODY = written(event())


def vector(name, why, expect, *, body=BODY, event_id=ID, timestamp=NOW, now=NOW, signers=(CURRENT,), keys=(CURRENT,),
           **headers):
    """One vector. `headers` replaces headers by name (with `_` for `-`), `None` takes one away."""
    signed = {
        "content-type": "application/cloudevents+json",
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signer.sign(event_id, timestamp, body) for signer in signers),
    } | {header.replace("_", "-"): value for header, value in headers.items()}
    return {
        "name": name,
        "why": why,
        "publicKeys": [key.public for key in keys],
        "now": now,
        "headers": {header: value for header, value in signed.items() if value is not None},
        "body": body,
        "expect": expect,
    }


def taken(event_id=ID, sequence=7, state=5, action="delete", renotification=True):
    return {"taken": {"eventId": event_id, "keyId": KEY, "sequence": sequence, "keyState": state, "action": action,
                      "renotification": renotification, "resourceCount": 12}}


def rejected(code):
    return {"rejected": code}


GOLDEN = CURRENT.sign(ID, NOW, BODY)
NEWER_ID = ID.replace("000000000001", "000000000002")
HMAC = "v1," + b64(hmac.new(CURRENT.seed, f"{ID}.{NOW}.{BODY}".encode(), hashlib.sha256).digest())
SUSPENDED = written(event(id=NEWER_ID, sequence="00000000000000000008", action="disable", state=2, renotification=False))
IMPORT = written(event(id=NEWER_ID, action="import", state=1))
GROWN = written(event(traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
NO_STATE = written({**event(), "data": {"keyId": KEY}})

VECTORS = [
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
    vector("empty-signature", "The header is there and empty.", rejected("no-signature"), webhook_signature=""),
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
]

DOCUMENT = {
    "about": "Callbacks as they arrive and what a receiver makes of each. Made by vectors.py. The private keys are those "
             "of RFC 8032, known to everybody: for tests only.",
    "toleranceSeconds": 300,
    "keys": {name: {"private": signer.private, "public": signer.public}
             for name, signer in (("current", CURRENT), ("next", NEXT))},
    "vectors": VECTORS,
}


def main():
    text = json.dumps(DOCUMENT, indent=2, ensure_ascii=False) + "\n"
    if sys.argv[1:] == ["--check"]:
        if FILE.read_text(encoding="utf-8") != text:
            sys.exit(f"{FILE.name} is not what vectors.py makes: run `python vectors.py`")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
