"""An emulated AWS ends with the process that started it, and leaves no files."""

import os
import subprocess
import sys
import unittest
from pathlib import Path

# Interrupts the start of ministack. Prints its process id and its folder.
INTERRUPTED_START = """
import emulator

def interrupted(self):
    print(self.process.pid, self.folder.name, flush=True)
    raise KeyboardInterrupt

emulator.Emulator.responds = interrupted
emulator.Emulator()
"""


class AnEmulator(unittest.TestCase):
    def test_interrupted_start_leaves_nothing(self):
        done = subprocess.run(
            [sys.executable, "-c", INTERRUPTED_START],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parent,
        )
        self.assertIn("KeyboardInterrupt", done.stderr)
        process, folder = done.stdout.split()
        with self.assertRaises(ProcessLookupError):
            os.kill(int(process), 0)
        self.assertFalse(Path(folder).exists(), folder)


if __name__ == "__main__":
    unittest.main()
