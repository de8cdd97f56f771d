"""Raw requests, valid and malformed, and the expected statuses of the responses."""

from .callbacks import HMAC, for_service
from .signer import BODY, CURRENT, GOLDEN, ID, KEY, MAX_BODY, NOW, UNKNOWN

HEADERS = {"webhook-id": ID, "webhook-timestamp": NOW, "webhook-signature": GOLDEN}


def head(*lines, method="POST", path="/callbacks", version="HTTP/1.1", signed=HEADERS):
    signed = [f"{name}: {value}" for name, value in signed.items()]
    return "\r\n".join([f"{method} {path} {version}", "host: receiver", *signed, *lines, "", ""])


def callback(body=BODY, *lines, length=None, **changes):
    """A callback with a `content-length` and the options of `head`.

    The body may differ from the signed one.
    """
    length = len(body.encode()) if length is None else length
    return head(f"content-length: {length}", *lines, **changes) + body


def headers_with(**changes):
    """The headers with replacements by name (`_` for `-`)."""
    changed = HEADERS | {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in changed.items() if value is not None}


def signed(body):
    """Headers with a signature of this body."""
    return headers_with(webhook_signature=CURRENT.sign(ID, NOW, body))


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


VALID = [
    request("golden", "A valid callback.", callback(), gets=204),
    request("names-in-capitals", "Header names are case-insensitive.",
            callback(signed={name.upper(): value for name, value in HEADERS.items()}), gets=204),
    request("http-1.0", "An HTTP/1.0 client.", callback(version="HTTP/1.0"), gets=204),
    request("with-a-query", "A query string is ignored.", callback(path="/callbacks?a=b"), gets=204),
    request("line-before-the-request", "An empty line before the request, which old clients send.", "\r\n" + callback(), gets=204),
    request("chunked", "A chunked body.", head(CHUNKED) + chunked(BODY[:7], BODY[7:]), gets=204),
    request("chunked-with-extension-and-trailer", "A chunk extension and a trailer.",
            head("transfer-encoding: Chunked")
            + f"{len(BODY):X};name=value\r\n{BODY}\r\n0\r\ntrailer: x\r\n\r\n", gets=204),
    request("expects-100-continue", "A client that waits for 100 Continue.", callback(BODY, EXPECT), gets=[100, 204]),
    request("pipelined", "Pipelined requests.", callback(), callback(), callback(BODY + " "),
            gets=[204, 204, 401]),
    request("body-as-large-as-allowed", f"A body of {MAX_BODY:,} bytes is read, but its signature is invalid.",
            head(f"content-length: {MAX_BODY}"), repeated(" ", MAX_BODY), gets=401),
    request("key-unknown", "No notification about this key was received.",
            head(method="GET", path="/keys/5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11", signed={}), gets=404),
    request("key-known", "A key's state after its notification.", callback(),
            head(method="GET", path=f"/keys/{KEY}", signed={}), gets=[204, 200]),
]

UNAUTHENTIC = [
    lines("signature-by-unknown-key", "Well-formed, but signed with an unknown key.", 401,
          signed=headers_with(webhook_signature=UNKNOWN.sign(ID, NOW, BODY))),
    request("for-another-service", "Authentic, but for another service.",
            callback(for_service("databases"), signed=signed(for_service("databases"))), gets=403),
    request("body-changed", "The body was changed.", callback(BODY.replace('"keyState":5', '"keyState":1')), gets=401),
    lines("timestamp-far-ahead", "15 digits: about 30 million years in the future.", 401, signed=headers_with(webhook_timestamp="9" * 15)),
]

BAD_HEADERS = [
    lines("no-headers", "The webhook headers are missing.", 400, signed={}),
    *(lines(f"{name}-missing", "All three headers are required.", 400, signed=headers_with(**{name: None}))
      for name in ("webhook-id", "webhook-timestamp", "webhook-signature")),
    *(lines(f"{name}-given-twice", "A duplicate header.", 400, f"{name}: {value}") for name, value in HEADERS.items()),
    *(lines(f"{name}-not-ascii", "A header byte over 127.", 400, signed=headers_with(**{name: f"{value}\u00ff"}))
      for name, value in HEADERS.items()),
    *(lines(f"{name}-with-a-control-character", "Control characters are not allowed in headers.", 400, signed=headers_with(**{name: f"{value}\0"}))
      for name, value in HEADERS.items()),
    *(lines(f"{name}-empty", "An empty header.", 400, signed=headers_with(**{name: ""}))
      for name in HEADERS),
    *(lines(f"timestamp-{name}", "The timestamp must have 1 to 15 digits.", 400, signed=headers_with(webhook_timestamp=value))
      for name, value in (("negative", -NOW), ("with-sign", f"+{NOW}"), ("with-underscore", "1_795_496_400"),
                          ("fraction", f"{NOW}.0"), ("over-64-bits", "18446744073709551616"),
                          ("of-thousands-of-digits", "9" * 4000), ("superscript", "\u00b2\u00b3"))),
    *(lines(f"signature-{name}", "No well-formed `v1a` signature.", 400, signed=headers_with(webhook_signature=value))
      for name, value in (("garbage", "v1a,!!!"), ("short", "v1a,AAAA"), ("by-shared-secret", HMAC), ("of-a-future-kind", "v2,AAAA"),
                          ("commas-only", ",,,, ,,"))),
    *(request(f"header-of-many-spaces-{name}", "A parser with excessive backtracking would not finish.",
              head(f"content-length: {len(BODY.encode())}")[:-2] + "x: a", repeated(" ", 50_000), f"{last}\r\n\r\n{BODY}", gets=status)
      for name, last, status in (("and-a-letter", "b", 204), ("and-a-control-character", "\0", 400))),
    *(request(f"{name}-huge", "A header over 4,096 bytes, but within the limit of the server.",
              head("content-length: 0", signed=headers_with(**{name: None}))[:-2] + f"{name}: ", repeated("v1a,AAAA ", 5000), "x\r\n\r\n",
              gets=400) for name in HEADERS),
    request("header-of-a-megabyte", "A header over the limit of the server.",
            head()[:-2] + "x: ", repeated("x", 2**20), "\r\n\r\n", gets=431),
    request("thousands-of-headers", "Too many headers.", head()[:-2], repeated("x: x\r\n", 5000), "\r\n", gets=431),
    request("path-of-a-megabyte", "A path over the limit of the server.", "POST /", repeated("x", 2**20), " HTTP/1.1\r\n\r\n", gets=[[414, 431]]),
    lines("line-without-colon", "A header line without a colon.", 400, "nonsense"),
    lines("name-empty", "An empty header name.", 400, ": x"),
    lines("name-with-space", "Some parsers ignore the space before the colon.", 400, "webhook-id : x"),
    lines("name-not-ascii", "A header name must be ASCII.", 400, "w\u00e9bhook: x"),
    lines("folded", "Folded headers are obsolete.", 400, "x: a", " b"),
    lines("carriage-return-inside", "Some parsers treat a bare carriage return as the end of a line.", 400, "x: a\rtransfer-encoding: chunked"),
]

BAD_LINES = [
    request("no-http", "Another protocol.", "\x16\x03\x01\x02\x00\x01\r\n\r\n", gets=400),
    request("one-word", "A request line without a path.", "POST\r\n\r\n", gets=400),
    request("http-0.9", "A request line without a version.", "GET /callbacks\r\n\r\n", gets=400),
    request("http-3.0", "HTTP/3 has another wire format.", head(version="HTTP/3.0"), gets=400),
    request("http-one", "An invalid version.", head(version="HTTP/one"), gets=400),
    request("path-with-space", "A request line with four parts.", head(path="/call backs"), gets=400),
    request("method-not-a-token", "An invalid method.", head(method="PO(ST"), gets=400),
    *(request(f"method-{method}", "Callbacks require POST.", head("content-length: 0", method=method), gets=405)
      for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW")),
    request("method-in-small-letters", "Methods are case-sensitive.", head("content-length: 0", method="post"), gets=405),
    request("key-posted", "States require GET.", callback(path=f"/keys/{KEY}"), gets=405),
    request("another-path", "An unknown path.", callback(path="/"), gets=404),
    request("path-twice", "An unknown path that starts with a known one.", callback(path="/callbacks/callbacks"), gets=404),
    request("path-with-two-slashes", "Paths are not normalized.", callback(path="//callbacks"), gets=404),
]

BAD_BODIES = [
    request("without-length", "A body of unknown length.", head() + BODY, gets=411),
    *(request(f"length-{name}", "`content-length` must be an integer.", callback(length=value), gets=400)
      for name, value in (("negative", -1), ("with-sign", f"+{len(BODY)}"), ("with-underscore", "1_0"), ("fraction", "1.5"),
                          ("hexadecimal", hex(len(BODY))), ("empty", ""), ("text", "all"), ("superscript", "\u00b2"),
                          ("of-thousands-of-digits", "9" * 5000))),
    lines("length-given-twice", "Two lengths: the start of the next request is ambiguous.", 400, "content-length: 5"),
    request("length-too-large", "Rejected before the body is read.", head(f"content-length: {MAX_BODY + 1}"), gets=413),
    request("length-of-an-exabyte", "A very large length is rejected before the body is read.", head(f"content-length: {10**18}"), gets=413),
    request("length-too-large-expects-100-continue", "The client must not send the body.",
            head(f"content-length: {10**9}", EXPECT), gets=413),
    request("body-too-large", "A body that is far too large.", head(f"content-length: {2**23}"), repeated("x", 2**23), gets=413),
    request("body-too-large-by-one", "A body one byte over the limit.", head(f"content-length: {MAX_BODY + 1}"), repeated("x", MAX_BODY + 1),
            gets=413),
    request("body-shorter-than-its-length", "An incomplete body.", callback(length=len(BODY) + 1), gets=400),
    request("body-longer-than-its-length", "The excess bytes are not a request.", callback(length=len(BODY) - 1), "\r\n\r\n",
            gets=[401, 400]),
    request("body-empty", "An empty body with the signature of another one.", callback(""), gets=401),
    request("chunked-too-large", "The limit applies to the sum of the chunks.", head(CHUNKED), repeated("1000\r\n" + "x" * 4096 + "\r\n", 300),
            "0\r\n\r\n", gets=413),
    request("chunk-of-an-exabyte", "A chunk with a very large size.", head(CHUNKED) + "fffffffffffffff\r\n", repeated("x", 2**20), gets=413),
    *(request(f"chunk-size-{name}", "A chunk size must be hexadecimal.", head(CHUNKED) + f"{size}\r\n{BODY}\r\n0\r\n\r\n", gets=400)
      for name, size in (("negative", "-1"), ("with-prefix", hex(len(BODY))), ("text", "all"), ("over-64-bits", "f" * 20))),
    request("chunk-longer-than-its-size", "A chunk must end after its declared size.", head(CHUNKED) + f"5\r\n{BODY}\r\n0\r\n\r\n", gets=400),
    request("chunked-and-cut-off", "The last chunk is missing.", head(CHUNKED) + f"{len(BODY):x}\r\n{BODY}\r\n", gets=400),
    request("chunked-by-http-1.0", "HTTP/1.0 has no chunks.", head(CHUNKED, version="HTTP/1.0") + chunked(BODY), gets=400),
    request("encoded-otherwise", "An unsupported transfer encoding.", head("transfer-encoding: gzip") + BODY, gets=400),
    request("chunked-and-length", "Chunks take precedence over the length, and this body has none.", callback(BODY, CHUNKED), gets=400),
    request("signed-no-json", "Signed, but not JSON.", callback("key=value", signed=signed("key=value")), gets=400),
    request("signed-array", "Signed, but not a JSON object.", callback("[]", signed=signed("[]")), gets=400),
    request("signed-nan", "Signed, but with NaN.", callback(BODY[:-1] + ',"x":NaN}', signed=signed(BODY[:-1] + ',"x":NaN}')), gets=400),
    request("signed-and-nested", "Signed, with the maximum number of brackets.",
            head("content-length: 60000", signed=signed("[" * 60_000)), DEEP, gets=400),
    request("signed-and-nested-objects", "Signed, with deeply nested objects.",
            head("content-length: 60000", signed=signed('{"a":' * 12_000)), repeated('{"a":', 12_000), gets=400),
]

GROUPS = {"valid": VALID, "unauthentic": UNAUTHENTIC, "headers": BAD_HEADERS, "request-line": BAD_LINES, "body": BAD_BODIES}
REQUESTS = [{"name": one["name"], "group": group, **one} for group, requests in GROUPS.items() for one in requests]
