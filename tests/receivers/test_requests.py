"""The example services with raw requests to their sockets: `requests` of the test vectors.

The HTTP server of a language decides what becomes of a malformed request, so only valid and
unauthentic ones have exact statuses here. (The services in Rust and Python have servers of their
own, and exact tests.)
"""

import re
import socket

import pytest

from kits import KITS
from mutations import DOCUMENT, GOLDEN
from services import TIMEOUT, Receiver, public_key

# Valid requests that the HTTP server of a language rejects, with the statuses that it responds
# with.
UNSUPPORTED = {
    ("go", "line-before-the-request"): [400],
    ("java", "chunked-with-extension-and-trailer"): [400],
}
HUNDRED_YEARS = 100 * 365 * 24 * 60 * 60


def statuses(port, parts):
    """The statuses of the responses to the parts of a request."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
        try:
            for part in parts:
                text = part if isinstance(part, str) else part["repeat"] * part["times"]
                connection.sendall(text.encode("latin-1"))
            connection.shutdown(socket.SHUT_WR)
            while some := connection.recv(65536):
                received += some
        except OSError:
            pass  # the service closed the connection before it had read everything
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]


def is_as_expected(kit, vector, found):
    if (kit, vector["name"]) in UNSUPPORTED:
        return found == UNSUPPORTED[kit, vector["name"]]
    if vector["group"] in ("valid", "unauthentic"):
        return len(found) == len(vector["statuses"]) and all(
            one == wanted or (isinstance(wanted, list) and one in wanted)
            for one, wanted in zip(found, vector["statuses"], strict=True)
        )
    return all(status < 500 or status in (501, 505) for status in found)


@pytest.mark.parametrize("kit", KITS)
def test_raw_requests_get_a_response(kit):
    with Receiver(kit, public_keys=public_key("current"), tolerance=HUNDRED_YEARS) as receiver:
        found = [
            (vector, statuses(receiver.port, vector["send"])) for vector in DOCUMENT["requests"]
        ]
        wrong = [
            f"{vector['name']}: {got}, expected {vector['statuses']}"
            for vector, got in found
            if not is_as_expected(kit, vector, got)
        ]
        assert not wrong, "\n".join(wrong)
        assert receiver.effects() == [GOLDEN["headers"]["webhook-id"]]
