"""keysync and its emulated environment on this machine, for tests in Python.

`Harness` starts the command `harness`, which this package contains, and controls it. With pytest,
use the fixtures of `keysync_harness.pytest_plugin`, an entry point that pytest loads.
"""

from .connection import HarnessFailed
from .control import Control
from .harness import Harness, find_command
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
    LifecycleAction,
    Message,
    Part,
    RecordedRequest,
    Recording,
    Replay,
    Replayed,
    Resource,
    Role,
    ServiceState,
)

__all__ = [
    "Behaviour",
    "Callback",
    "Condition",
    "Control",
    "DeadLetter",
    "DynamoDbFault",
    "Exchange",
    "FunctionName",
    "Harness",
    "HarnessFailed",
    "Health",
    "Identity",
    "Info",
    "Key",
    "LifecycleAction",
    "Message",
    "Part",
    "RecordedRequest",
    "Recording",
    "Replay",
    "Replayed",
    "Resource",
    "Role",
    "ServiceState",
    "find_command",
]
