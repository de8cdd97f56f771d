"""Strict JSON (RFC 8259), without the extensions and failures of Python's parser."""

import json

MAX_DEPTH = 32  # levels of arrays and objects
DUPLICATE = object()  # the value of a duplicate field


def parse(raw):
    """Parses bytes. Raises `ValueError` if they are not JSON, and no other exception."""
    text = raw.decode("utf-8")  # `json.loads` also accepts UTF-16 and UTF-32
    check_depth(raw)
    return json.loads(
        text, parse_constant=reject_constant, parse_int=integer, object_pairs_hook=fields
    )


def check_depth(raw):
    """Limits the nesting. Python raises `RecursionError` at a depth that differs by version."""
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


def reject_constant(name):
    raise ValueError(f"JSON has no {name}")


def integer(text):
    """Parses an integer.

    `int` raises for thousands of digits, so longer numbers become a float, which `integer_64`
    rejects.
    """
    return int(text) if len(text) <= 20 and text != "-0" else float("inf")


def fields(pairs):
    found = {}
    for name, value in pairs:
        found[name] = DUPLICATE if name in found else value
    return found


def text(value):
    """A string that can be encoded as UTF-8.

    Escapes can produce unpaired surrogates, which cannot.
    """
    if type(value) is not str:
        raise ValueError("must be a string" if value is not DUPLICATE else "is a duplicate field")
    value.encode()
    return value


def integer_64(value):
    """An unsigned 64-bit integer, but not `True` or 5.0."""
    if type(value) is not int or not 0 <= value < 2**64:
        raise ValueError("must be an integer between 0 and 18446744073709551615")
    return value


def boolean(value):
    if type(value) is not bool:
        raise ValueError("must be true or false")
    return value


def as_object(value):
    """A JSON object whose field names can be encoded as UTF-8."""
    if type(value) is not dict:
        raise ValueError("must be a JSON object")
    for name in value:
        text(name)
    return value
