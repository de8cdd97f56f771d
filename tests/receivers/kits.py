"""The receiver kits: how each one is built, run as a service, and asked for verdicts.

`cargo task receivers` builds what must be compiled into the folder KEYSYNC_RECEIVERS, and names the
kits in KEYSYNC_RECEIVER_KITS.

A judge reads one callback per line and writes one verdict per line. A line has five fields,
separated by spaces; `B` stands for base64:

    keys=:B,:B   or set=B     the public keys, or the document of a key set
    1795496400000             the receiver's clock, in milliseconds since 1970
    B                         the receiver's service
    :B                        the body
    B:B,B:B                   names and values of the headers

    accepted B B B 7 5 true 12    event id, key id, action, sequence, state, renotification,
    resources rejected signature 401        code, and status of the response invalid malformed 1
    code, and place of the key
"""

import base64
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
BUILT = pathlib.Path(os.environ.get("KEYSYNC_RECEIVERS", ROOT / "target" / "receivers"))
EXAMPLES = ROOT / "examples"
JUDGES = pathlib.Path(__file__).parent / "judges"

# By kit: the command of the example service, and that of the judge.
COMMANDS = {
    "rust": ([BUILT / "rust-receiver"], [BUILT / "rust-judge"]),
    "python": (
        [sys.executable, EXAMPLES / "receiver" / "receiver.py"],
        [sys.executable, JUDGES / "judge.py"],
    ),
    "javascript": (
        ["node", EXAMPLES / "receiver-javascript" / "receiver.mjs"],
        ["node", JUDGES / "judge.mjs"],
    ),
    "go": ([BUILT / "go-receiver"], [BUILT / "go-judge"]),
    "java": (["java", "-cp", BUILT / "java", "Receiver"], ["java", "-cp", BUILT / "java", "Judge"]),
}
KITS = os.environ.get("KEYSYNC_RECEIVER_KITS", ",".join(COMMANDS)).split(",")


def encoded(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def decoded(text):
    return base64.b64decode(text).decode()


def line(*, keys=None, key_set=None, now, service, body, headers):
    """A callback as a line. `headers` are pairs of a name and the bytes of a value."""
    source = (
        f"set={encoded(key_set)}"
        if keys is None
        else "keys=" + ",".join(":" + encoded(key) for key in keys)
    )
    pairs = ",".join(f"{encoded(name)}:{encoded(value)}" for name, value in headers)
    return f"{source} {round(now * 1000)} {encoded(service)} :{encoded(body)} {pairs}"


def line_of(vector, **changes):
    """The line of a vector."""
    body = (
        base64.b64decode(vector["bodyBase64"])
        if "bodyBase64" in vector
        else vector["body"].encode()
    )
    headers = [
        (name, value.encode())
        for name, values in vector["headers"].items()
        for value in (values if isinstance(values, list) else [values])
    ]
    parts = {
        "keys": vector["publicKeys"],
        "now": vector["now"],
        "service": vector["service"],
        "body": body + b" " * vector.get("padding", 0),
        "headers": headers,
    }
    return line(**parts | changes)


def verdicts(kit, lines):
    """A kit's verdicts on lines."""
    given = "".join(f"{line}\n" for line in lines)
    found = subprocess.run(
        COMMANDS[kit][1], input=given, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.splitlines()
    assert len(found) == len(lines), f"{kit} wrote {len(found)} verdicts on {len(lines)} callbacks"
    return found


def expected(expect, statuses):
    """The verdict that a vector expects."""
    if "rejected" in expect:
        return f"rejected {expect['rejected']} {statuses[expect['rejected']]}"
    event = expect["accepted"]
    texts = " ".join(encoded(event[name]) for name in ("eventId", "keyId", "action"))
    renotification = str(event["renotification"]).lower()
    numbers = f"{event['sequence']} {event['keyState']} {renotification} {event['resourceCount']}"
    return f"accepted {texts} {numbers}"
