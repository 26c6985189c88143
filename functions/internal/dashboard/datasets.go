package dashboard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"mlops/functions/internal/table"
	"mlops/shared/control"
	"mlops/shared/fault"
	"mlops/shared/registry"
	"mlops/shared/training/selection"
)

// Named is a dataset in the list of them.
type Named struct {
	Name     string         `json:"name"`
	Model    string         `json:"model"`
	Versions int            `json:"versions"`
	Latest   string         `json:"latest"`
	Updated  time.Time      `json:"updated"`
	Pin      *selection.Pin `json:"pin,omitempty"`
}

// datasets answers GET /datasets, the last updated first.
func (h *Handler) datasets(r *http.Request) (any, error) {
	docs, err := h.Control.List(r.Context(), control.Dataset("").Partition, "", "", 1000)
	if err != nil {
		return nil, err
	}
	out := []Named{}
	for _, doc := range docs {
		var d table.Dataset
		if err := json.Unmarshal(doc.Body, &d); err != nil {
			return nil, fault.New(fault.Internal, "dataset %s is not JSON", doc.Key.Sort).Because(err)
		}
		n := Named{Name: d.Name, Model: d.Model, Versions: len(d.Versions), Updated: d.Updated, Pin: d.Pin}
		if n.Versions > 0 {
			n.Latest = d.Versions[n.Versions-1]
		}
		out = append(out, n)
	}
	slices.SortStableFunc(out, func(a, b Named) int { return b.Updated.Compare(a.Updated) })
	return map[string]any{"datasets": out}, nil
}

// Logged is a data version in the log of its dataset.
type Logged struct {
	Version  string         `json:"version"`
	Created  time.Time      `json:"created"`
	Rows     map[string]int `json:"rows"` // train, val, test, rejected
	Passed   bool           `json:"passed"`
	Warnings int            `json:"warnings"`
	Source   string         `json:"source"`
	Target   string         `json:"target"`
	Parents  []string       `json:"parents,omitempty"`
	Fresh    int            `json:"fresh,omitempty"`
	Models   []Trained      `json:"models"`
	Pinned   bool           `json:"pinned,omitempty"`
	Problem  string         `json:"problem,omitempty"` // why its manifest cannot be read; then only Version is known
}

// Trained is a model's version that was trained on a data version.
type Trained struct {
	Model   string           `json:"model"`
	Version int              `json:"version"`
	SHA256  string           `json:"sha256"`
	Aliases []registry.Alias `json:"aliases,omitempty"`
}

func (h *Handler) dataset(r *http.Request) (table.Dataset, error) {
	var d table.Dataset
	_, err := h.Control.Get(r.Context(), control.Dataset(r.PathValue("name")), &d)
	return d, fault.Wrap(err, "find the dataset %.60q", r.PathValue("name"))
}

// logPage is how many versions one answer has at most.
const logPage = 50

// versions answers GET /datasets/{name}/versions?limit=&skip=: the newest first.
func (h *Handler) versions(r *http.Request) (any, error) {
	d, err := h.dataset(r)
	if err != nil {
		return nil, err
	}
	limit, err := count(r, "limit", logPage, 1, logPage)
	if err != nil {
		return nil, err
	}
	skip, err := count(r, "skip", 0, 0, 1e6)
	if err != nil {
		return nil, err
	}
	states, err := h.states(r.Context())
	if err != nil {
		return nil, err
	}
	out := []Logged{}
	newest := slices.Clone(d.Versions)
	slices.Reverse(newest)
	newest = newest[min(skip, len(newest)):]
	for _, id := range newest[:min(limit, len(newest))] {
		l := Logged{Version: id, Models: trained(states, d.Name, id), Pinned: d.Pin != nil && d.Pin.Version == id}
		m, err := table.ReadManifest(r.Context(), h.Blobs, d.Name, id)
		switch {
		case fault.Is(err, fault.Invalid), fault.Is(err, fault.NotFound):
			l.Problem = err.Error()
		case err != nil:
			return nil, err
		default:
			l.Created, l.Rows, l.Passed, l.Warnings, l.Source, l.Target = m.Created, m.Rows, m.Validation.Passed, m.Validation.Warnings, m.Source, m.Target
			l.Parents, l.Fresh = m.Parents, m.Fresh
		}
		out = append(out, l)
	}
	return map[string]any{"dataset": d.Name, "model": d.Model, "total": len(d.Versions), "versions": out}, nil
}

func count(r *http.Request, name string, otherwise, low, high int) (int, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		return 0, fault.Invalidf("%s=%.20q is no such number", name, s).With(fault.Detail{Field: name, Code: "out_of_range", Got: fmt.Sprintf("%.20s", s), Expected: fmt.Sprintf("%d to %d", low, high)})
	}
	return n, nil
}

// trained are the models' versions that were made of a data version.
func trained(states []registry.State, name, id string) []Trained {
	out := []Trained{}
	for _, s := range states {
		for _, v := range s.Versions {
			if v.Dataset != name || v.DataVersion != id {
				continue
			}
			t := Trained{Model: s.Model, Version: v.Number, SHA256: v.SHA256}
			for _, a := range []registry.Alias{registry.Champion, registry.Challenger, registry.Previous} {
				if s.Aliases[a].Version == v.Number {
					t.Aliases = append(t.Aliases, a)
				}
			}
			out = append(out, t)
		}
	}
	return out
}

// dataVersion answers GET /datasets/{name}/versions/{version}: the manifest of the one that is meant, which may be abbreviated.
func (h *Handler) dataVersion(r *http.Request) (any, error) {
	d, m, err := table.Find(r.Context(), h.Control, h.Blobs, r.PathValue("name"), r.PathValue("version"))
	if err != nil {
		return nil, err
	}
	states, err := h.states(r.Context())
	if err != nil {
		return nil, err
	}
	return map[string]any{"manifest": m, "models": trained(states, d.Name, m.Version), "pinned": d.Pin != nil && d.Pin.Version == m.Version}, nil
}
