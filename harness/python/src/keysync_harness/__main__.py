"""`python -m keysync_harness`: runs the command `harness`."""

import os
import sys

from .harness import find_command

command = find_command()
os.execv(command, [command, *sys.argv[1:]])
