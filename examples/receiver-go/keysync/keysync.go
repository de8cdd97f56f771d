// Package keysync has what a receiver of keysync's callbacks needs: verification, duplicates, order,
// the sender's public key set, and acknowledgements.
//
// Copy this file. It needs Go 1.19 or later, and the standard library only.
//
// Sections: verification, content, duplicates and order, published key set, acknowledgement, public
// keys, curve of Ed25519, strict JSON, texts.
package keysync

import (
	"bytes"
	"container/list"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	// DefaultTolerance is the maximum difference between a callback's timestamp and the clock.
	DefaultTolerance = 300 * time.Second
	// MaxBody is the maximum size of a body in bytes; a typical callback has about 1,000.
	MaxBody = 64 * 1024
	// MaxHeader is the maximum size of each of the three headers in bytes.
	MaxHeader = 4096
	// MaxKeySet is the maximum size of a key set in bytes.
	MaxKeySet = 64 * 1024
	// MaxDepth is the maximum number of levels of arrays and objects in JSON.
	MaxDepth = 32
)

// KeyStates are the names of the states of a key.
var KeyStates = map[int]string{1: "active", 2: "suspended", 3: "deactivated", 5: "destroyed"}

// ---- Verification ----

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

// ---- Content of a callback ----

// Notification is the content of a callback: the complete state of a key, independent of earlier
// callbacks. Dates are RFC 3339 in UTC.
type Notification struct {
	EventID        string // the same for all attempts; an acknowledgement contains it
	Sequence       uint64 // increases with each notification of the key
	Source         string // the CRN of the key's key-management instance
	Time           string // time of the notification
	Service        string // the service that the event is for: yours
	KeyID          string
	KeyCRN         string
	KeyState       int    // determines what to do; see KeyStates
	KeyVersion     string // the id of the version of the key's material
	VersionCreated string // time of its creation
	Action         string // the latest lifecycle action, which explains the state
	Renotification bool   // whether a sync caused this notification
	OccurredAt     string // time of the action
	ResourceCount  uint64 // number of your resources that the key protects, as known to the sender
}

// parseEvent parses a body whose signature was verified together with `webhookID`, as the receiver of
// `service`. Unknown fields are ignored.
func parseEvent(body []byte, webhookID, service string) (*Notification, error) {
	event := parseObject(body)
	found := readNotification(event)
	for _, field := range []struct{ name, expected string }{
		{"specversion", "1.0"},
		{"type", "com.ibm.cloud.kms.key." + found.Action},
		{"subject", found.KeyID},
	} {
		if value := event.text(field.name); value != field.expected {
			event.fail("`%s` must be %s: got %s", field.name, short(field.expected), short(value))
		}
	}
	if *event.err != nil {
		return nil, rejected("body", "the signed body is not a valid key event: %v", *event.err)
	}
	if found.EventID != webhookID {
		return nil, rejected("id", "`webhook-id` must be the event's id %s: got %s", short(found.EventID), short(webhookID))
	}
	if found.Service != service {
		return nil, rejected("service", "the event is for the service %s, and this is the receiver of %s: the operator has configured "+
			"this address for both, the name of the service is wrong here, or a receiver of the other one sent it on",
			short(found.Service), short(service))
	}
	return found, nil
}

func readNotification(event fields) *Notification {
	data := event.object("data")
	version := data.object("keyVersion")
	state := data.integer64("keyState")
	if state > 5 || KeyStates[int(state)] == "" {
		data.fail("key state must be 1, 2, 3 or 5: got %d", state)
	}
	return &Notification{
		EventID:        event.text("id"),
		Sequence:       event.parse64(event.text("sequence"), "sequence"),
		Source:         event.text("source"),
		Time:           event.text("time"),
		Service:        data.text("service"),
		KeyID:          data.text("keyId"),
		KeyCRN:         data.text("keyCrn"),
		KeyState:       int(state),
		KeyVersion:     version.text("id"),
		VersionCreated: version.text("creationDate"),
		Action:         data.text("eventType"),
		Renotification: data.boolean("renotification"),
		OccurredAt:     data.text("occurredAt"),
		ResourceCount:  data.integer64("resourceCount"),
	}
}

// ---- Duplicates and order ----

// recent remembers values by name: at most `capacity`, of which it forgets the one remembered first.
type recent[T any] struct {
	capacity int
	byName   map[string]*list.Element
	byAge    list.List
}

type remembered[T any] struct {
	name  string
	value T
}

func newRecent[T any](capacity int) recent[T] {
	return recent[T]{capacity: capacity, byName: map[string]*list.Element{}}
}

func (r *recent[T]) get(name string) (value T, isKnown bool) {
	element, isKnown := r.byName[name]
	if isKnown {
		value = element.Value.(remembered[T]).value
	}
	return value, isKnown
}

func (r *recent[T]) set(name string, value T) {
	r.remove(name)
	if oldest := r.byAge.Front(); oldest != nil && r.byAge.Len() >= r.capacity {
		r.remove(oldest.Value.(remembered[T]).name)
	}
	r.byName[name] = r.byAge.PushBack(remembered[T]{name, value})
}

func (r *recent[T]) remove(name string) {
	if element, isKnown := r.byName[name]; isKnown {
		r.byAge.Remove(element)
		delete(r.byName, name)
	}
}

// ReplayGuard remembers the ids of verified events for twice the tolerance, after which a replayed
// callback is too old anyway. It prevents duplicate side effects; it does not know the order of events.
type ReplayGuard struct {
	mutex         sync.Mutex
	rememberedFor time.Duration
	seenAt        recent[time.Time]
}

// NewReplayGuard returns a guard that remembers at most `capacity` ids, such as 100,000.
func NewReplayGuard(tolerance time.Duration, capacity int) *ReplayGuard {
	return &ReplayGuard{rememberedFor: 2 * tolerance, seenAt: newRecent[time.Time](capacity)}
}

// IsNew reports whether the event was not seen before, and remembers its id.
func (g *ReplayGuard) IsNew(eventID string, now time.Time) bool {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for oldest := g.seenAt.byAge.Front(); oldest != nil; oldest = g.seenAt.byAge.Front() {
		found := oldest.Value.(remembered[time.Time])
		if now.Sub(found.value) <= g.rememberedFor {
			break
		}
		g.seenAt.remove(found.name)
	}
	if _, isKnown := g.seenAt.get(eventID); isKnown {
		return false
	}
	g.seenAt.set(eventID, now)
	return true
}

// Forget forgets an event that you could not process, before a 503: its retry must not count as a
// duplicate.
func (g *ReplayGuard) Forget(eventID string) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.seenAt.remove(eventID)
}

// Order is the order of a notification relative to the newest one of its key.
type Order string

// Act on a newer one only: acting on a stale one would undo the newer one.
const (
	Newer    Order = "newer"
	Repeated Order = "repeated"
	Stale    Order = "stale"
)

// Latest has the newest notification of each key, for the keys that were notified last. A real service
// stores it in its database, with the sequence.
type Latest struct {
	mutex sync.Mutex
	byKey recent[*Notification]
}

// NewLatest returns a Latest for at most `capacity` keys, such as 100,000.
func NewLatest(capacity int) *Latest {
	return &Latest{byKey: newRecent[*Notification](capacity)}
}

// Offer stores a notification if it is newer.
func (l *Latest) Offer(notification *Notification) Order {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	known, isKnown := l.byKey.get(notification.KeyID)
	if isKnown && notification.Sequence == known.Sequence {
		return Repeated
	}
	if isKnown && notification.Sequence < known.Sequence {
		return Stale
	}
	l.byKey.set(notification.KeyID, notification)
	return Newer
}

// Get returns the newest notification of a key, or nil.
func (l *Latest) Get(keyID string) *Notification {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	known, _ := l.byKey.get(keyID)
	return known
}

// ---- Published key set ----

// KeySet is the public key set that the sender publishes at `/.well-known/jwks.json`. It is fetched
// with the first callback, again when it is 5 minutes old, and when a callback has no signature by a
// known key; at most every 30 s. While it cannot be fetched, the last one stays in use.
type KeySet struct {
	// MaxAge is the age at which the key set is fetched again.
	MaxAge time.Duration
	// MinPause is the minimum time between two fetches.
	MinPause time.Duration
	// Client sends the requests. It must not follow redirects, and must have a timeout.
	Client *http.Client

	url       string
	fetching  sync.Mutex // held during a fetch, and for `attempted`
	attempted time.Time
	mutex     sync.Mutex // for the following fields
	keys      []ed25519.PublicKey
	fetched   time.Time
	err       error
}

// NewKeySet returns the key set at a URL. It fetches nothing yet.
func NewKeySet(url string) (*KeySet, error) {
	if err := checkURL(url, "the URL of the key set"); err != nil {
		return nil, err
	}
	return &KeySet{url: url, MaxAge: 300 * time.Second, MinPause: 30 * time.Second, Client: newClient(2 * time.Second)}, nil
}

// Err returns the problem of the last fetch, or nil.
func (k *KeySet) Err() error {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return k.err
}

func (k *KeySet) current(now time.Time) ([]ed25519.PublicKey, error) {
	keys, fetched := k.known()
	if age := now.Sub(fetched); keys == nil || age >= k.MaxAge || age < 0 {
		k.update(now)
	}
	if keys, _ = k.known(); keys == nil {
		return nil, rejected("key-set", "the sender's public key set could not be fetched, so nothing can be verified: %v", k.Err())
	}
	return keys, nil
}

func (k *KeySet) newer(now time.Time, known []ed25519.PublicKey) []ed25519.PublicKey {
	k.update(now)
	keys, _ := k.known()
	if &keys[0] == &known[0] {
		return nil
	}
	return keys
}

func (k *KeySet) known() ([]ed25519.PublicKey, time.Time) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return k.keys, k.fetched
}

// update fetches the key set, unless the last fetch was less than `MinPause` ago. There is one fetch at
// a time; a callback waits for another's fetch only if there are no keys.
func (k *KeySet) update(now time.Time) {
	if keys, _ := k.known(); keys == nil {
		k.fetching.Lock()
	} else if !k.fetching.TryLock() {
		return
	}
	defer k.fetching.Unlock()
	if pause := now.Sub(k.attempted); pause > -k.MinPause && pause < k.MinPause {
		return
	}
	k.attempted = now
	document, err := k.download()
	var keys []ed25519.PublicKey
	if err == nil {
		keys, err = parseKeySet(document)
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.err = err; err == nil {
		k.keys, k.fetched = keys, now
	}
}

func (k *KeySet) download() ([]byte, error) {
	response, err := k.Client.Get(k.url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s responded with %d, not 200", k.url, response.StatusCode)
	}
	document, err := io.ReadAll(io.LimitReader(response.Body, MaxKeySet+1))
	if len(document) > MaxKeySet {
		return nil, fmt.Errorf("%s has more than %d bytes", k.url, MaxKeySet)
	}
	return document, err
}

// ---- Acknowledgement ----

// Acknowledgement is the report that the service acted on a notification (`kms.secrets-event.ack`), at
// most four hours after it.
type Acknowledgement struct {
	// State is your own name for the state of the resources that the key protects.
	State string
	// At is when the service acted.
	At time.Time
	// ResourceCRN is the resource that the acknowledgement is about; optional.
	ResourceCRN string
}

// Acknowledge sends an acknowledgement to the key-management endpoint, with an IAM access token.
func Acknowledge(endpoint, token string, notification *Notification, report Acknowledgement) error {
	if err := checkURL(endpoint, "the endpoint"); err != nil {
		return err
	}
	resource := map[string]string{
		"eventId":         notification.EventID,
		"adopterKeyState": report.State,
		"timestamp":       report.At.UTC().Format("2006-01-02T15:04:05.000Z07:00"),
	}
	if report.ResourceCRN != "" {
		resource["resourceCrn"] = report.ResourceCRN
	}
	body, err := json.Marshal(map[string]any{
		"metadata":  map[string]any{"collectionType": "application/vnd.ibm.kms.event_acknowledge+json", "collectionTotal": 1},
		"resources": []any{resource},
	})
	if err != nil {
		return err
	}
	request, err := http.NewRequest(http.MethodPost, strings.TrimSuffix(endpoint, "/")+"/api/v2/event_ack", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("authorization", "Bearer "+token)
	request.Header.Set("bluemix-instance", instance(notification.Source))
	request.Header.Set("content-type", "application/json")
	response, err := newClient(10 * time.Second).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("the acknowledgement of %s got status %d, not 204", notification.EventID, response.StatusCode)
	}
	return nil
}

// instance returns the id of the key-management instance, the eighth segment of its CRN.
func instance(crn string) string {
	if segments := strings.Split(crn, ":"); len(segments) > 7 {
		return segments[7]
	}
	return ""
}

// ---- Public keys: as configured by operators (`whpk_…`), and of a key set ----

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

// InvalidKey is the error of a configured key that is missing, malformed, unsafe or private. Its
// message does not repeat the value, because it may be a secret pasted by mistake.
type InvalidKey struct {
	// Code is short and stable.
	Code string
	// Place is the position of the key in the list, from 1; 0 if no single key is invalid.
	Place   int
	message string
}

func (e *InvalidKey) Error() string { return e.message }

// publicKeys parses each `whpk_…`.
func publicKeys(values []string) ([]ed25519.PublicKey, error) {
	var found []ed25519.PublicKey
	for index, value := range values {
		value = strings.Trim(value, " \t\r\n\f")
		if strings.HasPrefix(value, "whsk_") {
			return nil, privateKey(index + 1)
		}
		var raw []byte
		if strings.HasPrefix(value, "whpk_") {
			raw = fromBase64(base64.StdEncoding, value[len("whpk_"):])
		}
		key, err := checkedKey(raw, index+1)
		if err != nil {
			return nil, err
		}
		found = append(found, key)
	}
	return atLeastOne(found)
}

// parseKeySet parses the Ed25519 signature keys of a key set (RFC 7517, and RFC 8037, section 2).
func parseKeySet(document []byte) ([]ed25519.PublicKey, error) {
	set := parseObject(document)
	list, isList := set.values["keys"].([]any)
	if !isList {
		set.fail("`keys` must be a list")
	}
	keys := make([]jwk, len(list))
	for index, value := range list {
		keys[index] = readJWK(objectOf(value, set.err))
	}
	if *set.err != nil {
		return nil, &InvalidKey{Code: "no-key-set", message: "the document is not a key set (RFC 7517), which is a JSON object with a list " +
			"`keys`: fetch the sender's `/.well-known/jwks.json`, and check that the status of the response is 200"}
	}
	var found []ed25519.PublicKey
	for index, key := range keys {
		if !key.isOurs {
			continue
		}
		if key.isPrivate {
			return nil, privateKey(index + 1)
		}
		checked, err := checkedKey(fromBase64(base64.RawURLEncoding, key.x), index+1)
		if err != nil {
			return nil, err
		}
		found = append(found, checked)
	}
	return atLeastOne(found)
}

// jwk has the relevant parts of a key of a key set.
type jwk struct {
	isOurs, isPrivate bool
	x                 string
}

func readJWK(key fields) jwk {
	kty, crv, use := key.text("kty"), key.optionalText("crv", ""), key.optionalText("use", "sig")
	if key.values["d"] == (duplicate{}) {
		key.fail("`d` is a duplicate field")
	}
	isOurs := kty == "OKP" && crv == "Ed25519" && use == "sig"
	return jwk{isOurs: isOurs, isPrivate: key.values["d"] != nil, x: key.optionalText("x", "")}
}

func atLeastOne(keys []ed25519.PublicKey) ([]ed25519.PublicKey, error) {
	if len(keys) == 0 {
		return nil, &InvalidKey{Code: "none", message: "no public key is given: ask the operator of keysync for it (`whpk_…`)"}
	}
	return keys, nil
}

func privateKey(place int) error {
	return &InvalidKey{Code: "private", Place: place, message: fmt.Sprintf("public key %d is a private key, which only the sender may "+
		"have: configure the public key (`whpk_…`), and report the leaked private key to the operator of keysync", place)}
}

func checkedKey(raw []byte, place int) (ed25519.PublicKey, error) {
	if len(raw) != ed25519.PublicKeySize {
		return nil, &InvalidKey{Code: "malformed", Place: place, message: fmt.Sprintf("public key %d must be a 32-byte Ed25519 public key: "+
			"`whpk_` followed by base64, or, in a key set, `x` in base64url", place)}
	}
	if !isSafe(raw) {
		return nil, &InvalidKey{Code: "unsafe", Place: place, message: fmt.Sprintf("public key %d is not a safe Ed25519 public key, which is a "+
			"point of prime order in canonical encoding: ask the operator of keysync for the correct key", place)}
	}
	return raw, nil
}

// ---- Curve of Ed25519 (RFC 8032, section 5.1) ----

var (
	one = big.NewInt(1)
	// prime is the prime of the curve's field.
	prime = new(big.Int).Sub(new(big.Int).Lsh(one, 255), big.NewInt(19))
	// order is the order of its base point.
	order, _ = new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	// constant is its constant d.
	constant = multiply(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), prime))
)

// isSafe reports whether a key is a canonically encoded point of prime order. Anyone can sign for a
// point of small order, and implementations differ for a point of mixed order.
func isSafe(raw []byte) bool {
	reversed := make([]byte, len(raw))
	for index, value := range raw {
		reversed[len(raw)-1-index] = value
	}
	sign := uint(reversed[0] >> 7)
	reversed[0] &= 0x7f
	y := new(big.Int).SetBytes(reversed)
	if y.Cmp(prime) >= 0 {
		return false // a non-canonical encoding
	}
	// x² = (y² - 1) / (d y² + 1)
	ySquare := multiply(y, y)
	divisor := new(big.Int).ModInverse(new(big.Int).Add(multiply(constant, ySquare), one), prime)
	x := new(big.Int).ModSqrt(multiply(new(big.Int).Sub(ySquare, one), divisor), prime)
	if x == nil || x.Sign() == 0 {
		return false // not on the curve, or of order 1 or 2
	}
	if x.Bit(0) != sign {
		x.Sub(prime, x)
	}
	// Prime order: `order` times the point is the neutral element.
	point := [4]*big.Int{x, y, one, multiply(x, y)}
	total := [4]*big.Int{new(big.Int), one, one, new(big.Int)}
	for bit := order.BitLen() - 1; bit >= 0; bit-- {
		total = add(total, total)
		if order.Bit(bit) == 1 {
			total = add(total, point)
		}
	}
	return total[0].Sign() == 0 && total[1].Cmp(total[2]) == 0
}

// add returns the sum of two points in extended coordinates (X, Y, Z, T), where x = X/Z, y = Y/Z and
// T = XY/Z.
func add(p, q [4]*big.Int) [4]*big.Int {
	sum := func(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) }
	difference := func(a, b *big.Int) *big.Int { return new(big.Int).Sub(a, b) }
	minus := multiply(difference(p[1], p[0]), difference(q[1], q[0]))
	plus := multiply(sum(p[1], p[0]), sum(q[1], q[0]))
	product := multiply(multiply(p[3], q[3]), sum(constant, constant))
	twice := multiply(sum(p[2], p[2]), q[2])
	e, f, g, h := difference(plus, minus), difference(twice, product), sum(twice, product), sum(plus, minus)
	return [4]*big.Int{multiply(e, f), multiply(g, h), multiply(f, g), multiply(e, h)}
}

func multiply(a, b *big.Int) *big.Int {
	product := new(big.Int).Mul(a, b)
	return product.Mod(product, prime)
}

// ---- Strict JSON (RFC 8259): UTF-8, bounded nesting, and known duplicates ----

// Values that `encoding/json` does not have: it keeps the last of duplicate fields, and replaces
// unpaired surrogates.
type (
	duplicate struct{} // the value of a duplicate field
	broken    struct{} // a string with an unpaired surrogate
)

// brokenNames is the field that stands for names with an unpaired surrogate. It is not valid UTF-8.
const brokenNames = "\xff"

// escapes matches escape sequences. The group is an unpaired surrogate.
var escapes = regexp.MustCompile(`\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)`)

// fields reads the fields of a JSON object, and keeps the first error.
type fields struct {
	values map[string]any
	err    *error
}

func parseObject(document []byte) fields {
	if !utf8.Valid(document) || !json.Valid(document) {
		err := errors.New("it must be JSON in UTF-8")
		return fields{err: &err}
	}
	parser := parser{json.NewDecoder(bytes.NewReader(document)), document}
	parser.UseNumber()
	value, err := parser.value(0)
	return objectOf(value, &err)
}

// objectOf returns the fields of a JSON object, whose names have no unpaired surrogates.
func objectOf(value any, err *error) fields {
	values, isObject := value.(map[string]any)
	found := fields{values, err}
	if !isObject {
		found.fail("it must be a JSON object")
	}
	if _, isBroken := values[brokenNames]; isBroken {
		found.fail("the name of a field has an unpaired surrogate")
	}
	return found
}

func (f fields) fail(format string, values ...any) {
	if *f.err == nil {
		*f.err = fmt.Errorf(format, values...)
	}
}

func (f fields) object(name string) fields { return objectOf(f.values[name], f.err) }

// text returns a string without unpaired surrogates.
func (f fields) text(name string) string {
	found, isText := f.values[name].(string)
	if !isText {
		f.fail("`%s` is missing, a duplicate field, or not a string", name)
	}
	return found
}

// optionalText returns a string, or `otherwise` if the field is missing or null.
func (f fields) optionalText(name, otherwise string) string {
	if f.values[name] == nil {
		return otherwise
	}
	return f.text(name)
}

func (f fields) boolean(name string) bool {
	found, isBool := f.values[name].(bool)
	if !isBool {
		f.fail("`%s` must be true or false", name)
	}
	return found
}

// integer64 returns an unsigned 64-bit integer.
func (f fields) integer64(name string) uint64 {
	digits, _ := f.values[name].(json.Number)
	return f.parse64(string(digits), name)
}

// parse64 parses an unsigned 64-bit integer of 1 to 20 digits.
func (f fields) parse64(digits, name string) uint64 {
	found, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || len(digits) > 20 || !areDigits(digits) {
		f.fail("`%s` must be an integer between 0 and 18446744073709551615", name)
	}
	return found
}

// parser parses a document that is valid JSON.
type parser struct {
	*json.Decoder
	document []byte
}

func (p *parser) value(depth int) (any, error) {
	start := p.InputOffset()
	token, err := p.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case string:
		for _, escape := range escapes.FindAllSubmatch(p.document[start:p.InputOffset()], -1) {
			if escape[1] != nil {
				return broken{}, nil
			}
		}
	case json.Delim:
		if depth == MaxDepth {
			return nil, fmt.Errorf("JSON is nested more than %d levels deep", MaxDepth)
		}
		if token == '{' {
			return p.object(depth + 1)
		}
		return p.array(depth + 1)
	}
	return token, nil
}

func (p *parser) object(depth int) (any, error) {
	found := map[string]any{}
	for p.More() {
		name, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		text, isText := name.(string)
		if !isText {
			text = brokenNames
		}
		value, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		if _, isKnown := found[text]; isKnown {
			value = duplicate{}
		}
		found[text] = value
	}
	_, err := p.Token()
	return found, err
}

func (p *parser) array(depth int) (any, error) {
	found := []any{}
	for p.More() {
		value, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		found = append(found, value)
	}
	_, err := p.Token()
	return found, err
}

// ---- Texts ----

// areDigits reports whether a text has ASCII digits only.
func areDigits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// fromBase64 decodes canonical base64, or returns nil. Go's decoder also accepts line ends.
func fromBase64(encoding *base64.Encoding, encoded string) []byte {
	raw, err := encoding.DecodeString(encoded)
	if err != nil || encoding.EncodeToString(raw) != encoded {
		return nil
	}
	return raw
}

// short returns the start of a value, escaped to one line of ASCII, for messages.
func short(value string) string {
	if letters := []rune(value); len(letters) > 64 {
		value = string(letters[:64]) + "..."
	}
	return strconv.QuoteToASCII(value)
}

// newClient returns a client that follows no redirects.
func newClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// checkURL accepts `https`, and `http` on this machine.
func checkURL(text, name string) error {
	parsed, err := url.Parse(text)
	if err == nil && parsed.Host != "" {
		host := parsed.Hostname()
		isLocal := host == "127.0.0.1" || host == "localhost" || host == "::1"
		if parsed.Scheme == "https" || parsed.Scheme == "http" && isLocal {
			return nil
		}
	}
	return errors.New(name + " must start with https:// (or http:// on this machine): got " + short(text))
}
