"""Makes vectors.json, and checks it: `python vectors.py` writes it, `python vectors.py --check` compares.

What is in it is said by its `about`; the vectors themselves are in `vector_parts/`. It takes PyPI's `cryptography`. Ed25519 is
deterministic, so the sender makes the same signatures to the byte; a test beside its code holds it to that.
"""

import json
import pathlib
import sys

from vector_parts.bodies import BODIES
from vector_parts.callbacks import CALLBACKS
from vector_parts.keys import CONFIGURATIONS, KEY_SETS
from vector_parts.requests import REQUESTS
from vector_parts.signer import CURRENT, MAX_BODY, MAX_DEPTH, MAX_HEADER, NEXT

FILE = pathlib.Path(__file__).with_name("vectors.json")

ABOUT = [
    "Test vectors for receivers of keysync's callbacks, in any language. Made by vectors.py.",
    "The private keys are those of RFC 8032, known to everybody: for tests only.",
    "Each vector has a `name` and says `why`. A receiver should give what the vector expects for all of them.",
    "statuses: the response for a callback that is taken, and for each reason to reject one.",
    "vectors: callbacks. Verify `headers` and the body with `publicKeys` when the clock says `now` (seconds since 1970).",
    "  headers: by name; a list where a header is given more than once. Values are sent as UTF-8.",
    "  body: text, sent as UTF-8; or bodyBase64: its bytes. `padding`, where there is one: so many spaces follow.",
    "  expect: `taken` with fields of the event, or `rejected` with a reason.",
    "configurations: lists of public keys. expect: `accepted` (the first vector is then taken), or `refused` at configuration,",
    "  with a reason and the place of the bad key in the list, from 1 on.",
    "keySets: the same for documents as at /.well-known/jwks.json; `document` is text.",
    "requests: bytes for the service's socket. Configure keys.current.public, and a tolerance of 100 years, since they were",
    "  signed at the `now` of the first vector. Callbacks go to /callbacks, states are at /keys/<id>.",
    "  send: the parts, one after another; then the client closes its side. A part is text, in which each character is one byte",
    "    (U+0000 to U+00FF), or `repeat` with a text and `times`.",
    "  statuses: of the responses, in order, 100 (Continue) too; a list where several will do. Then the service closes.",
]

STATUSES = {
    "taken": 204,
    "header": 400, "timestamp": 400, "no-signature": 400, "id": 400, "body": 400,
    "too-old": 401, "too-new": 401, "signature": 401,
    "too-large": 413,
}

DOCUMENT = {
    "about": ABOUT,
    "toleranceSeconds": 300,
    "limits": {"bodyBytes": MAX_BODY, "headerBytes": MAX_HEADER, "nesting": MAX_DEPTH},
    "statuses": STATUSES,
    "keys": {name: {"private": signer.private, "public": signer.public}
             for name, signer in (("current", CURRENT), ("next", NEXT))},
    "vectors": CALLBACKS + BODIES,
    "configurations": CONFIGURATIONS,
    "keySets": KEY_SETS,
    "requests": REQUESTS,
}


def main():
    text = json.dumps(DOCUMENT, indent=2, ensure_ascii=True) + "\n"
    if sys.argv[1:] == ["--check"]:
        if FILE.read_text(encoding="utf-8") != text:
            sys.exit(f"{FILE.name} is not what vectors.py makes: run `python vectors.py`")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
