"""Bodies that are signed by the sender and malformed or absurd all the same: a receiver rejects them and does not fail."""

from .callbacks import rejected, taken, vector
from .signer import BODY, MAX_DEPTH, event, written


def nested(depth):
    """The event, with arrays in a field that nobody knows: with the event itself `depth` levels."""
    return BODY[:-1] + f',"extra":{"[" * (depth - 1)}{"]" * (depth - 1)}}}'


def with_data(**changes):
    return written(event(data=event()["data"] | changes))


def replaced(old, new):
    assert BODY.count(old) == 1, old
    return BODY.replace(old, new)


def extra(value):
    """The event with this JSON in a field that nobody knows."""
    return BODY[:-1] + f',"extra":{value}}}'


ARRAY = written(["1.0", *(event()[name] for name in ("id", "source", "type", "subject", "time", "sequence", "data"))])

REJECTED = {
    "body-not-utf-8": ("Invalid UTF-8, in a field that nobody reads.", extra('"?"').encode().replace(b"?", b"\xff")),
    "body-utf-16": ("JSON is UTF-8.", BODY.encode("utf-16")),
    "body-with-byte-order-mark": ("JSON starts without one.", b"\xef\xbb\xbf" + BODY.encode()),
    "body-cut-off": ("Half of an event.", BODY[: len(BODY) // 2]),
    "body-twice": ("Two events after another.", BODY + BODY),
    "body-null": ("No object.", "null"),
    "body-number": ("No object.", "7"),
    "body-string": ("No object.", written(BODY)),
    "body-empty-array": ("No object.", "[]"),
    "body-of-events": ("Events come one by one.", f"[{BODY}]"),
    "event-as-array": ("The fields' values in order are no object.", ARRAY),
    "data-as-array": ("The same.", written(event(data=list(event()["data"].values())))),
    "key-version-as-array": ("The same.", with_data(keyVersion=["1", "2026-11-01T00:00:00Z"])),
    "data-null": ("No object.", written(event(data=None))),
    "field-given-twice": ("Readers differ on which one counts.",
                          replaced('"keyState":5', '"keyState":1,"keyState":5')),
    "field-given-twice-in-another-spelling": ("An escape spells the same name.",
                                              replaced('"keyState":5', '"keyState":1,"key\\u0053tate":5')),
    "data-given-twice": ("The same for an object.", BODY[:-1] + ',"data":{}}'),
    "half-a-surrogate-pair": ("No text, in a field that is read.",
                              replaced('"occurredAt":"2026', '"occurredAt":"\\ud8002026')),
    "half-a-surrogate-pair-in-a-name": ("No name.", BODY[:-1] + ',"\\udc00":1}'),
    "control-character": ("A string has none that is not escaped.", replaced('"occurredAt":"', '"occurredAt":"\n')),
    "nan": ("Not in JSON.", extra("NaN")),
    "infinity": ("Not in JSON.", extra("-Infinity")),
    "nested-too-deeply": (f"More than {MAX_DEPTH} levels.", nested(MAX_DEPTH + 1)),
    "nested-and-cut-off": ("The same, and never closed.", "[" * 2000),
    "key-state-fraction": ("The states are integers.", replaced('"keyState":5', '"keyState":5.0')),
    "key-state-true": ("Not 1.", with_data(keyState=True)),
    "key-state-text": ("Not 5.", with_data(keyState="5")),
    "key-state-negative": ("None of the states.", with_data(keyState=-5)),
    "key-state-261": ("Not 5 either, in eight bits.", with_data(keyState=261)),
    "count-negative": ("A count is not.", with_data(resourceCount=-1)),
    "count-negative-zero": ("Nor this.", replaced('"resourceCount":12', '"resourceCount":-0')),
    "count-over-64-bits": ("18446744073709551615 is the highest.", with_data(resourceCount=2**64)),
    "count-exponent": ("An integer is written as digits.", replaced('"resourceCount":12', '"resourceCount":1e1')),
    "count-huge-exponent": ("The same.", replaced('"resourceCount":12', '"resourceCount":1e999')),
    "count-of-thousands-of-digits": ("The same.", replaced('"resourceCount":12', f'"resourceCount":{"9" * 5000}')),
    "count-null": ("A field that is missing.", with_data(resourceCount=None)),
    "renotification-text": ("It is true or false.", with_data(renotification="true")),
    "renotification-number": ("It is true or false.", with_data(renotification=1)),
    "key-id-object": ("Text is asked for.", with_data(keyId={"id": "x"})),
    "key-crn-number": ("Text is asked for.", with_data(keyCrn=7)),
    "action-array": ("Text is asked for.", with_data(eventType=["delete"])),
    "source-missing": ("Each field of the event is needed.", written({k: v for k, v in event().items() if k != "source"})),
    "time-null": ("The same.", written(event(time=None))),
    "key-version-without-date": ("The same.", with_data(keyVersion={"id": "x"})),
    "sequence-as-number": ("It is text, so that no reader rounds it.", written(event(sequence=7))),
    "sequence-empty": ("Between 1 and 20 digits.", written(event(sequence=""))),
    "sequence-of-21-digits": ("The same.", written(event(sequence="0" * 20 + "7"))),
    "sequence-over-64-bits": ("18446744073709551615 is the highest.", written(event(sequence="18446744073709551616"))),
    "sequence-in-wide-digits": ("ASCII digits.", written(event(sequence="\uff17"))),
}

TAKEN = {
    "nested-as-deeply-as-allowed": (f"{MAX_DEPTH} levels.", nested(MAX_DEPTH)),
    "brackets-in-a-string": ("Text does not nest.", extra(written('\\"' + "[" * 100))),
    "unknown-field-given-twice": ("Nobody reads it.", extra("1,\"extra\":2")),
    "unknown-half-a-surrogate-pair": ("The same.", extra('"\\ud800"')),
    "unknown-number-of-thousands-of-digits": ("The same.", extra("9" * 5000)),
    "unknown-number-out-of-range": ("The same.", extra("1e999")),
    "white-space-around": ("JSON allows it; the signature is over all of it.", f"\r\n\t {BODY} \n"),
}

BODIES = [
    *(vector(name, why, rejected("body"), body=body) for name, (why, body) in REJECTED.items()),
    *(vector(name, why, taken(), body=body) for name, (why, body) in TAKEN.items()),
    vector("count-and-sequence-at-their-highest", "64 bits.",
           {"taken": taken(sequence=2**64 - 1)["taken"] | {"resourceCount": 2**64 - 1}},
           body=written(event(sequence=str(2**64 - 1), data=event()["data"] | {"resourceCount": 2**64 - 1}))),
]
