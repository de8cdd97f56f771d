package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"keysync.example/receiver/keysync"
)

const maxEffects = 10_000

// service is what the receiver does with a callback.
type service struct {
	verifier        *keysync.Verifier
	guard           *keysync.ReplayGuard
	latest          *keysync.Latest
	endpoint, token string

	mutex   sync.Mutex
	effects []string // the ids of the newest events acted on, oldest first
}

// receive processes a callback. The error is a keysync.Rejected.
func (s *service) receive(headers http.Header, body []byte) error {
	now := time.Now()
	notification, err := s.verifier.Verify(headers, body, now)
	if err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	order := keysync.Repeated
	if s.guard.IsNew(notification.EventID, now) {
		order = s.latest.Offer(notification)
	}
	fmt.Printf("%s: key %s %s sequence %d\n", order, notification.KeyID, keysync.KeyStates[notification.KeyState], notification.Sequence)
	if order != keysync.Newer {
		return nil
	}
	// Here a real service opens or closes its resources. If that fails, it calls `guard.Forget` and
	// responds with 503.
	s.effects = append(s.effects, notification.EventID)
	if len(s.effects) > maxEffects {
		s.effects = s.effects[1:]
	}
	if s.endpoint != "" && s.token != "" {
		go s.acknowledge(notification)
	}
	return nil
}

func (s *service) acknowledge(notification *keysync.Notification) {
	state := "DEK_DISABLED"
	if notification.KeyState == 1 || notification.KeyState == 3 {
		state = "DEK_ENABLED"
	}
	report := keysync.Acknowledgement{State: state, At: time.Now()}
	if err := keysync.Acknowledge(s.endpoint, s.token, notification, report); err != nil {
		fmt.Println("not acknowledged:", err)
	}
}

// routes returns the handler of the paths. http.ServeMux would redirect paths such as `//callbacks`.
func (s *service) routes() http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		keyID, isKey := cutPrefix(request.URL.Path, "/keys/")
		method, handle := http.MethodGet, http.HandlerFunc(nil)
		switch {
		case request.URL.Path == "/callbacks":
			method, handle = http.MethodPost, s.callback
		case request.URL.Path == "/effects":
			handle = s.listEffects
		case isKey:
			handle = func(writer http.ResponseWriter, _ *http.Request) { s.key(writer, keyID) }
		default:
			http.Error(writer, "unknown path: callbacks go to /callbacks", http.StatusNotFound)
			return
		}
		if request.Method != method {
			writer.Header().Set("allow", method)
			http.Error(writer, "the method must be "+method, http.StatusMethodNotAllowed)
			return
		}
		handle(writer, request)
	})
}

func cutPrefix(text, prefix string) (string, bool) {
	return strings.TrimPrefix(text, prefix), strings.HasPrefix(text, prefix)
}

func (s *service) callback(writer http.ResponseWriter, request *http.Request) {
	if request.Header.Get("content-length") == "" && len(request.TransferEncoding) == 0 {
		refuse(writer, http.StatusLengthRequired, "a callback must have a `content-length` or be chunked")
		return
	}
	tooLarge := fmt.Sprintf("a callback has at most %d bytes", keysync.MaxBody)
	if request.ContentLength > keysync.MaxBody {
		refuse(writer, http.StatusRequestEntityTooLarge, tooLarge)
		return
	}
	body, err := io.ReadAll(io.LimitReader(request.Body, keysync.MaxBody+1))
	if err != nil {
		refuse(writer, http.StatusBadRequest, "the body is incomplete, or its chunks are malformed")
		return
	}
	if len(body) > keysync.MaxBody {
		refuse(writer, http.StatusRequestEntityTooLarge, tooLarge)
		return
	}
	err = s.receive(request.Header, body)
	var rejected *keysync.Rejected
	if errors.As(err, &rejected) {
		fmt.Println("rejected:", rejected)
		http.Error(writer, rejected.Error(), rejected.Status())
		return
	}
	writer.WriteHeader(http.StatusNoContent)
}

// refuse responds and closes the connection, because the rest of the body is not read.
func refuse(writer http.ResponseWriter, status int, message string) {
	writer.Header().Set("connection", "close")
	http.Error(writer, message, status)
}

func (s *service) listEffects(writer http.ResponseWriter, _ *http.Request) {
	s.mutex.Lock()
	effects := append([]string{}, s.effects...)
	s.mutex.Unlock()
	respond(writer, effects)
}

func (s *service) key(writer http.ResponseWriter, id string) {
	latest := s.latest.Get(id)
	if latest == nil {
		http.Error(writer, "no notification about that key was received", http.StatusNotFound)
		return
	}
	respond(writer, map[string]any{"keyState": latest.KeyState, "sequence": latest.Sequence})
}

func respond(writer http.ResponseWriter, value any) {
	writer.Header().Set("content-type", "application/json")
	// An error means that the client has disconnected.
	_ = json.NewEncoder(writer).Encode(value)
}
