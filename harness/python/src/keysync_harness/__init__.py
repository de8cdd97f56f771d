"""keysync and its emulated environment on this machine, for tests in Python.

`Harness` starts the command `harness`, which this package contains, and controls it. With pytest,
use the fixtures of `keysync_harness.pytest_plugin`, an entry point that pytest loads.
"""

from .control import Control, HarnessFailed
from .harness import Harness, find_command
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
)

__all__ = [
    "Behaviour",
    "Callback",
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
    "Message",
    "Resource",
    "Role",
    "ServiceState",
    "find_command",
]
