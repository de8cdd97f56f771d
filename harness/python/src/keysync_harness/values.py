"""What the control API accepts and returns.

Results are immutable. Fields that a later harness adds are ignored.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypedDict, TypeVar

Role = Literal["reader", "reader-plus", "writer", "manager", "key-purge"]
FunctionName = Literal["sync", "lifecycle", "redeliver"]
LifecycleAction = Literal["create", "rotate", "delete", "restore", "enable", "disable"]
#: A part of the harness that receives requests.
Part = Literal["endpoint", "iam", "services"]


class Millis(TypedDict):
    """A duration in ms."""

    millis: int


class Slow(TypedDict):
    """IAM responds after a delay."""

    slow: Millis


Health = Literal["up", "down"] | Slow


class _RetryAfter(TypedDict, total=False):
    retry_after: int


class Response(_RetryAfter):
    """The status of a response, and its `retry-after` in seconds."""

    status: int


class Respond(TypedDict):
    """The service responds with a status and does not act."""

    respond: Response


class Delay(TypedDict):
    """A delay: of a service's response, or of a call to DynamoDB."""

    delay: Millis


class Target(TypedDict):
    """The address of a redirect."""

    to: str


class Redirect(TypedDict):
    """The service responds with 307, which keysync never follows."""

    redirect: Target


class Share(TypedDict):
    """A share of the callbacks in percent, drawn from a seed."""

    percent: int
    seed: int


class Flaky(TypedDict):
    """The service responds with 503 to a share of the callbacks."""

    flaky: Share


#: What a service does with a callback.
Behaviour = (
    Literal["act", "ack-without-acting", "hang", "reset", "act-then-reset", "truncate-body"]
    | Respond
    | Delay
    | Redirect
    | Flaky
)


class Condition(TypedDict, total=False):
    """Selects callbacks: by the id of the key, by the lifecycle action that they are about, and by
    whether they come from a sync. Without a field, all of them."""

    key: str
    event_type: LifecycleAction
    renotification: bool


ApplyLate = TypedDict("ApplyLate", {"apply-late": Millis})

#: What happens to a function's call to DynamoDB.
DynamoDbFault = (
    Literal["throttle", "conflict", "fail", "fail-after", "cut", "lose-response"]
    | Delay
    | ApplyLate
)


class RecordedRequest(TypedDict):
    """A request of a recording, with the status and the ids of its response. `after_millis` is the
    time since the request before, by the harness's clock."""

    after_millis: int
    method: str
    path: str
    headers: dict[str, str]
    body: str
    status: int
    ids: list[str]


class Recording(TypedDict):
    """The requests of a client's run, as JSON that can be stored. It has no token."""

    format: int
    requests: list[RecordedRequest]


@dataclass(frozen=True)
class Info:
    """Addresses, instance and API keys of a harness."""

    endpoint: str
    iam: str
    dynamodb: str
    control: str
    console: str
    services: str
    function: str
    api_key: str = field(repr=False)
    reader_api_key: str = field(repr=False)
    instance_id: str
    region: str
    account: str
    callback_public_key: str
    root_key_id: str
    standard_key_id: str


@dataclass(frozen=True)
class Identity:
    """An identity: its access token is valid for an hour."""

    access_token: str = field(repr=False)
    api_key: str = field(repr=False)


@dataclass(frozen=True)
class Key:
    """A key and its notifications. `state` is 1 active, 2 suspended, 3 deactivated, 5 destroyed.

    `notified_at` and `sync_from` are RFC 3339; `sync_from` is None if a sync succeeds now.
    """

    id: str
    name: str | None
    type: Literal["root", "standard"]
    state: int
    last_action: str
    sequence: int
    notified_at: str | None
    sync_from: str | None
    protects: list[str]
    pending: list[str]


@dataclass(frozen=True)
class Resource:
    """A resource of an emulated service, and whether it is accessible."""

    crn: str
    key_id: str
    accessible: bool


@dataclass(frozen=True)
class ServiceState:
    """An emulated service: its resources by name, and the number of stored callbacks."""

    name: str
    resources: dict[str, Resource]
    callbacks: int


@dataclass(frozen=True)
class Callback:
    """A callback that an emulated service received. `at` is in ms since the Unix epoch.

    `verdict` is `acted`, `repeated`, `stale`, `ignored` or `{"rejected": "…"}`.
    """

    at: int
    headers: dict[str, str]
    body: str
    verdict: str | dict[str, str]

    @property
    def event(self) -> dict[str, Any]:
        """The CloudEvent in the body."""
        event: dict[str, Any] = json.loads(self.body)
        return event


@dataclass(frozen=True)
class DeadLetter:
    """A malformed event, and why it is malformed."""

    event: Any
    reason: str


@dataclass(frozen=True)
class Message:
    """The headers and the start of the body of a request or response. Secrets are masked, unless
    they are asked for."""

    headers: dict[str, str]
    body: str
    body_bytes: int


@dataclass(frozen=True)
class Exchange:
    """A request that a part of the harness received. `status`, `millis` and `response` are None if
    there was no response."""

    number: int
    at: int
    to: str
    method: str
    path: str
    status: int | None
    millis: int | None
    request: Message
    response: Message | None


@dataclass(frozen=True)
class Replayed:
    """A replayed request: method and path, the recorded status and the present one."""

    request: str
    recorded: int
    status: int

    def __str__(self) -> str:
        return f"{self.request}: {self.status}, recorded {self.recorded}"


@dataclass(frozen=True)
class Replay:
    """The result of a replay."""

    requests: list[Replayed]

    @property
    def differences(self) -> list[Replayed]:
        """The requests whose status differs from the recorded one."""
        return [request for request in self.requests if request.status != request.recorded]

    def assert_same(self) -> None:
        """Fails if a request did not have the recorded status, with all of those."""
        differences = [str(request) for request in self.differences]
        if differences:
            raise AssertionError("\n".join(["the replay differs:", *differences]))


Value = TypeVar("Value")


def parse(kind: type[Value], value: Mapping[str, Any]) -> Value:
    """A value of one of these classes from JSON."""
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: part for name, part in value.items() if name in known})
