// Package control is the value of one decision's effect: which documents change, what is written in the audit chain, and which events
// leave, all or nothing. A store commits a Change in one conditional transaction; nothing else writes control state.
package control

import (
	"encoding/json"
	"strings"

	"mlops/shared/audit"
	"mlops/shared/event"
)

// Key names one control document. Documents of a partition are ordered by Sort, bytewise.
type Key struct{ Partition, Sort string }

func (k Key) String() string { return k.Partition + "/" + k.Sort }

// The documents there are. A model's registry state, its incidents, its drift history, its alert rules; approvals, jobs, datasets and labels.
func State(model string) Key                  { return Key{"model", model} }
func Incident(model, id string) Key           { return Key{"incident#" + model, id} }
func Memory(model string) Key                 { return Key{"agent", model} } // what the agent remembers between decisions
func Drift(model string) Key                  { return Key{"drift", model} }
func Past(model string) Key                   { return Key{"drift#" + model, "past"} } // what is remembered of its traffic for later years
func Gauges(model string) Key                 { return Key{"gauge", model} }           // what GET /metrics says of a model's last check
func Alerts(model string) Key                 { return Key{"alert", model} }           // how its alert rules stand
func Approval(id string) Key                  { return Key{"approval", id} }
func Job(id string) Key                       { return Key{"job", id} }
func Dataset(name string) Key                 { return Key{"dataset", name} }
func Requests(model string) Key               { return Key{"requests", model} }  // the rules that requests are checked by
func Quality(subject string) Key              { return Key{"quality", subject} } // how the data of a dataset, or the traffic of a model, was over time
func Report(id string) Key                    { return Key{"report", id} }
func Label(model, hour, inference string) Key { return Key{"label#" + model + "#" + hour, inference} }

// Doc is a document as read or as to be written.
type Doc struct {
	Key      Key
	Revision int64           // the revision read; 0 = must not exist yet. A store writes Revision+1 if the stored one still equals Revision.
	Body     json.RawMessage // a JSON document of at most 300 KB
}

// Change is everything one decision does to control state.
type Change struct {
	Model   string        // whose audit chain the entries join
	Op      string        // when set, this change happens at most once ever: a second commit with the same Op is a no-op reported as done
	Put     []Doc         // documents to create or replace, each conditional on its Revision
	Check   []Doc         // documents that must still have their Revision (Body unused)
	Delete  []Doc         // documents to delete, each conditional on its Revision
	Entries []audit.Entry // joined to the chain in this order; Seq, Prev and Hash are filled in by the store
	Events  []event.Event // leave the outbox after the commit, at least once
}

// Put makes the document for v under key, to replace the revision read.
func Put(key Key, revision int64, v any) (Doc, error) {
	b, err := json.Marshal(v)
	return Doc{Key: key, Revision: revision, Body: b}, err
}

// ModelOf is the model of an incident's or a label's partition, or "".
func ModelOf(partition string) string {
	parts := strings.SplitN(partition, "#", 3)
	if len(parts) < 2 {
		return ""
	}
	return parts[1]
}
