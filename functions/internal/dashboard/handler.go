// Package dashboard is the handler of the dashboard function: everything people and programs may look at, and nothing they may change.
package dashboard

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"mlops/functions/internal/capture"
	"mlops/functions/internal/door"
	"mlops/functions/internal/incident"
	"mlops/functions/internal/job"
	"mlops/functions/internal/report"
	"mlops/shared/approval"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/fault"
	"mlops/shared/registry"
)

// Handler shows.
type Handler struct {
	Control interface {
		Get(ctx context.Context, key control.Key, into any) (int64, error)
		List(ctx context.Context, partition, prefix, after string, limit int) ([]control.Doc, error)
		ListRecent(ctx context.Context, partition, prefix, after string, limit int) ([]control.Doc, error)
		Models(ctx context.Context) ([]string, error)
		Entries(ctx context.Context, model string, from int64, limit int) ([]audit.Entry, error)
		Head(ctx context.Context, model string) (audit.Head, error)
	}
	Blobs capture.Blobs                             // the data bucket
	Mails func(ctx context.Context) ([]Mail, error) // nil where mails leave the machine
	Now   func() time.Time
	Log   *slog.Logger
}

// Mail is a mail that was written to a folder instead of being sent.
type Mail struct {
	ID      string
	To      string
	Subject string
	Body    string
	At      time.Time
}

// Routes are the HTTP doors.
func (h *Handler) Routes() http.Handler {
	mux := http.NewServeMux()
	h.pages(mux)
	for pattern, do := range map[string]func(*http.Request) (any, error){
		"GET /models":             h.models,
		"GET /models/{m}/history": h.history,
		"GET /models/{m}/audit":   h.chain,
		"GET /incidents":          h.incidents,
		"GET /incidents/{id}":     h.incident,
		"GET /approvals":          h.approvals,
		"GET /reports":            h.reports,
		"GET /jobs/{id}":          h.job,
		"GET /datasets":           h.datasets,

		"GET /datasets/{name}/versions":           h.versions,
		"GET /datasets/{name}/versions/{version}": h.dataVersion,
		"GET /quality/{kind}/{name}":              h.quality,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			v, err := do(r)
			if err != nil {
				door.Fail(w, r, door.Plain, err)
				return
			}
			door.JSON(w, http.StatusOK, v)
		})
	}
	mux.HandleFunc("GET /reports/{id}", h.document)
	return mux
}

func (h *Handler) models(r *http.Request) (any, error) {
	states, err := h.states(r.Context())
	return map[string]any{"models": states}, err
}

func (h *Handler) states(ctx context.Context) ([]registry.State, error) {
	names, err := h.Control.Models(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]registry.State, len(names))
	for i, n := range names {
		if _, err := h.Control.Get(ctx, control.State(n), &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Moved is one entry of a model's history: what began to serve, when, by whom and why.
type Moved struct {
	At       time.Time   `json:"at"`
	From     int         `json:"from"`
	To       int         `json:"to"`
	SHA256   string      `json:"sha256"`
	Kind     string      `json:"kind"`
	Actor    audit.Actor `json:"actor"`
	Reason   string      `json:"reason"`
	Forced   bool        `json:"forced"`
	Seq      int64       `json:"ledger_seq"`
	Verified bool        `json:"verified"`
	Dataset  string      `json:"dataset"`      // what To was trained on
	Data     string      `json:"data_version"` //
}

// history answers GET /models/{m}/history[?at=]: every move of the champion's alias, from the ledger; with at, what served then.
func (h *Handler) history(r *http.Request) (any, error) {
	name := r.PathValue("m")
	var state registry.State
	if _, err := h.Control.Get(r.Context(), control.State(name), &state); err != nil {
		return nil, fault.Wrap(err, "find the model %.60q", name)
	}
	moves, err := h.moves(r.Context(), name)
	if err != nil {
		return nil, err
	}
	for i := range moves {
		if v, ok := state.Version(moves[i].To); ok {
			moves[i].Dataset, moves[i].Data = v.Dataset, v.DataVersion
		}
	}
	at := r.URL.Query().Get("at")
	if at == "" {
		return map[string]any{"model": name, "history": moves}, nil
	}
	when, err := moment(at)
	if err != nil {
		return nil, err
	}
	n := sort.Search(len(moves), func(i int) bool { return moves[i].At.After(when) })
	if n == 0 {
		return map[string]any{"model": name, "at": when, "champion": nil}, nil
	}
	return map[string]any{"model": name, "at": when, "champion": moves[n-1]}, nil
}

func moment(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.Invalidf("%.40q is no time: write 2026-01-02T15:04:05Z or 2026-01-02", s).With(fault.Detail{Field: "at", Code: "wrong_type", Got: s, Expected: "RFC 3339"})
}

func (h *Handler) moves(ctx context.Context, name string) ([]Moved, error) {
	out := []Moved{}
	forced := false
	err := h.each(ctx, name, func(e audit.Entry) {
		switch e.Kind {
		case audit.OverrideForced:
			forced = true
		case audit.AliasPromoted, audit.AliasRolledBack:
			kind := registry.KindPromote
			if e.Kind == audit.AliasRolledBack {
				kind = registry.KindRollback
			}
			out = append(out, Moved{At: e.At, From: e.From, To: e.To, SHA256: e.SHA256, Kind: kind, Actor: e.Actor, Reason: e.Reason, Seq: e.Seq, Forced: forced})
			forced = false
		case audit.PromotionVerified, audit.RollbackVerified:
			if n := len(out); n > 0 && out[n-1].To == e.To {
				out[n-1].Verified = true
			}
		}
	})
	return out, err
}

func (h *Handler) each(ctx context.Context, name string, do func(audit.Entry)) error {
	for from := int64(1); ; {
		page, err := h.Control.Entries(ctx, name, from, 500)
		if err != nil {
			return err
		}
		for _, e := range page {
			do(e)
		}
		if len(page) < 500 {
			return nil
		}
		from = page[len(page)-1].Seq + 1
	}
}

// chain answers GET /models/{m}/audit?from=&limit=: entries as they were sealed, to be verified by the reader.
func (h *Handler) chain(r *http.Request) (any, error) {
	from, limit := int64(1), 500
	if s := r.URL.Query().Get("from"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 1 {
			return nil, fault.Invalidf("from=%.20q is no sequence number", s)
		}
		from = n
	}
	name := r.PathValue("m")
	head, err := h.Control.Head(r.Context(), name) // first: what is appended meanwhile is not shown, so entries and head agree
	if err != nil {
		return nil, err
	}
	if head.Seq == 0 {
		return nil, fault.NotFoundf("there is no ledger of %.60q", name)
	}
	entries, err := h.Control.Entries(r.Context(), name, from, limit)
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e audit.Entry) bool { return e.Seq > head.Seq })
	if entries == nil {
		entries = []audit.Entry{}
	}
	return map[string]any{"entries": entries, "head": head}, nil
}

func (h *Handler) allIncidents(ctx context.Context) ([]incident.Incident, error) {
	names, err := h.Control.Models(ctx)
	if err != nil {
		return nil, err
	}
	out := []incident.Incident{}
	for _, n := range names {
		docs, err := h.Control.List(ctx, control.Incident(n, "").Partition, "", "", 1000)
		if err != nil {
			return nil, err
		}
		for _, d := range docs {
			var i incident.Incident
			if err := json.Unmarshal(d.Body, &i); err != nil {
				return nil, fault.New(fault.Internal, "incident %s is not JSON", d.Key).Because(err)
			}
			out = append(out, i)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Opened.After(out[j].Opened) })
	return out, nil
}

func (h *Handler) incidents(r *http.Request) (any, error) {
	all, err := h.allIncidents(r.Context())
	return map[string]any{"incidents": all}, err
}

// incident finds one by id, or where several models have one of that number, by model/id or ?model=.
func (h *Handler) incident(r *http.Request) (any, error) {
	return h.find(r.Context(), r.PathValue("id"), r.URL.Query().Get("model"))
}

func (h *Handler) find(ctx context.Context, id, model string) (*incident.Incident, error) {
	all, err := h.allIncidents(ctx)
	if err != nil {
		return nil, err
	}
	var found []incident.Incident
	for _, i := range all {
		if i.ID == id && (model == "" || i.Model == model) {
			found = append(found, i)
		}
	}
	switch len(found) {
	case 0:
		return nil, fault.NotFoundf("there is no incident %.40q", id)
	case 1:
		return &found[0], nil
	}
	return nil, fault.Invalidf("%d models have an incident %s: say which with ?model=", len(found), id)
}

// Asked is an approval as programs see it. Tokens are in mails only.
type Asked struct {
	approval.Request
	Decision json.RawMessage `json:"decision"`
	Typed    string          `json:"typed"`
}

func (h *Handler) approvals(r *http.Request) (any, error) {
	all, err := h.requests(r.Context())
	out := make([]Asked, len(all))
	for i, a := range all {
		out[i] = Asked{a, a.Summary, a.Typed()}
		out[i].Summary = nil
	}
	return map[string]any{"approvals": out}, err
}

func (h *Handler) requests(ctx context.Context) ([]approval.Request, error) {
	docs, err := h.Control.ListRecent(ctx, "approval", "", "", 200)
	if err != nil {
		return nil, err
	}
	out := make([]approval.Request, len(docs))
	for i, d := range docs {
		if err := json.Unmarshal(d.Body, &out[i]); err != nil {
			return nil, fault.New(fault.Internal, "approval %s is not JSON", d.Key.Sort).Because(err)
		}
	}
	return out, nil
}

func (h *Handler) stored(ctx context.Context) ([]report.Stored, error) {
	docs, err := h.Control.ListRecent(ctx, "report", "", "", 200)
	if err != nil {
		return nil, err
	}
	out := make([]report.Stored, len(docs))
	for i, d := range docs {
		if err := json.Unmarshal(d.Body, &out[i]); err != nil {
			return nil, fault.New(fault.Internal, "report %s is not JSON", d.Key.Sort).Because(err)
		}
	}
	return out, nil
}

func (h *Handler) reports(r *http.Request) (any, error) {
	all, err := h.stored(r.Context())
	return map[string]any{"reports": all}, err
}

// document answers GET /reports/{id}: HTML, or the JSON it was made from when that is asked for.
func (h *Handler) document(w http.ResponseWriter, r *http.Request) {
	body, contentType, err := h.body(r.Context(), r.PathValue("id"), strings.Contains(r.Header.Get("Accept"), "application/json"))
	if err != nil {
		door.Fail(w, r, door.Plain, err)
		return
	}
	door.Bytes(w, http.StatusOK, contentType, body)
}

func (h *Handler) body(ctx context.Context, id string, data bool) ([]byte, string, error) {
	var s report.Stored
	if _, err := h.Control.Get(ctx, control.Report(id), &s); err != nil {
		return nil, "", fault.Wrap(err, "find the report %.60q", id)
	}
	key, contentType := s.Key, "text/html; charset=utf-8"
	if strings.HasSuffix(key, ".csv") {
		contentType = "text/csv; charset=utf-8"
	}
	if data && s.Data != s.Key {
		key, contentType = s.Data, "application/json"
	}
	b, err := h.Blobs.Get(ctx, key, 64<<20)
	return b, contentType, err
}

func (h *Handler) job(r *http.Request) (any, error) {
	var j job.Job
	_, err := h.Control.Get(r.Context(), control.Job(r.PathValue("id")), &j)
	return j, fault.Wrap(err, "find the job %.60q", r.PathValue("id"))
}
