"""A client of the control API: keys, services, identities, the clock and faults of a harness."""

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

from .values import (
    Behaviour,
    Callback,
    DeadLetter,
    DynamoDbFault,
    Exchange,
    FunctionName,
    Health,
    Identity,
    Info,
    Key,
    Message,
    Resource,
    Role,
    ServiceState,
    parse,
)

#: Timeout for a request in seconds. The longest wait of the control API is 1 min.
REQUEST_TIMEOUT = 90

#: A duration, or its text such as `61m` or `1h 30m`.
Duration = str | timedelta


class HarnessFailed(Exception):
    """The harness does not start, has exited, or rejects a request. The message has the reason."""


class Control:
    """The control API of a running harness, by its URL: the field `control` of `Info`."""

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

    def read_info(self) -> Info:
        """Reads addresses, instance and API keys."""
        return parse(Info, self.request("GET", ""))

    def reset(self) -> Info:
        """Resets keys, services and faults, but not the clock. Addresses and API keys stay."""
        return parse(Info, self.request("POST", "/reset"))

    def advance_clock(self, duration: Duration) -> None:
        """Advances the clock, such as by `61m`. Do so while no request is in flight."""
        self.request("POST", "/time", {"advance": _text(duration)})

    def redeliver(self) -> dict[str, Any]:
        """Runs the function `redeliver` once, as the schedule does every minute."""
        result: dict[str, Any] = self.request("POST", "/redeliver")
        return result

    def dead_letters(self) -> list[DeadLetter]:
        """The malformed events in the dead-letter queue, oldest first."""
        return [parse(DeadLetter, one) for one in self.request("GET", "/dead-letters")]

    def requests(self, **query: str | int) -> list[Exchange]:
        """The requests that endpoint, IAM and services received, oldest first. `query` selects some
        of them by `to`, `method`, `path`, `header` (`name:value`) or `status`.
        """
        found = self.request("GET", "/requests", query=query)
        return [_exchange(one) for one in found]

    def forget_requests(self) -> None:
        """Deletes the stored requests."""
        self.request("DELETE", "/requests")

    # Keys

    def keys(self) -> list[Key]:
        """All keys that are not purged, oldest first."""
        return [parse(Key, one) for one in self.request("GET", "/keys")]

    def key(self, id: str) -> Key:
        """A key."""
        return parse(Key, self.request("GET", f"/keys/{_segment(id)}"))

    def create_key(
        self,
        name: str,
        protects: Iterable[str | tuple[str, str]] = (),
        alias: str | None = None,
        standard: bool = False,
    ) -> Key:
        """Creates a root key that protects resources: services by CRN service name, or pairs of a
        service and a resource's name."""
        pairs = [
            (one, f"{name}-{one}") if isinstance(one, str) else (one[0], one[1]) for one in protects
        ]
        resources = [{"service": service, "resource": resource} for service, resource in pairs]
        body = {"name": name, "protects": resources, "standard": standard, "alias": alias}
        return parse(Key, self.request("POST", "/keys", body))

    def register(self, key: str, service: str, resource: str) -> str:
        """Registers a resource under a key, as the service would. Returns its CRN."""
        body = {"service": service, "resource": resource}
        result = self.request("POST", f"/keys/{_segment(key)}/registrations", body)
        crn: str = result["resource_crn"]
        return crn

    # Services

    def services(self) -> list[ServiceState]:
        """The emulated services."""
        return [_service_state(one) for one in self.request("GET", "/services")]

    def service(self, name: str) -> ServiceState:
        """An emulated service, by its CRN service name."""
        return _service_state(self.request("GET", f"/services/{_segment(name)}"))

    def set_behaviour(self, service: str, behaviour: Behaviour, times: int | None = None) -> None:
        """Sets what a service does with the next callbacks, or with all without `times`."""
        body = _without_none({"behaviour": behaviour, "times": times})
        self.request("PUT", f"/services/{_segment(service)}/behaviour", body)

    def callbacks(
        self,
        service: str,
        key: str | None = None,
        at_least: int | None = None,
        within: Duration | None = None,
    ) -> list[Callback]:
        """The callbacks that a service received, oldest first, of any key without `key`.

        With `at_least`, waits until there are that many, for `within` (5 s by default).
        """
        limit = None if within is None else _text(within)
        query = {"key": key, "at_least": at_least, "within": limit}
        result = self.request("GET", f"/services/{_segment(service)}/callbacks", query=query)
        return [parse(Callback, one) for one in result["callbacks"]]

    def events(self, service: str, key: str) -> list[dict[str, Any]]:
        """The CloudEvents about a key that a service received, oldest first."""
        return [callback.event for callback in self.callbacks(service, key)]

    def forget_callbacks(self, service: str) -> None:
        """Deletes the stored callbacks of a service."""
        self.request("DELETE", f"/services/{_segment(service)}/callbacks")

    # IAM

    def create_identity(self, *roles: Role) -> Identity:
        """Creates an identity with roles in the instance. Without roles, it may do nothing."""
        return parse(Identity, self.request("POST", "/iam/tokens", {"roles": roles}))

    def set_iam_health(self, health: Health) -> None:
        """Sets the health of IAM."""
        self.request("PUT", "/iam/health", {"health": health})

    def set_iam_issuer(self, issuer: str) -> None:
        """Sets the issuer (`iss`) of new tokens."""
        self.request("PUT", "/iam/issuer", {"issuer": issuer})

    def set_iam_clock_ahead(self, ahead: Duration) -> None:
        """Sets how far the clock of new tokens is ahead."""
        self.request("PUT", "/iam/clock", {"ahead": _text(ahead)})

    def rotate_iam_key(self, withdraw: bool = False) -> None:
        """Signs new tokens with a new key. With `withdraw`, old tokens become invalid."""
        self.request("POST", "/iam/rotate", {"withdraw": withdraw})

    # DynamoDB

    def inject_dynamodb_fault(
        self,
        fault: DynamoDbFault,
        times: int | None = None,
        function: FunctionName = "sync",
        operation: str | None = None,
    ) -> None:
        """Makes a function's next calls to DynamoDB fail; all of them without `times`, and of any
        operation without `operation`."""
        body = {"function": function, "fault": fault, "times": times, "operation": operation}
        self.request("POST", "/dynamodb/faults", _without_none(body))

    def clear_dynamodb_faults(self) -> None:
        """Clears all DynamoDB faults."""
        self.request("DELETE", "/dynamodb/faults")


def _exchange(value: dict[str, Any]) -> Exchange:
    response = value["response"] and parse(Message, value["response"])
    request = parse(Message, value["request"])
    return parse(Exchange, {**value, "request": request, "response": response})


def _service_state(value: dict[str, Any]) -> ServiceState:
    resources = {name: parse(Resource, one) for name, one in value["resources"].items()}
    return parse(ServiceState, {**value, "resources": resources})


def _segment(name: str) -> str:
    return quote(name, safe="")


def _text(duration: Duration) -> str:
    if isinstance(duration, str):
        return duration
    return f"{duration // timedelta(milliseconds=1)}ms"


def _without_none(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}
