"""Requests to the control API of a harness."""

import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

#: Timeout for a request in seconds. The longest wait of the control API is 1 min.
REQUEST_TIMEOUT = 90


class HarnessFailed(Exception):
    """The harness does not start, has exited, or rejects a request. The message has the reason."""


class Connection:
    """A connection to the control API of a harness, by its URL: the field `control` of `Info`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opener = build_opener(ProxyHandler({}))  # no proxy for local requests

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str | int | None] | None = None,
    ) -> Any:
        """Sends a request. Returns the JSON of the response, or None without a body.

        For operations without a method here; `GET /_harness/openapi.json` describes all of them.
        """
        given = {name: value for name, value in (query or {}).items() if value is not None}
        url = self._url + path + (f"?{urlencode(given)}" if given else "")
        data = None if body is None else json.dumps(body).encode()
        request = Request(url, data, {"content-type": "application/json"}, method=method)
        try:
            with self._opener.open(request, timeout=REQUEST_TIMEOUT) as response:
                text = response.read()
                if response.headers["keysync-harness"] is None:
                    raise HarnessFailed(f"{url} is not the control API of a harness")
        except HTTPError as error:
            with error:
                reason = error.read().decode(errors="replace")
            raise HarnessFailed(f"{method} {url}: {error.code} {reason[:1000]}") from None
        except (OSError, HTTPException) as error:
            raise HarnessFailed(
                f"{method} {url}: {error}; check that the harness is running"
            ) from error
        return json.loads(text) if text else None
