"""Callbacks with two defects, for the order of the checks: the first check that fails gives the
reason."""

from .callbacks import BODY, MAX_BODY, NEWER_ID, NOW, UNKNOWN, event, rejected, to_json, vector

UNSIGNED = {"webhook_signature": "v1a,!!!"}


def first(name, why, code, **parts):
    return vector(f"order-{name}", why, rejected(code), **parts)


def other_id(name, why, **changes):
    return first(f"{name}-before-id", f"{why}, and the id differs from `webhook-id`.", "body", body=to_json(event(**changes)), event_id=NEWER_ID)


def other_service(name, why, **changes):
    return first(f"{name}-before-service", f"{why}, and the event is for another service.", "body", body=to_json(event(**changes)), service="databases")


ORDER = [
    first("size-before-headers", "A body that is too large, and no id.", "too-large", webhook_id=None, padding=MAX_BODY - len(BODY) + 1),
    first("headers-before-timestamp", "No signature, and an invalid timestamp.", "header", timestamp="x", webhook_signature=None),
    first("timestamp-before-signature", "An invalid timestamp, and no signature that can be parsed.", "timestamp", timestamp="x", **UNSIGNED),
    first("age-before-signature", "An old timestamp, and no signature that can be parsed.", "too-old", now=NOW + 301, **UNSIGNED),
    first("age-before-unknown-key", "An old timestamp, signed with an unknown key.", "too-old", now=NOW + 301, signers=(UNKNOWN,)),
    first("signature-before-json", "Not JSON, and no signature that can be parsed.", "no-signature", body="key=value", **UNSIGNED),
    first("unknown-key-before-json", "Not JSON, signed with an unknown key.", "signature", body="key=value", signers=(UNKNOWN,)),
    other_id("specversion", "Another version of CloudEvents", specversion="2.0"),
    other_id("sequence", "An invalid sequence", sequence="seven"),
    other_id("state", "An unknown key state", state=4),
    other_id("type", "`type` has another action than `eventType`", type="com.ibm.cloud.kms.key.rotate"),
    other_id("subject", "`subject` has another key than `keyId`", subject=NEWER_ID),
    other_service("specversion", "Another version of CloudEvents", specversion="2.0"),
    other_service("sequence", "An invalid sequence", sequence="seven"),
    other_service("state", "An unknown key state", state=4),
    other_service("type", "`type` has another action than `eventType`", type="com.ibm.cloud.kms.key.rotate"),
    first("id-before-service", "The id differs from `webhook-id`, and the event is for another service.", "id", event_id=NEWER_ID, service="databases"),
]
