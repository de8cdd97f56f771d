"""A harness as a process of a test run."""

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from .connection import HarnessFailed
from .control import Control
from .values import Info, parse

#: Names another build of the command `harness`.
HARNESS_BIN = "KEYSYNC_HARNESS_BIN"

#: Timeout for the start in seconds. A start takes less than one.
START_TIMEOUT = 60

#: Timeout for stopping in seconds.
STOP_TIMEOUT = 10

#: How long a harness that does not respond is expected to exit, in seconds.
EXIT_TIMEOUT = 1


def find_command() -> str:
    """The command `harness`: the one that `KEYSYNC_HARNESS_BIN` names, or that of this package."""
    named = os.environ.get(HARNESS_BIN)
    if named:
        return named
    name = "harness.exe" if sys.platform == "win32" else "harness"
    user = sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user"))
    # `pip install --target FOLDER` installs commands in `FOLDER/bin`.
    target = Path(__file__).resolve().parents[1] / "bin"
    for folder in (sysconfig.get_path("scripts"), user, target):
        command = Path(folder) / name
        if command.is_file():
            return str(command)
    raise HarnessFailed(
        f"the command `harness` is not installed in {sysconfig.get_path('scripts')}: install the "
        f"package keysync-harness again, or set {HARNESS_BIN} to the path of the command"
    )


class Harness(Control):
    """A running harness. Use it in a `with` statement, which stops it.

    `info` has its addresses, instance and API keys.
    """

    def __init__(self, *options: str, command: str | None = None) -> None:
        """Starts a harness with further options of `harness up`, such as
        `--service=billing=http://…`."""
        program = command or find_command()
        arguments = [program, "up", "--json", "--port", "0", "--until-eof", *options]
        self._log = tempfile.TemporaryFile("w+", errors="replace")
        try:
            # Its standard input closes when this process exits for any reason.
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                text=True,
            )
        except OSError as error:
            self._log.close()
            raise HarnessFailed(
                f"{program} cannot be started ({error}): set {HARNESS_BIN} to the path of the "
                "command `harness`"
            ) from error
        try:
            self.info = self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        super().__init__(self.info.control)

    def _wait_until_ready(self) -> Info:
        assert self._process.stdout
        timer = threading.Timer(START_TIMEOUT, self._process.kill)
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        try:
            return parse(Info, json.loads(line))
        except (ValueError, TypeError):
            self._process.kill()
            raise HarnessFailed(f"the harness did not start; {self._exit_message()}") from None

    def _exit_message(self) -> str:
        code = self._process.wait(STOP_TIMEOUT)
        self._log.seek(0)
        return f"it exited with {code} and printed:\n{self._log.read() or '(nothing)'}"

    @property
    def process_id(self) -> int:
        """The id of its process."""
        return self._process.pid

    def assert_running(self) -> None:
        """Raises HarnessFailed with its output if the harness has exited."""
        if self._process.poll() is not None:
            raise HarnessFailed(f"the harness is no longer running; {self._exit_message()}")

    def request(self, *arguments: Any, **named: Any) -> Any:
        """Sends a request, as `Control.request` does. If the harness has exited, the error has its
        output."""
        try:
            return super().request(*arguments, **named)
        except HarnessFailed as failure:
            if failure.__cause__:  # no response: the harness may be about to exit
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(EXIT_TIMEOUT)
                self.assert_running()
            raise

    def reset(self) -> Info:
        """Resets keys, services and faults, but not the clock. Addresses and API keys stay."""
        self.info = super().reset()
        return self.info

    def stop(self) -> None:
        """Stops the harness and all its processes."""
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream:
                stream.close()

    def __enter__(self) -> "Harness":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
