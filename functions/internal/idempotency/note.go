package idempotency

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"

	"mlops/shared/fault"
)

// state is how far a request came.
type state string

const (
	inProgress state = "in_progress" // until Until
	done       state = "done"        // the answer is kept
	free       state = "free"        // nothing came of it: the key may be used again
)

// note is what is kept under a key: one line of JSON, and behind it the answer's body as it is.
type note struct {
	State  state       `json:"state"`
	Digest string      `json:"digest,omitempty"` // of the request
	Until  time.Time   `json:"until,omitzero"`   // when a request in progress counts as dead
	Code   int         `json:"code,omitempty"`   // the answer's status
	Header http.Header `json:"header,omitempty"`

	body []byte
}

func (n *note) encode() []byte {
	head, err := json.Marshal(n)
	if err != nil { // strings, a number and a time of this age: it cannot fail
		head = []byte(`{}`)
	}
	return append(append(head, '\n'), n.body...)
}

func decode(b []byte) (*note, error) {
	head, body, _ := bytes.Cut(b, []byte("\n"))
	var n note
	if err := json.Unmarshal(head, &n); err != nil {
		return nil, fault.New(fault.Internal, "the note of an idempotency key is damaged").Because(err)
	}
	n.body = body
	return &n, nil
}

// give answers with the note.
func (n *note) give(w http.ResponseWriter, again bool) {
	for name, values := range n.Header {
		w.Header()[name] = values
	}
	if again {
		w.Header().Set(Replayed, "true")
	}
	w.WriteHeader(n.Code)
	_, _ = w.Write(n.body) // the client may be gone; nothing depends on it
}
