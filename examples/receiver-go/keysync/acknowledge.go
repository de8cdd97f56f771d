package keysync

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

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
