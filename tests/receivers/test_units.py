"""The tests of the kits in JavaScript, Go and Java that need a clock and a network of their own,
and of each kit's file in a folder of its own.
"""

import os
import shutil
import subprocess
import sys

import pytest

from kits import BUILT, EXAMPLES, KITS
from mutations import GOLDEN


def passes(command, folder, **environment):
    subprocess.run(command, cwd=folder, env=os.environ | environment, check=True)


@pytest.mark.skipif("javascript" not in KITS, reason="Node is missing")
def test_javascript_units_pass():
    passes(["node", "--test", "keysync.test.mjs"], EXAMPLES / "receiver-javascript")


@pytest.mark.skipif("go" not in KITS, reason="Go is missing")
def test_go_units_pass():
    passes(
        ["go", "test", "./..."],
        EXAMPLES / "receiver-go",
        GOTOOLCHAIN="local",
        GOPROXY="off",
        GOCACHE=str(BUILT / "go-cache"),
    )


@pytest.mark.skipif("java" not in KITS, reason="the JDK is missing")
def test_java_units_pass():
    headers = GOLDEN["headers"]
    golden = [
        headers["webhook-timestamp"],
        GOLDEN["body"],
        headers["webhook-id"],
        headers["webhook-signature"],
    ]
    passes(["java", "-cp", BUILT / "java", "keysync.KitTest", *golden], EXAMPLES)


# By kit: the file that users copy, and a command that uses it there. (Rust's kit is a crate.)
FILES = {
    "python": ("receiver/keysync.py", [sys.executable, "-c", "import keysync"]),
    "javascript": ("receiver-javascript/keysync.mjs", ["node", "-e", "import('./keysync.mjs')"]),
    "go": ("receiver-go/keysync/keysync.go", ["go", "vet", "keysync.go"]),
    "java": ("receiver-java/keysync/Keysync.java", ["javac", "-d", ".", "Keysync.java"]),
}


@pytest.mark.parametrize("kit", [kit for kit in KITS if kit in FILES])
def test_copied_file_needs_no_other(kit, tmp_path):
    file, command = FILES[kit]
    shutil.copy(EXAMPLES / file, tmp_path)
    passes(command, tmp_path, GOTOOLCHAIN="local", GOPROXY="off", GOCACHE=str(BUILT / "go-cache"))
