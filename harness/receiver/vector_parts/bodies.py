"""Bodies with a valid signature that are malformed, which a receiver rejects, and unusual bodies
that it accepts."""

from .callbacks import accepted, rejected, vector
from .signer import BODY, MAX_DEPTH, SERVICE, event, to_json


def nested(depth):
    """The event with nested arrays in an unknown field, `depth` levels in total."""
    return BODY[:-1] + f',"extra":{"[" * (depth - 1)}{"]" * (depth - 1)}}}'


def with_data(**changes):
    return to_json(event(data=event()["data"] | changes))


def replaced(old, new):
    assert BODY.count(old) == 1, old
    return BODY.replace(old, new)


def extra(value):
    """The event with this JSON value in an unknown field."""
    return BODY[:-1] + f',"extra":{value}}}'


ARRAY = to_json(["1.0", *(event()[name] for name in ("id", "source", "type", "subject", "time", "sequence", "data"))])

REJECTED = {
    "body-not-utf-8": ("Invalid UTF-8 in an unknown field.", extra('"?"').encode().replace(b"?", b"\xff")),
    "body-utf-16": ("JSON must be UTF-8, not UTF-16.", BODY.encode("utf-16")),
    "body-with-byte-order-mark": ("JSON must not start with a byte order mark.", b"\xef\xbb\xbf" + BODY.encode()),
    "body-cut-off": ("The first half of an event.", BODY[: len(BODY) // 2]),
    "body-twice": ("Two concatenated events.", BODY + BODY),
    "body-null": ("`null` instead of a JSON object.", "null"),
    "body-number": ("A number instead of a JSON object.", "7"),
    "body-string": ("A string instead of a JSON object.", to_json(BODY)),
    "body-empty-array": ("An array instead of a JSON object.", "[]"),
    "body-of-events": ("An array of events instead of one event.", f"[{BODY}]"),
    "event-as-array": ("An array of the event's field values instead of a JSON object.", ARRAY),
    "data-as-array": ("An array of the values of `data` instead of a JSON object.", to_json(event(data=list(event()["data"].values())))),
    "key-version-as-array": ("An array of the values of `keyVersion` instead of a JSON object.", with_data(keyVersion=["1", "2026-11-01T00:00:00.000Z"])),
    "data-null": ("`data` is null instead of a JSON object.", to_json(event(data=None))),
    "field-given-twice": ("A duplicate field: parsers differ on which value counts.",
                          replaced('"keyState":5', '"keyState":1,"keyState":5')),
    "field-given-twice-in-another-spelling": ("A duplicate field whose second name has an escape sequence.",
                                              replaced('"keyState":5', '"keyState":1,"key\\u0053tate":5')),
    "data-given-twice": ("A duplicate field with a JSON object.", BODY[:-1] + ',"data":{}}'),
    "half-a-surrogate-pair": ("An unpaired surrogate in a known field.",
                              replaced('"occurredAt":"2026', '"occurredAt":"\\ud8002026')),
    "half-a-surrogate-pair-in-a-name": ("An unpaired surrogate in a field name.", BODY[:-1] + ',"\\udc00":1}'),
    "control-character": ("An unescaped control character in a string.", replaced('"occurredAt":"', '"occurredAt":"\n')),
    "nan": ("NaN is not JSON.", extra("NaN")),
    "infinity": ("Infinity is not JSON.", extra("-Infinity")),
    "nested-too-deeply": (f"More than {MAX_DEPTH} levels of nesting.", nested(MAX_DEPTH + 1)),
    "nested-and-cut-off": ("Deep nesting without the closing brackets.", "[" * 2000),
    "key-state-fraction": ("The key state must be written as an integer.", replaced('"keyState":5', '"keyState":5.0')),
    "key-state-true": ("The key state must not be a boolean.", with_data(keyState=True)),
    "key-state-text": ("The key state must not be a string.", with_data(keyState="5")),
    "key-state-negative": ("The key state must not be negative.", with_data(keyState=-5)),
    "key-state-261": ("The key state must not be truncated to eight bits, which would give 5.", with_data(keyState=261)),
    "count-negative": ("The count must not be negative.", with_data(resourceCount=-1)),
    "count-negative-zero": ("The count must not be negative zero.", replaced('"resourceCount":12', '"resourceCount":-0')),
    "count-over-64-bits": ("The maximum count is 18446744073709551615.", with_data(resourceCount=2**64)),
    "count-exponent": ("The count must not have an exponent.", replaced('"resourceCount":12', '"resourceCount":1e1')),
    "count-huge-exponent": ("The count must not have an exponent, also not one that is out of range.", replaced('"resourceCount":12', '"resourceCount":1e999')),
    "count-of-thousands-of-digits": ("The count must fit into 64 bits.", replaced('"resourceCount":12', f'"resourceCount":{"9" * 5000}')),
    "count-null": ("The count must not be null.", with_data(resourceCount=None)),
    "renotification-text": ("`renotification` must be a boolean, not a string.", with_data(renotification="true")),
    "renotification-number": ("`renotification` must be a boolean, not a number.", with_data(renotification=1)),
    "key-id-object": ("`keyId` must be a string, not an object.", with_data(keyId={"id": "x"})),
    "key-crn-number": ("`keyCrn` must be a string, not a number.", with_data(keyCrn=7)),
    "action-array": ("`eventType` must be a string, not an array.", with_data(eventType=["delete"])),
    "service-missing": ("`service` is required: no service is the audience of an event without it.",
                        to_json(event(data={k: v for k, v in event()["data"].items() if k != "service"}))),
    "service-null": ("`service` must not be null.", with_data(service=None)),
    "service-array": ("`service` must be a string, not a list of services.", with_data(service=[SERVICE])),
    "service-given-twice": ("A duplicate field: parsers differ on which value counts.",
                            replaced('"service":', '"service":"databases","service":')),
    "service-outside-data": ("`service` is a field of `data`.", to_json(event(
        service=SERVICE, data={k: v for k, v in event()["data"].items() if k != "service"}))),
    "source-missing": ("Every field of the event is required.", to_json({k: v for k, v in event().items() if k != "source"})),
    "time-null": ("`time` must not be null.", to_json(event(time=None))),
    "key-version-without-date": ("`creationDate` is required.", with_data(keyVersion={"id": "x"})),
    "sequence-as-number": ("The sequence is a string, so that no parser rounds it.", to_json(event(sequence=7))),
    "sequence-empty": ("The sequence has 1 to 20 digits.", to_json(event(sequence=""))),
    "sequence-of-21-digits": ("The sequence has at most 20 digits.", to_json(event(sequence="0" * 20 + "7"))),
    "sequence-over-64-bits": ("The maximum sequence is 18446744073709551615.", to_json(event(sequence="18446744073709551616"))),
    "sequence-in-wide-digits": ("The sequence has ASCII digits.", to_json(event(sequence="\uff17"))),
}

ACCEPTED = {
    "nested-as-deeply-as-allowed": (f"{MAX_DEPTH} levels of nesting are allowed.", nested(MAX_DEPTH)),
    "brackets-in-a-string": ("Brackets in a string are not nesting.", extra(to_json('\\"' + "[" * 100))),
    "unknown-field-given-twice": ("A duplicate unknown field is ignored.", extra("1,\"extra\":2")),
    "unknown-half-a-surrogate-pair": ("An unpaired surrogate in an unknown field is ignored.", extra('"\\ud800"')),
    "unknown-number-of-thousands-of-digits": ("A large number in an unknown field is ignored.", extra("9" * 5000)),
    "unknown-number-out-of-range": ("A number out of range in an unknown field is ignored.", extra("1e999")),
    "white-space-around": ("JSON allows surrounding white space, which the signature covers.", f"\r\n\t {BODY} \n"),
}

BODIES = [
    *(vector(name, why, rejected("body"), body=body) for name, (why, body) in REJECTED.items()),
    *(vector(name, why, accepted(), body=body) for name, (why, body) in ACCEPTED.items()),
    vector("count-and-sequence-at-their-highest", "The largest 64-bit values are allowed.",
           {"accepted": accepted(sequence=2**64 - 1)["accepted"] | {"resourceCount": 2**64 - 1}},
           body=to_json(event(sequence=str(2**64 - 1), data=event()["data"] | {"resourceCount": 2**64 - 1}))),
]
