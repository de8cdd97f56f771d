package keysync

import (
	"errors"
	"fmt"
)

// KeyStates are the names of the states of a key.
var KeyStates = map[int]string{1: "active", 2: "suspended", 3: "deactivated", 5: "destroyed"}

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

// envelope has the fields of an event that are compared with others.
type envelope struct{ specversion, kind, subject string }

// parseEvent parses a body whose signature was verified together with `webhookID`, as the receiver of
// `service`. Unknown fields are ignored.
func parseEvent(body []byte, webhookID, service string) (*Notification, error) {
	found, around, err := readEvent(body)
	if err != nil {
		return nil, rejected("body", "the signed body is not a valid key event: %s", short(err.Error()))
	}
	for _, field := range []struct{ name, found, expected string }{
		{"specversion", around.specversion, "1.0"},
		{"type", around.kind, "com.ibm.cloud.kms.key." + found.Action},
		{"subject", around.subject, found.KeyID},
	} {
		if field.found != field.expected {
			return nil, rejected("body", "`%s` must be %s: got %s", field.name, short(field.expected), short(field.found))
		}
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

func readEvent(body []byte) (*Notification, envelope, error) {
	value, err := parseJSON(body)
	if err != nil {
		return nil, envelope{}, err
	}
	fields := reader{}
	event := fields.object(value)
	data := fields.object(event["data"])
	version := fields.object(data["keyVersion"])
	around := envelope{fields.text(event, "specversion"), fields.text(event, "type"), fields.text(event, "subject")}
	found := &Notification{
		EventID: fields.text(event, "id"), Source: fields.text(event, "source"), Time: fields.text(event, "time"),
		Service: fields.text(data, "service"), KeyID: fields.text(data, "keyId"), KeyCRN: fields.text(data, "keyCrn"),
		KeyVersion: fields.text(version, "id"), VersionCreated: fields.text(version, "creationDate"),
		Action: fields.text(data, "eventType"), OccurredAt: fields.text(data, "occurredAt"),
		ResourceCount: fields.integer64(data, "resourceCount"),
	}
	if found.Sequence, err = integer64(fields.text(event, "sequence"), "sequence"); err != nil {
		fields.keep(err)
	}
	isBool := false
	if found.Renotification, isBool = data["renotification"].(bool); !isBool {
		fields.keep(errors.New("`renotification` must be true or false"))
	}
	state := fields.integer64(data, "keyState")
	if state > 5 || KeyStates[int(state)] == "" {
		fields.keep(fmt.Errorf("key state must be 1, 2, 3 or 5: got %d", state))
	}
	found.KeyState = int(state)
	return found, around, fields.err
}

// reader reads fields and keeps the first error.
type reader struct{ err error }

func (r *reader) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) object(value any) object {
	found, err := asObject(value)
	r.keep(err)
	return found
}

func (r *reader) text(fields object, name string) string {
	found, err := fields.text(name)
	r.keep(err)
	return found
}

func (r *reader) integer64(fields object, name string) uint64 {
	found, err := fields.integer64(name)
	r.keep(err)
	return found
}
