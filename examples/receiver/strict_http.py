"""`http.server` for untrusted clients: strict parsing, and limits on memory and time.

The handler of the standard library accepts lengths such as `1_0`, does not support chunks,
normalizes malformed headers that other programs parse differently, waits while a client sends
single bytes, and closes connections such that responses can be lost.
"""

import io
import re
import socket
import sys
import threading
import time
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_HEAD = 64 * 1024  # bytes of request line and headers together
MAX_HEADERS = 100
MAX_CONNECTIONS = 128
TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(rb"(%s) ([!-~\x80-\xff]+) HTTP/1\.([01])" % TOKEN)
HEADER = re.compile(rb"(%s):([\t -~\x80-\xff]*)" % TOKEN)  # a single repetition, so no backtracking
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t -~\x80-\xff]*)?\r\n")


class Malformed(Exception):
    """A malformed request. The connection is closed after the response."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Received(io.RawIOBase):
    """A stream of received bytes with a deadline."""

    def __init__(self, connection):
        self.connection = connection
        self.deadline = 0

    def readable(self):
        return True

    def readinto(self, buffer):
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.connection.settimeout(left)
        return self.connection.recv_into(buffer)


class StrictHandler(BaseHTTPRequestHandler):
    """Subclasses implement `respond`, which may call `read_body` and must call `send`."""

    protocol_version = "HTTP/1.1"
    timeout_seconds = 10  # for a whole request, for a response, and for the client to close

    def respond(self):
        raise NotImplementedError

    def setup(self):
        super().setup()
        self.received = Received(self.connection)
        self.rfile.close()
        self.rfile = io.BufferedReader(self.received)

    def handle_one_request(self):
        self.close_connection = True  # until the request has been read completely
        self.unread = None
        self.received.deadline = time.monotonic() + self.timeout_seconds
        try:
            started = bool(self.rfile.peek(1))
            try:
                if started and self.read_head():
                    self.respond()
            except Malformed as error:
                self.send(error.status, str(error))
            except TimeoutError:
                self.close_connection = True
                self.send(408, f"a request must be complete within {self.timeout_seconds} s")
        except OSError:
            self.close_connection = True  # the client sent no more data or disconnected

    def finish(self):
        """Closes the connection gracefully.

        Closing a socket with unread bytes discards the response in transit.
        """
        try:
            super().finish()
            self.connection.shutdown(socket.SHUT_WR)
            deadline = time.monotonic() + self.timeout_seconds
            while (left := deadline - time.monotonic()) > 0:
                self.connection.settimeout(left)
                if not self.connection.recv(65536):
                    break
        except OSError:
            pass

    def read_line(self):
        line = self.rfile.readline(self.left + 1)
        self.left -= len(line)
        if self.left < 0:
            raise Malformed(431, f"the request line and headers must have at most {MAX_HEAD} bytes")
        if not line.endswith(b"\n"):
            raise Malformed(400, "the request is incomplete")
        return line

    def read_head(self):
        """Reads the request line and headers. Returns `False` at the end of the connection."""
        self.left = MAX_HEAD
        self.command = self.requestline = ""
        while (line := self.read_line()) in (b"\r\n", b"\n"):
            if not self.rfile.peek(1):
                return False
        parts = REQUEST_LINE.fullmatch(line.rstrip(b"\r\n"))
        if not parts:
            raise Malformed(400, "the request line must have the form `POST /callbacks HTTP/1.1`")
        method, target, minor = (part.decode("latin-1") for part in parts.groups())
        self.command, self.path, self.request_version = (
            method,
            target.partition("?")[0],
            f"HTTP/1.{minor}",
        )
        self.headers = Message()
        count = 0
        while (line := self.read_line()) not in (b"\r\n", b"\n"):
            header = HEADER.fullmatch(line.removesuffix(b"\n").removesuffix(b"\r"))
            if not header:
                raise Malformed(
                    400,
                    "a header must be one line with a name, `:` and a value, without control "
                    "characters",
                )
            count += 1
            if count > MAX_HEADERS:
                raise Malformed(431, f"a request must have at most {MAX_HEADERS} headers")
            name, value = (part.decode("latin-1") for part in header.groups())
            self.headers[name] = value.strip(" \t")
        self.check_framing()
        return True

    def check_framing(self):
        """Determines the length of the body: `unread` is a number of bytes, `chunked`, or `None` if
        it is not declared."""
        lengths = self.headers.get_all("content-length", [])
        if any(
            not re.fullmatch("[0-9]{1,20}", length) or int(length) >= 2**64 or length != lengths[0]
            for length in lengths
        ):
            raise Malformed(400, "`content-length` must be a unique integer")
        encodings = self.headers.get_all("transfer-encoding", [])
        if encodings and (
            ",".join(encodings).lower() != "chunked" or self.request_version == "HTTP/1.0"
        ):
            raise Malformed(400, "`transfer-encoding` must be `chunked`, in HTTP/1.1")
        self.unread = "chunked" if encodings else int(lengths[0]) if lengths else None
        options = {
            option.strip().lower()
            for option in ",".join(self.headers.get_all("connection", [])).split(",")
        }
        # With both a length and chunks, a proxy may disagree on the end of the body.
        self.keep_alive = (
            self.request_version == "HTTP/1.1"
            and "close" not in options
            and not (encodings and lengths)
        )
        if self.unread in (None, 0):
            self.close_connection = not self.keep_alive

    def read_body(self, limit):
        """Reads a body with a declared length of at most `limit` bytes."""
        if self.unread is None:
            self.close_connection = True  # the following bytes may be a body
            raise Malformed(411, "a request with a body must have a `content-length` or be chunked")
        too_large = Malformed(413, f"a body must have at most {limit} bytes")
        if self.unread != "chunked" and self.unread > limit:
            raise too_large
        if (
            self.headers.get("expect", "").lower() == "100-continue"
            and self.request_version == "HTTP/1.1"
        ):
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = bytearray()
        if self.unread == "chunked":
            while size := self.read_chunk_size():
                if len(body) + size > limit:
                    raise too_large
                body += self.read_exactly(size)
                if self.read_exactly(2) != b"\r\n":
                    raise Malformed(400, "a chunk must have its declared size")
            while self.read_line() not in (b"\r\n", b"\n"):
                pass  # ignore trailers
        else:
            body += self.read_exactly(self.unread)
        self.unread = 0
        self.close_connection = not self.keep_alive
        return bytes(body)

    def read_chunk_size(self):
        size = CHUNK.fullmatch(self.read_line())
        if not size:
            raise Malformed(400, "a chunk must start with its size in hexadecimal digits")
        return int(size[1], 16)

    def read_exactly(self, length):
        found = self.rfile.read(length)
        if len(found) < length:
            raise Malformed(400, "the body is incomplete")
        return found

    def send(self, status, text="", content_type="text/plain; charset=utf-8", **headers):
        body = text.encode()
        self.connection.settimeout(self.timeout_seconds)
        self.request_version = "HTTP/1.1"  # otherwise a malformed request gets no status line
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if body:
            self.send_header("content-type", content_type)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        """Disables the log line per request."""


class BoundedServer(ThreadingHTTPServer):
    """A server with one thread per connection and at most `MAX_CONNECTIONS`; others wait to be
    accepted."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, handler):
        super().__init__(address, handler)
        self.permits = threading.BoundedSemaphore(MAX_CONNECTIONS)

    def process_request(self, request, client_address):
        self.permits.acquire()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self.permits.release()
            raise

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.permits.release()

    def handle_error(self, request, client_address):
        """Prints one line without the contents of the request."""
        print_line(f"connection closed after {sys.exc_info()[0].__name__}")


def print_line(line):
    """Prints a line. A closed output or one without Unicode is not an error."""
    try:
        encoding = sys.stdout.encoding or "ascii"
        print(line.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except (OSError, ValueError):
        pass
