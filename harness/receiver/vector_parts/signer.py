"""The keys, and the event of most vectors.

The signatures are by PyPI's `cryptography`, an implementation independent of the sender's (aws-lc) and the receiver's
(ed25519-dalek). The keys are published in RFC 8032, section 7.1, and are for tests only.
"""

import base64
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NOW = 1795496400  # 2026-11-24T05:00:00.000Z
KEY = "02fd6835-6001-4482-a892-13bd2085f75d"
INSTANCE = "crn:v1:bluemix:public:hs-crypto:us-south:a/abc123:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11"
SERVICE = "cloud-object-storage"
ID = f"{KEY}_019aaf60-0000-7000-8000-000000000001_{SERVICE}"
MAX_BODY = 64 * 1024
MAX_HEADER = 4096
MAX_DEPTH = 32


def b64(data):
    return base64.b64encode(data).decode()


def as_bytes(body):
    return body if isinstance(body, bytes) else body.encode()


class Signer:
    def __init__(self, seed):
        self.seed = bytes.fromhex(seed)
        self.key = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = "whpk_" + b64(self.raw)
        self.private = "whsk_" + b64(self.seed)

    def sign(self, event_id, timestamp, body):
        return "v1a," + b64(self.key.sign(f"{event_id}.{timestamp}.".encode() + as_bytes(body)))


CURRENT = Signer("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
NEXT = Signer("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
UNKNOWN = Signer("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")


def event(**changes):
    """The event that the sender creates in its own tests."""
    action = changes.pop("action", "delete")
    data = {
        "keyId": KEY,
        "keyCrn": f"{INSTANCE}:key:{KEY}",
        "keyState": changes.pop("state", 5),
        "keyVersion": {"id": KEY, "creationDate": "2026-11-01T00:00:00.000Z"},
        "eventType": action,
        "renotification": changes.pop("renotification", True),
        "occurredAt": "2026-11-24T01:00:00.000Z",
        "service": SERVICE,
        "resourceCount": 12,
    }
    return {
        "specversion": "1.0",
        "id": ID,
        "source": f"{INSTANCE}::",
        "type": f"com.ibm.cloud.kms.key.{action}",
        "subject": KEY,
        "time": "2026-11-24T05:00:00.000Z",
        "datacontenttype": "application/json",
        "sequence": "00000000000000000007",
        "data": data,
    } | changes


def to_json(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


BODY = to_json(event())
GOLDEN = CURRENT.sign(ID, NOW, BODY)
