package keysync

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// The tests of this package have a clock and a network of their own. tests/receivers has those with
// the test vectors and with running services.

type vector struct {
	PublicKeys []string          `json:"publicKeys"`
	Now        int64             `json:"now"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
}

func golden(t *testing.T) vector {
	t.Helper()
	document, err := os.ReadFile("../../../harness/receiver/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Vectors []json.RawMessage `json:"vectors"`
	}
	found := vector{}
	if err := json.Unmarshal(document, &vectors); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(vectors.Vectors[0], &found); err != nil {
		t.Fatal(err)
	}
	return found
}

func (v vector) at(seconds int64) time.Time { return time.Unix(v.Now+seconds, 0) }

func (v vector) code(verifier *Verifier, now time.Time) string {
	headers := http.Header{}
	for name, value := range v.Headers {
		headers.Set(name, value)
	}
	_, err := verifier.Verify(headers, []byte(v.Body), now)
	var rejected *Rejected
	if errors.As(err, &rejected) {
		return rejected.Code
	}
	return "accepted"
}

type transport func() (*http.Response, error)

func (t transport) RoundTrip(*http.Request) (*http.Response, error) { return t() }

const (
	known = `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
	other = `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"}]}`
)

func TestOldSetOrUnknownKeyCausesFetch(t *testing.T) {
	sample := golden(t)
	published, fetches := "", 0
	keys, err := NewKeySet("https://example.com/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	keys.Client = &http.Client{Transport: transport(func() (*http.Response, error) {
		fetches++
		if published == "" {
			return nil, errors.New("down")
		}
		return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(published))}, nil
	})}
	verifier, err := NewVerifier("cloud-object-storage", keys)
	if err != nil {
		t.Fatal(err)
	}
	verifier.Tolerance = 10_000 * time.Second
	for _, step := range []struct {
		publish string
		seconds int64
		code    string
		fetches int
	}{
		{"", 0, "key-set", 1},
		{other, 29, "key-set", 1},
		{other, 30, "signature", 2},
		{known, 59, "signature", 2},
		{known, 60, "accepted", 3},
		{known, 359, "accepted", 3},
		{"", 360, "accepted", 4},
		{"", 5000, "accepted", 5},
		{other, 0, "signature", 6}, // the age is unknown after the clock was set back
	} {
		published = step.publish
		if code := sample.code(verifier, sample.at(step.seconds)); code != step.code || fetches != step.fetches {
			t.Fatalf("after %d s: got %s after %d fetches, expected %s after %d", step.seconds, code, fetches, step.code, step.fetches)
		}
	}
}

func TestReplayGuardForgetsOldAndExcessIds(t *testing.T) {
	sample := golden(t)
	guard := NewReplayGuard(DefaultTolerance, 2)
	var found []bool
	for _, seconds := range []int64{0, 600, 601} {
		found = append(found, guard.IsNew("a", sample.at(seconds)))
	}
	for _, id := range []string{"b", "c", "c", "a"} {
		found = append(found, guard.IsNew(id, sample.at(601)))
	}
	guard.Forget("a")
	found = append(found, guard.IsNew("a", sample.at(601)))
	if expected := []bool{true, false, true, true, true, false, true, true}; !reflect.DeepEqual(found, expected) {
		t.Fatalf("got %v, expected %v", found, expected)
	}
}

func TestNewestStateWinsAndKeysAreBounded(t *testing.T) {
	latest := NewLatest(2)
	var found []Order
	for _, one := range []Notification{
		{KeyID: "a", Sequence: 8}, {KeyID: "a", Sequence: 7}, {KeyID: "a", Sequence: 8}, {KeyID: "a", Sequence: 10},
		{KeyID: "b", Sequence: 1}, {KeyID: "a", Sequence: 11}, {KeyID: "c", Sequence: 1},
	} {
		offered := one
		found = append(found, latest.Offer(&offered))
	}
	if expected := []Order{Newer, Stale, Repeated, Newer, Newer, Newer, Newer}; !reflect.DeepEqual(found, expected) {
		t.Fatalf("got %v, expected %v", found, expected)
	}
	if latest.Get("a").Sequence != 11 || latest.Get("b") != nil {
		t.Fatal("the key notified longest ago must be forgotten")
	}
}

func TestServiceIsRequired(t *testing.T) {
	keys, err := FixedKeys(golden(t).PublicKeys...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewVerifier("", keys); err == nil {
		t.Fatal("a verifier without a service must be an error")
	}
}

func TestAcknowledgementNeedsHTTPS(t *testing.T) {
	report := Acknowledgement{State: "DEK_DISABLED", At: time.Now()}
	err := Acknowledge("http://example.com", "token", &Notification{}, report)
	if err == nil || !strings.Contains(err.Error(), "must start with https") {
		t.Fatal(err)
	}
}
