"""The verdict of the receiver kit in Python on each callback of standard input; kits.py describes
the lines.
"""

import base64
import pathlib
import sys
from email.message import Message

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "examples" / "receiver"))

from keysync import InvalidKey, Rejected, Verifier  # noqa: E402


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def verdict(line):
    source, now, service, body, headers = line.rstrip("\n").split(" ")
    kind, _, values = source.partition("=")
    service = base64.b64decode(service).decode()
    found = Message()
    for pair in filter(None, headers.split(",")):
        name, value = (base64.b64decode(part).decode("latin-1") for part in pair.split(":"))
        found[name] = value
    try:
        if kind == "set":
            verifier = Verifier.from_jwks(service, base64.b64decode(values))
        else:
            verifier = Verifier(
                service, [base64.b64decode(key[1:]).decode() for key in values.split(",") if key]
            )
        event = verifier.verify(found, base64.b64decode(body[1:]), int(now) / 1000)
    except Rejected as error:
        return f"rejected {error.code} {error.status}"
    except InvalidKey as error:
        return f"invalid {error.code} {error.place or 0}"
    texts = " ".join(map(encoded, (event.event_id, event.key_id, event.action)))
    renotification = str(event.renotification).lower()
    numbers = f"{event.sequence} {event.key_state} {renotification} {event.resource_count}"
    return f"accepted {texts} {numbers}"


for line in sys.stdin:
    print(verdict(line))
