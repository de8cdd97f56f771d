"""A client of the control API: keys, services, identities, the clock, faults, requests, recordings
and snapshots of a harness."""

import json
from collections.abc import Iterable
from datetime import timedelta
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .connection import Connection
from .values import (
    Behaviour,
    Callback,
    Condition,
    DeadLetter,
    DynamoDbFault,
    Exchange,
    FunctionName,
    Health,
    Identity,
    Info,
    Key,
    Message,
    Part,
    Recording,
    Replay,
    Replayed,
    Resource,
    Role,
    ServiceState,
    parse,
)

#: A duration, or its text such as `61m` or `1h 30m`.
Duration = str | timedelta


class Control(Connection):
    """The control API of a running harness, by its URL: the field `control` of `Info`."""

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

    def set_redeliver_schedule(self, every: Duration | None) -> None:
        """Runs the function `redeliver` at this interval of real time from now on; None ends the
        schedule. A reset restores that of the start."""
        body = {"every": None if every is None else _text(every)}
        self.request("PUT", "/redeliver/schedule", body)

    def rotate_signing_key(self, withdraw: bool = False) -> list[str]:
        """Signs callbacks with a new key beside the old one; then, with `withdraw`, with the new
        one only. Returns the public keys, newest last."""
        result = self.request("POST", "/signing-key/rotate", {"withdraw": withdraw})
        public_keys: list[str] = result["public_keys"]
        return public_keys

    def dead_letters(self) -> list[DeadLetter]:
        """The malformed events in the dead-letter queue, oldest first."""
        return [parse(DeadLetter, one) for one in self.request("GET", "/dead-letters")]

    # Requests

    def requests(
        self,
        *,
        to: Part | None = None,
        method: str | None = None,
        path: str | None = None,
        header: tuple[str, str] | None = None,
        status: int | None = None,
        last: int | None = None,
        skip: int | None = None,
        secrets: bool = False,
    ) -> list[Exchange]:
        """The requests that endpoint, IAM and services received, oldest first.

        Selects those to a part, with a method, a text in path or query, a header's name and value,
        and the status of the response. Of those, `last` selects the newest ones, this many, after
        the newest that `skip` leaves out. Without `secrets`, tokens and API keys are masked.
        """
        query = _filter(to, method, path, header, status)
        shown = "true" if secrets else None
        newest = {"last": last, "skip": skip, "secrets": shown}
        found = self.request("GET", "/requests", query={**query, **newest})
        return [_exchange(one) for one in found]

    def count_requests(
        self,
        *,
        to: Part | None = None,
        method: str | None = None,
        path: str | None = None,
        header: tuple[str, str] | None = None,
        status: int | None = None,
    ) -> int:
        """The number of requests that meet these conditions, as those of `requests`."""
        query = _filter(to, method, path, header, status)
        count: int = self.request("GET", "/requests/count", query=query)["count"]
        return count

    def forget_requests(self) -> None:
        """Deletes the stored requests."""
        self.request("DELETE", "/requests")

    def recording(self) -> Recording:
        """The requests that the endpoint received since the start or the last reset, to send them
        again. It is JSON that can be stored."""
        recording: Recording = self.request("GET", "/recording")
        return recording

    def replay(self, recording: Recording) -> Replay:
        """Sends the requests of a recording in order, as the Manager, and advances the clock by the
        gaps between them."""
        result = self.request("POST", "/recording/replay", recording)
        return Replay([parse(Replayed, one) for one in result["requests"]])

    # Snapshots

    def snapshots(self) -> list[str]:
        """The names of the snapshots."""
        names: list[str] = self.request("GET", "/snapshots")
        return names

    def save_snapshot(self, name: str) -> None:
        """Saves the whole state under a name. Do so while no request is in flight."""
        self.request("POST", f"/snapshots/{_segment(name)}")

    def load_snapshot(self, name: str) -> None:
        """Resets the harness, and restores the state of a snapshot. All instants move to the
        present."""
        self.request("POST", f"/snapshots/{_segment(name)}/load")

    def export_snapshot(self, name: str, file: str | PathLike[str]) -> None:
        """Writes a snapshot to a file, to share it."""
        snapshot = self.request("GET", f"/snapshots/{_segment(name)}")
        Path(file).write_text(json.dumps(snapshot), encoding="utf-8")

    def import_snapshot(self, name: str, file: str | PathLike[str]) -> None:
        """Reads a snapshot of this or another harness from a file, and stores it under a name."""
        snapshot = json.loads(Path(file).read_text(encoding="utf-8"))
        self.request("PUT", f"/snapshots/{_segment(name)}", snapshot)

    def delete_snapshot(self, name: str) -> None:
        """Deletes a snapshot."""
        self.request("DELETE", f"/snapshots/{_segment(name)}")

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

    def set_behaviour(
        self,
        service: str,
        behaviour: Behaviour,
        times: int | None = None,
        when: Condition | None = None,
    ) -> None:
        """Sets what a service does with the next callbacks, or with all without `times`; with
        `when`, only with callbacks that meet the condition."""
        body = _without_none({"behaviour": behaviour, "times": times, "when": when})
        self.request("PUT", f"/services/{_segment(service)}/behaviour", body)

    def set_behaviours_in_turn(self, service: str, behaviours: Iterable[Behaviour]) -> None:
        """Sets what a service does with the next callbacks, one behaviour for each."""
        body = {"in_turn": list(behaviours)}
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


def _filter(
    to: Part | None,
    method: str | None,
    path: str | None,
    header: tuple[str, str] | None,
    status: int | None,
) -> dict[str, str | int | None]:
    named = header and ":".join(header)
    return {"to": to, "method": method, "path": path, "header": named, "status": status}


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
