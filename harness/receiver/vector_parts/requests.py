"""Requests byte by byte, and the statuses that a service answers them with: malformed, absurd, and right."""

from .callbacks import HMAC
from .signer import BODY, CURRENT, GOLDEN, ID, KEY, MAX_BODY, NOW, STRANGER

HEADERS = {"webhook-id": ID, "webhook-timestamp": NOW, "webhook-signature": GOLDEN}


def head(*lines, method="POST", path="/callbacks", version="HTTP/1.1", signed=HEADERS):
    signed = [f"{name}: {value}" for name, value in signed.items()]
    return "\r\n".join([f"{method} {path} {version}", "host: receiver", *signed, *lines, "", ""])


def callback(body=BODY, *lines, length=None, **changes):
    """A callback with its length and what `head` takes; it need not be the one that was signed."""
    length = len(body.encode()) if length is None else length
    return head(f"content-length: {length}", *lines, **changes) + body


def but(**changes):
    """The headers with others, by name (with `_` for `-`)."""
    changed = HEADERS | {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in changed.items() if value is not None}


def signed(body):
    """Headers that sign this body."""
    return but(webhook_signature=CURRENT.sign(ID, NOW, body))


def chunked(*chunks):
    return "".join(f"{len(chunk):x}\r\n{chunk}\r\n" for chunk in (*chunks, ""))


def repeated(text, times):
    return {"repeat": text, "times": times}


CHUNKED = "transfer-encoding: chunked"
EXPECT = "expect: 100-continue"
DEEP = repeated("[", 60_000)


def request(name, why, *send, gets):
    return {"name": name, "why": why, "send": list(send), "statuses": gets if isinstance(gets, list) else [gets]}


def lines(name, why, status, *lines, **changes):
    return request(name, why, callback(BODY, *lines, **changes), gets=status)


RIGHT = [
    request("golden", "A callback as it should be.", callback(), gets=204),
    request("names-in-capitals", "Header names do not care about case.",
            callback(signed={name.upper(): value for name, value in HEADERS.items()}), gets=204),
    request("http-1.0", "An old client.", callback(version="HTTP/1.0"), gets=204),
    request("with-a-query", "What follows the path does not matter.", callback(path="/callbacks?a=b"), gets=204),
    request("line-before-the-request", "An empty line too many, which old clients send.", "\r\n" + callback(), gets=204),
    request("chunked", "The body in chunks.", head(CHUNKED) + chunked(BODY[:7], BODY[7:]), gets=204),
    request("chunked-with-extension-and-trailer", "What chunks may bear besides.",
            head("transfer-encoding: Chunked")
            + f"{len(BODY):X};name=value\r\n{BODY}\r\n0\r\ntrailer: x\r\n\r\n", gets=204),
    request("expects-100-continue", "A client that asks whether to send the body.", callback(BODY, EXPECT), gets=[100, 204]),
    request("pipelined", "The next request before the first response.", callback(), callback(), callback(BODY + " "),
            gets=[204, 204, 401]),
    request("body-as-large-as-allowed", f"{MAX_BODY:,} bytes; read, and signed by nobody.",
            head(f"content-length: {MAX_BODY}"), repeated(" ", MAX_BODY), gets=401),
    request("key-unknown", "Nothing was told of this key.",
            head(method="GET", path="/keys/5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11", signed={}), gets=404),
    request("key-known", "Told, and then asked about.", callback(),
            head(method="GET", path=f"/keys/{KEY}", signed={}), gets=[204, 200]),
]

NOT_BELIEVED = [
    lines("signature-of-a-stranger", "Well-formed, and not the sender's.", 401,
          signed=but(webhook_signature=STRANGER.sign(ID, NOW, BODY))),
    request("body-changed", "The same.", callback(BODY.replace('"keyState":5', '"keyState":1')), gets=401),
    lines("timestamp-far-ahead", "15 digits: some 30 million years.", 401, signed=but(webhook_timestamp="9" * 15)),
]

BAD_HEADERS = [
    lines("no-headers", "No callback.", 400, signed={}),
    *(lines(f"{name}-missing", "Each of the three is needed.", 400, signed=but(**{name: None}))
      for name in ("webhook-id", "webhook-timestamp", "webhook-signature")),
    *(lines(f"{name}-given-twice", "Which one counts?", 400, f"{name}: {value}") for name, value in HEADERS.items()),
    *(lines(f"{name}-not-ascii", "A byte over 127.", 400, signed=but(**{name: f"{value}\u00ff"}))
      for name, value in HEADERS.items()),
    *(lines(f"{name}-with-a-control-character", "Not allowed in any header.", 400, signed=but(**{name: f"{value}\0"}))
      for name, value in HEADERS.items()),
    *(lines(f"{name}-empty", "As good as none.", 400, signed=but(**{name: ""}))
      for name in HEADERS),
    *(lines(f"timestamp-{name}", "Digits, at most 15.", 400, signed=but(webhook_timestamp=value))
      for name, value in (("negative", -NOW), ("with-sign", f"+{NOW}"), ("with-underscore", "1_795_496_400"),
                          ("fraction", f"{NOW}.0"), ("over-64-bits", "18446744073709551616"),
                          ("of-thousands-of-digits", "9" * 4000), ("superscript", "\u00b2\u00b3"))),
    *(lines(f"signature-{name}", "None that can be read.", 400, signed=but(webhook_signature=value))
      for name, value in (("garbage", "v1a,!!!"), ("short", "v1a,AAAA"), ("by-shared-secret", HMAC), ("of-a-future-kind", "v2,AAAA"),
                          ("commas-only", ",,,, ,,"))),
    *(request(f"header-of-many-spaces-{name}", "A parser that tries every way to split it does not come to an end.",
              head(f"content-length: {len(BODY.encode())}")[:-2] + "x: a", repeated(" ", 50_000), f"{last}\r\n\r\n{BODY}", gets=status)
      for name, last, status in (("and-a-letter", "b", 204), ("and-a-control-character", "\0", 400))),
    *(request(f"{name}-huge", "More than 4,096 bytes, and less than a server's own limit.",
              head("content-length: 0", signed=but(**{name: None}))[:-2] + f"{name}: ", repeated("v1a,AAAA ", 5000), "x\r\n\r\n",
              gets=400) for name in HEADERS),
    request("header-of-a-megabyte", "More than a server holds of a head.",
            head()[:-2] + "x: ", repeated("x", 2**20), "\r\n\r\n", gets=431),
    request("thousands-of-headers", "The same.", head()[:-2], repeated("x: x\r\n", 5000), "\r\n", gets=431),
    request("path-of-a-megabyte", "The same.", "POST /", repeated("x", 2**20), " HTTP/1.1\r\n\r\n", gets=[[414, 431]]),
    lines("line-without-colon", "No header.", 400, "nonsense"),
    lines("name-empty", "No header.", 400, ": x"),
    lines("name-with-space", "Read by some as the header without the space.", 400, "webhook-id : x"),
    lines("name-not-ascii", "No header.", 400, "w\u00e9bhook: x"),
    lines("folded", "A line that goes on, which HTTP does not have any more.", 400, "x: a", " b"),
    lines("carriage-return-inside", "Read by some as the end of the line.", 400, "x: a\rtransfer-encoding: chunked"),
]

BAD_LINES = [
    request("no-http", "Another protocol.", "\x16\x03\x01\x02\x00\x01\r\n\r\n", gets=400),
    request("one-word", "No request.", "POST\r\n\r\n", gets=400),
    request("http-0.9", "Without a version.", "GET /callbacks\r\n\r\n", gets=400),
    request("http-3.0", "A version that has other bytes.", head(version="HTTP/3.0"), gets=400),
    request("http-one", "No version.", head(version="HTTP/one"), gets=400),
    request("path-with-space", "Four words.", head(path="/call backs"), gets=400),
    request("method-not-a-token", "No method.", head(method="PO(ST"), gets=400),
    *(request(f"method-{method}", "Callbacks are posted.", head("content-length: 0", method=method), gets=405)
      for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW")),
    request("method-in-small-letters", "Another method.", head("content-length: 0", method="post"), gets=405),
    request("key-posted", "States are read.", callback(path=f"/keys/{KEY}"), gets=405),
    request("another-path", "Callbacks go elsewhere.", callback(path="/"), gets=404),
    request("path-twice", "The same.", callback(path="/callbacks/callbacks"), gets=404),
    request("path-with-two-slashes", "The same.", callback(path="//callbacks"), gets=404),
]

BAD_BODIES = [
    request("without-length", "It cannot be told where the body ends.", head() + BODY, gets=411),
    *(request(f"length-{name}", "No number of bytes.", callback(length=value), gets=400)
      for name, value in (("negative", -1), ("with-sign", f"+{len(BODY)}"), ("with-underscore", "1_0"), ("fraction", "1.5"),
                          ("hexadecimal", hex(len(BODY))), ("empty", ""), ("text", "all"), ("superscript", "\u00b2"),
                          ("of-thousands-of-digits", "9" * 5000))),
    lines("length-given-twice", "Two lengths: where does the next request start?", 400, "content-length: 5"),
    request("length-too-large", "Refused before it is read.", head(f"content-length: {MAX_BODY + 1}"), gets=413),
    request("length-of-an-exabyte", "The same.", head(f"content-length: {10**18}"), gets=413),
    request("length-too-large-expects-100-continue", "The body is not asked for.",
            head(f"content-length: {10**9}", EXPECT), gets=413),
    request("body-too-large", "Sent all the same.", head(f"content-length: {2**23}"), repeated("x", 2**23), gets=413),
    request("body-too-large-by-one", "The same.", head(f"content-length: {MAX_BODY + 1}"), repeated("x", MAX_BODY + 1),
            gets=413),
    request("body-shorter-than-its-length", "Cut off.", callback(length=len(BODY) + 1), gets=400),
    request("body-longer-than-its-length", "The rest is no request.", callback(length=len(BODY) - 1), "\r\n\r\n",
            gets=[401, 400]),
    request("body-empty", "Nothing is signed.", callback(""), gets=401),
    request("chunked-too-large", "Counted as it comes.", head(CHUNKED), repeated("1000\r\n" + "x" * 4096 + "\r\n", 300),
            "0\r\n\r\n", gets=413),
    request("chunk-of-an-exabyte", "The same.", head(CHUNKED) + "fffffffffffffff\r\n", repeated("x", 2**20), gets=413),
    *(request(f"chunk-size-{name}", "No size in hexadecimal.", head(CHUNKED) + f"{size}\r\n{BODY}\r\n0\r\n\r\n", gets=400)
      for name, size in (("negative", "-1"), ("with-prefix", hex(len(BODY))), ("text", "all"), ("over-64-bits", "f" * 20))),
    request("chunk-longer-than-its-size", "Where does the next one start?", head(CHUNKED) + f"5\r\n{BODY}\r\n0\r\n\r\n", gets=400),
    request("chunked-and-cut-off", "The last chunk is missing.", head(CHUNKED) + f"{len(BODY):x}\r\n{BODY}\r\n", gets=400),
    request("chunked-by-http-1.0", "Which does not have it.", head(CHUNKED, version="HTTP/1.0") + chunked(BODY), gets=400),
    request("encoded-otherwise", "Where the body ends is unknown.", head("transfer-encoding: gzip") + BODY, gets=400),
    request("chunked-and-length", "The chunks count, and are none.", callback(BODY, CHUNKED), gets=400),
    request("signed-no-json", "Signed, and no event.", callback("key=value", signed=signed("key=value")), gets=400),
    request("signed-array", "The same.", callback("[]", signed=signed("[]")), gets=400),
    request("signed-nan", "The same.", callback(BODY[:-1] + ',"x":NaN}', signed=signed(BODY[:-1] + ',"x":NaN}')), gets=400),
    request("signed-and-nested", "Brackets, as many as fit.",
            head("content-length: 60000", signed=signed("[" * 60_000)), DEEP, gets=400),
    request("signed-and-nested-objects", "The same.",
            head("content-length: 60000", signed=signed('{"a":' * 12_000)), repeated('{"a":', 12_000), gets=400),
]

REQUESTS = [*RIGHT, *NOT_BELIEVED, *BAD_HEADERS, *BAD_LINES, *BAD_BODIES]
