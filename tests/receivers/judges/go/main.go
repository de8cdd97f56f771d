// The verdict of the receiver kit in Go on each callback of standard input; kits.py describes the lines.
package main

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"keysync.example/receiver/keysync"
)

func decode(text string) []byte {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return raw
}

func keys(source string) (keysync.Keys, error) {
	kind, values, _ := strings.Cut(source, "=")
	if kind == "set" {
		return keysync.FromJWKS(decode(values))
	}
	var found []string
	for _, key := range strings.Split(values, ",") {
		if key != "" {
			found = append(found, string(decode(key[1:])))
		}
	}
	return keysync.FixedKeys(found...)
}

func judge(line string) (*keysync.Notification, error) {
	parts := strings.Split(line, " ")
	found, err := keys(parts[0])
	if err != nil {
		return nil, err
	}
	now, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		panic(err)
	}
	verifier, err := keysync.NewVerifier(string(decode(parts[2])), found)
	if err != nil {
		panic(err)
	}
	headers := http.Header{}
	for _, pair := range strings.Split(parts[4], ",") {
		if name, value, isPair := strings.Cut(pair, ":"); isPair {
			headers.Add(string(decode(name)), string(decode(value)))
		}
	}
	return verifier.Verify(headers, decode(parts[3][1:]), time.UnixMilli(now))
}

func verdict(line string) string {
	found, err := judge(line)
	var rejected *keysync.Rejected
	var invalid *keysync.InvalidKey
	switch {
	case err == nil:
		encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
		return fmt.Sprintf("accepted %s %s %s %d %d %t %d", encode(found.EventID), encode(found.KeyID), encode(found.Action),
			found.Sequence, found.KeyState, found.Renotification, found.ResourceCount)
	case errors.As(err, &rejected):
		return fmt.Sprintf("rejected %s %d", rejected.Code, rejected.Status())
	case errors.As(err, &invalid):
		return fmt.Sprintf("invalid %s %d", invalid.Code, invalid.Place)
	}
	panic(err)
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		fmt.Println(verdict(lines.Text()))
	}
}
