// A service that receives and verifies keysync's callbacks and keeps the newest state of each key.
//
//	KEYSYNC_SERVICE=cloud-object-storage KEYSYNC_KEY_SET_URL=https://…/.well-known/jwks.json go run .
//
// README.md lists the settings and the paths.
package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"keysync.example/receiver/keysync"
)

const (
	maxHead        = 64 * 1024 // bytes of the request line and headers together
	maxConnections = 128
	timeout        = 10 * time.Second // for a request, and for a response
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(2)
	}
}

func run() error {
	found, err := newService()
	if err != nil {
		return err
	}
	port, err := number("KEYSYNC_PORT", 8071, 65_535)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	fmt.Printf("listening on http://%s/callbacks\n", listener.Addr())
	server := http.Server{
		Handler:        found.routes(),
		MaxHeaderBytes: maxHead,
		ReadTimeout:    timeout,
		WriteTimeout:   timeout,
		IdleTimeout:    timeout,
	}
	return server.Serve(&boundedListener{listener, make(chan struct{}, maxConnections)})
}

// newService returns the service with the settings in the environment.
func newService() (*service, error) {
	keys, err := keysOfEnvironment()
	if err != nil {
		return nil, err
	}
	verifier, err := keysync.NewVerifier(os.Getenv("KEYSYNC_SERVICE"), keys)
	if err != nil {
		return nil, fmt.Errorf("KEYSYNC_SERVICE: %w", err)
	}
	const longest = 1<<31 - 1 // seconds
	tolerance, err := number("KEYSYNC_TOLERANCE", 300, 2*longest)
	if err != nil {
		return nil, err
	}
	verifier.Tolerance = time.Duration(tolerance) * time.Second
	return &service{
		verifier: verifier,
		guard:    keysync.NewReplayGuard(verifier.Tolerance, 100_000),
		latest:   keysync.NewLatest(100_000),
		endpoint: os.Getenv("KEYSYNC_ENDPOINT"),
		token:    os.Getenv("KEYSYNC_TOKEN"),
	}, nil
}

func keysOfEnvironment() (keysync.Keys, error) {
	var configured []string
	for _, key := range strings.Split(os.Getenv("KEYSYNC_PUBLIC_KEYS"), ",") {
		if strings.TrimSpace(key) != "" {
			configured = append(configured, key)
		}
	}
	url := os.Getenv("KEYSYNC_KEY_SET_URL")
	if (url != "") == (len(configured) > 0) {
		return nil, errors.New("set either KEYSYNC_KEY_SET_URL or KEYSYNC_PUBLIC_KEYS")
	}
	if url == "" {
		return keysync.FixedKeys(configured...)
	}
	pause, err := number("KEYSYNC_KEY_SET_PAUSE", 30, 86_400)
	if err != nil {
		return nil, err
	}
	found, err := keysync.NewKeySet(url)
	if err != nil {
		return nil, err
	}
	found.MinPause = time.Duration(pause) * time.Second
	return found, nil
}

// number returns a setting that is an integer from 0 to `most`.
func number(name string, fallback, most uint64) (uint64, error) {
	text := os.Getenv(name)
	if text == "" {
		return fallback, nil
	}
	found, err := strconv.ParseUint(text, 10, 64)
	if err != nil || found > most {
		return 0, fmt.Errorf("%s must be an integer from 0 to %d: got %.20q", name, most, text)
	}
	return found, nil
}

// boundedListener accepts at most as many connections as fit into `permits`; others wait.
type boundedListener struct {
	net.Listener
	permits chan struct{}
}

func (l *boundedListener) Accept() (net.Conn, error) {
	l.permits <- struct{}{}
	connection, err := l.Listener.Accept()
	if err != nil {
		<-l.permits
		return nil, err
	}
	return &boundedConnection{Conn: connection, permits: l.permits, closed: make(chan struct{}, 1)}, nil
}

type boundedConnection struct {
	net.Conn
	permits chan struct{}
	closed  chan struct{} // full once it is
}

func (c *boundedConnection) Close() error {
	select {
	case c.closed <- struct{}{}:
		<-c.permits
	default:
	}
	return c.Conn.Close()
}
