// Package keysync has what a receiver of keysync's callbacks needs: verification, duplicates, order,
// the sender's public key set, and acknowledgements.
//
// Copy this folder. It needs Go 1.19 or later, and the standard library only.
package keysync

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// DefaultTolerance is the maximum difference between a callback's timestamp and the clock.
	DefaultTolerance = 300 * time.Second
	// MaxBody is the maximum size of a body in bytes; a typical callback has about 1,000.
	MaxBody = 64 * 1024
	// MaxHeader is the maximum size of each of the three headers in bytes.
	MaxHeader = 4096
)

// Rejected is the reason to reject a callback.
type Rejected struct {
	// Code is short and stable.
	Code    string
	message string
}

func (e *Rejected) Error() string { return e.message }

// Status returns the status of the response.
func (e *Rejected) Status() int {
	statuses := map[string]int{"too-old": 401, "too-new": 401, "signature": 401, "service": 403, "too-large": 413, "key-set": 503}
	if status, isKnown := statuses[e.Code]; isKnown {
		return status
	}
	return http.StatusBadRequest
}

func rejected(code, format string, values ...any) error {
	return &Rejected{Code: code, message: fmt.Sprintf(format, values...)}
}

// Keys are the sender's public keys: a KeySet, or FixedKeys.
type Keys interface {
	current(now time.Time) ([]ed25519.PublicKey, error)
	// newer returns keys that are newer than the known ones, after another fetch if one is due.
	newer(now time.Time, known []ed25519.PublicKey) []ed25519.PublicKey
}

type fixedKeys []ed25519.PublicKey

func (k fixedKeys) current(time.Time) ([]ed25519.PublicKey, error) { return k, nil }

func (k fixedKeys) newer(time.Time, []ed25519.PublicKey) []ed25519.PublicKey { return nil }

// FixedKeys parses configured keys (`whpk_…`); configure both during a key rotation. The error is an
// InvalidKey.
func FixedKeys(keys ...string) (Keys, error) {
	found, err := publicKeys(keys)
	return fixedKeys(found), err
}

// FromJWKS uses the keys of a key set that you fetched yourself. A KeySet follows a published one.
func FromJWKS(document []byte) (Keys, error) {
	found, err := parseKeySet(document)
	return fixedKeys(found), err
}

// Verifier verifies callbacks for one service. It may be used concurrently.
type Verifier struct {
	service string
	keys    Keys
	// Tolerance is the maximum difference between a callback's timestamp and the clock.
	Tolerance time.Duration
}

// NewVerifier returns a verifier for a service, by its name in CRNs, such as `cloud-object-storage`.
func NewVerifier(service string, keys Keys) (*Verifier, error) {
	if service == "" {
		return nil, errors.New("the service is required: its name in CRNs, such as `cloud-object-storage`")
	}
	return &Verifier{service: service, keys: keys, Tolerance: DefaultTolerance}, nil
}

// Verify verifies that a callback is from the sender, for this service, unchanged and recent. The
// error is a Rejected.
//
// `body` must be the bytes as received: the signature covers them, and reserialized JSON has different
// bytes.
func (v *Verifier) Verify(headers http.Header, body []byte, now time.Time) (*Notification, error) {
	if len(body) > MaxBody {
		return nil, rejected("too-large", "the body must have at most %d bytes: got %d", MaxBody, len(body))
	}
	values := map[string]string{}
	for _, part := range []string{"id", "timestamp", "signature"} {
		value, err := header(headers, "webhook-"+part)
		if err != nil {
			return nil, err
		}
		values[part] = value
	}
	if err := v.checkTimestamp(values["timestamp"], now); err != nil {
		return nil, err
	}
	candidates := signatures(values["signature"])
	if len(candidates) == 0 {
		return nil, rejected("no-signature", "`webhook-signature` must contain a `v1a` signature, which is `v1a,` followed by the base64 of 64 "+
			"bytes (`v1` signatures with a shared secret are not supported)")
	}
	signed := append([]byte(values["id"]+"."+values["timestamp"]+"."), body...)
	isSigned, err := v.isSigned(signed, candidates, now)
	if err != nil {
		return nil, err
	}
	if !isSigned {
		return nil, rejected("signature", "no signature is valid for this body and the configured keys: the body was changed (pass the bytes as "+
			"received), the sender signs with a new key, or the callback is forged")
	}
	return parseEvent(body, values["id"], v.service)
}

func (v *Verifier) checkTimestamp(timestamp string, now time.Time) error {
	if len(timestamp) > 15 || !areDigits(timestamp) {
		return rejected("timestamp", "`webhook-timestamp` must be seconds since 1970, 1 to 15 digits: got %s", short(timestamp))
	}
	signedAt, _ := strconv.ParseInt(timestamp, 10, 64)
	age, tolerance := float64(now.UnixMilli())/1000-float64(signedAt), v.Tolerance.Seconds()
	if age > tolerance {
		return rejected("too-old", "signed %.0f s ago, at most %.0f s are allowed: the callback was replayed, or this machine's clock is ahead "+
			"and must be corrected", math.Ceil(age), tolerance)
	}
	if age < -tolerance {
		return rejected("too-new", "signed %.0f s in the future, at most %.0f s are allowed: this machine's clock is behind, or the sender's "+
			"clock is ahead", math.Ceil(-age), tolerance)
	}
	return nil
}

func (v *Verifier) isSigned(signed []byte, candidates [][]byte, now time.Time) (bool, error) {
	keys, err := v.keys.current(now)
	if err != nil {
		return false, err
	}
	return isSignedBy(keys, signed, candidates) || isSignedBy(v.keys.newer(now, keys), signed, candidates), nil
}

func isSignedBy(keys []ed25519.PublicKey, signed []byte, candidates [][]byte) bool {
	for _, key := range keys {
		for _, candidate := range candidates {
			if ed25519.Verify(key, signed, candidate) {
				return true
			}
		}
	}
	return false
}

// header returns the value of a header, which must be unique: with two values, parsers could disagree
// on which one counts.
func header(headers http.Header, name string) (string, error) {
	values := headers.Values(name)
	if len(values) == 0 {
		return "", rejected("header", "the `%s` header is missing: check whether a proxy drops it", name)
	}
	if len(values) > 1 {
		return "", rejected("header", "the `%s` header must be unique: got %d values", name, len(values))
	}
	value := values[0]
	isPrintable := strings.IndexFunc(value, func(letter rune) bool { return letter < ' ' || letter > '~' }) < 0
	if value == "" || len(value) > MaxHeader || !isPrintable {
		return "", rejected("header", "the `%s` header must be 1 to %d characters of printable ASCII", name, MaxHeader)
	}
	return value, nil
}

// signatures returns the bytes of each `v1a,<base64>`.
func signatures(value string) [][]byte {
	var found [][]byte
	for _, part := range strings.Split(value, " ") {
		if !strings.HasPrefix(part, "v1a,") {
			continue
		}
		if raw := fromBase64(base64.StdEncoding, part[len("v1a,"):]); len(raw) == ed25519.SignatureSize {
			found = append(found, raw)
		}
	}
	return found
}

// short returns the start of a value, escaped to one line of ASCII, for messages.
func short(value string) string {
	if letters := []rune(value); len(letters) > 64 {
		value = string(letters[:64]) + "..."
	}
	return strconv.QuoteToASCII(value)
}
