"""The code in docs/how-to/receive-notifications.md in JavaScript, Go and Java runs as it is
written, and the types of the kit in JavaScript fit.
"""

import json
import os
import pathlib
import subprocess

import pytest

from kits import BUILT, EXAMPLES, KITS, ROOT

TYPESCRIPT = pathlib.Path(
    os.environ.get("KEYSYNC_TYPESCRIPT", ROOT / "target" / "typescript@5.9.3")
)
GUIDE = (ROOT / "docs" / "how-to" / "receive-notifications.md").read_text(encoding="utf-8")
GOLDEN = json.loads((ROOT / "harness" / "receiver" / "vectors.json").read_text(encoding="utf-8"))[
    "vectors"
][0]

GO_TEST = """package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"keysync.example/receiver/keysync"
)

%s
func TestExample(t *testing.T) {
	handler, err := newReceiver("cloud-object-storage", %s)
	if err != nil {
		t.Fatal(err)
	}
	handler.verifier.Tolerance = 1 << 62
	request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(%s))
	for name, value := range map[string]string{%s} {
		request.Header.Set(name, value)
	}
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, request)
	fmt.Println("respond", response.Code)
}
"""

JAVA = """
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import keysync.Keysync.*;

public class Main {
    public static void main(String[] arguments) {
        var headers = Map.of(%s);
        var body = %s.getBytes(StandardCharsets.UTF_8);
        var example = new Example("cloud-object-storage", List.of(%s));
        System.out.println("respond " + example.respond(headers, body, Instant.ofEpochSecond(%d)));
    }
}

%s
"""


def block(language):
    (code,) = (block.partition("```")[0] for block in GUIDE.split(f"```{language}\n")[1:])
    return code


def output(command, folder, **environment):
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def literal(text):
    return json.dumps(text)


@pytest.mark.skipif("javascript" not in KITS, reason="Node is missing")
def test_documented_javascript_runs():
    found = output(["node", "--input-type=module", "-e", block("js")], ROOT)
    assert found == "close or open 12 resources\nrespond 204\n"


@pytest.mark.skipif("go" not in KITS, reason="Go is missing")
def test_documented_go_runs(tmp_path):
    headers = ", ".join(
        f"{literal(name)}: {literal(value)}" for name, value in GOLDEN["headers"].items()
    )
    code = GO_TEST % (
        block("go"),
        literal(GOLDEN["publicKeys"][0]),
        literal(GOLDEN["body"]),
        headers,
    )
    (tmp_path / "example_test.go").write_text(code, encoding="utf-8")
    module = "module example\ngo 1.19\nrequire keysync.example/receiver v0.0.0\n"
    module += f"replace keysync.example/receiver => {EXAMPLES / 'receiver-go'}\n"
    (tmp_path / "go.mod").write_text(module, encoding="utf-8")
    found = output(
        ["go", "test", "-v", "."],
        tmp_path,
        GOTOOLCHAIN="local",
        GOPROXY="off",
        GOCACHE=str(BUILT / "go-cache"),
    )
    assert "close or open 12 resources\nrespond 204\n" in found


@pytest.mark.skipif("java" not in KITS, reason="the JDK is missing")
def test_documented_java_runs(tmp_path):
    headers = ", ".join(
        f"{literal(name)}, List.of({literal(value)})" for name, value in GOLDEN["headers"].items()
    )
    code = JAVA % (
        headers,
        literal(GOLDEN["body"]),
        literal(GOLDEN["publicKeys"][0]),
        GOLDEN["now"],
        block("java"),
    )
    source = pathlib.Path(tmp_path / "Main.java")
    source.write_text(code, encoding="utf-8")
    assert (
        output(["java", "-cp", BUILT / "java", source], tmp_path)
        == "close or open 12 resources\nrespond 204\n"
    )


@pytest.mark.skipif(not TYPESCRIPT.is_dir(), reason="TypeScript is not installed")
def test_declared_types_fit_receiver_in_typescript():
    options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022"]
    found = subprocess.run(
        [
            "node",
            TYPESCRIPT / "lib" / "tsc.js",
            *options,
            pathlib.Path(__file__).with_name("types.mts"),
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout
