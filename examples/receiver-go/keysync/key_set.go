package keysync

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// MaxKeySet is the maximum size of a key set in bytes.
const MaxKeySet = 64 * 1024

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
