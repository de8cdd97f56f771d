"""JSON as RFC 8259 has it, and nothing besides: what Python's own parser takes or fails on and other readers do not."""

import json

MAX_DEPTH = 32  # levels of arrays and objects
TWICE = object()  # stands for the value of a field that was given more than once


def parse(raw):
    """Parses bytes. Raises `ValueError` where they are no JSON, and never anything else."""
    text = raw.decode("utf-8")  # `json.loads` takes UTF-16 and UTF-32, too
    check_depth(raw)
    return json.loads(text, parse_constant=no_number, parse_int=integer, object_pairs_hook=fields)


def check_depth(raw):
    """Python gives up at some depth with a `RecursionError`, at another one in each version."""
    depth, in_string, escaped = 0, False, False
    for byte in raw:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:  # \
                escaped = True
            elif byte == 0x22:  # "
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"JSON is nested more than {MAX_DEPTH} levels deep")
        elif byte in b"]}":
            depth -= 1


def no_number(name):
    raise ValueError(f"JSON has no {name}")


def integer(text):
    """An integer of 64 bits. `int` raises for thousands of digits; what is no such integer is a float to whoever reads it."""
    return int(text) if len(text) <= 20 and text != "-0" else float("inf")


def fields(pairs):
    found = {}
    for name, value in pairs:
        found[name] = TWICE if name in found else value
    return found


def text(value):
    """Text that can be written as UTF-8: an escape can spell half of a surrogate pair, which cannot."""
    if type(value) is not str:
        raise ValueError("must be text" if value is not TWICE else "is given twice")
    value.encode()
    return value


def whole(value):
    """An integer from 0 that fits into 64 bits; `True` and 5.0 are none."""
    if type(value) is not int or not 0 <= value < 2**64:
        raise ValueError("must be an integer between 0 and 18446744073709551615")
    return value


def boolean(value):
    if type(value) is not bool:
        raise ValueError("must be true or false")
    return value


def as_object(value):
    """An object whose fields have names that are text."""
    if type(value) is not dict:
        raise ValueError("must be a JSON object")
    for name in value:
        text(name)
    return value
