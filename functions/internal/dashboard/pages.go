package dashboard

import (
	"context"
	"encoding/json"
	"net/http"
	"path"
	"strings"

	"mlops/functions/internal/door"
	"mlops/functions/internal/incident"
	"mlops/functions/internal/reference"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/document"
	"mlops/shared/drift"
	"mlops/shared/drift/alert"
	"mlops/shared/event"
	"mlops/shared/explain"
	"mlops/shared/fault"
	"mlops/shared/registry"
)

// pages are for people; the edge has checked their session.
func (h *Handler) pages(mux *http.ServeMux) {
	mux.HandleFunc("GET /dashboard/{page...}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		body, err := h.page(r.Context(), r.PathValue("page"))
		if err != nil {
			status := door.Status(err)
			text := err.Error()
			if status >= 500 || status == http.StatusTooManyRequests {
				h.Log.ErrorContext(r.Context(), "page failed", "request_id", door.RequestOf(r.Context()), "path", r.URL.Path, "error", err)
				text = "Something failed here; the log has it under " + door.RequestOf(r.Context()) + "."
			}
			door.Bytes(w, status, "text/html; charset=utf-8", document.ProblemPage(status, text))
			return
		}
		door.Bytes(w, http.StatusOK, "text/html; charset=utf-8", body)
	})
}

func (h *Handler) page(ctx context.Context, page string) ([]byte, error) {
	kind, rest, _ := strings.Cut(page, "/")
	switch kind {
	case "":
		return h.home(ctx)
	case "models":
		return h.modelPage(ctx, rest)
	case "drift":
		return h.driftPage(ctx, rest)
	case "trends":
		return h.trendsPage(ctx, rest)
	case "incidents":
		model, id, _ := strings.Cut(rest, "/")
		i, err := h.find(ctx, id, model)
		if err != nil {
			return nil, err
		}
		return document.IncidentPage(line(*i), i.Decisions), nil
	case "reports":
		b, _, err := h.body(ctx, rest, false)
		return b, err
	case "mails":
		return h.mailPage(ctx, rest)
	}
	return nil, fault.NotFoundf("there is no page %.60q", page)
}

func (h *Handler) home(ctx context.Context) ([]byte, error) {
	home := document.Home{At: h.Now().UTC()}
	states, err := h.states(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range states {
		m := document.HomeModel{State: s}
		var history incident.History
		if _, err := h.Control.Get(ctx, control.Drift(s.Model), &history); err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		m.Windows = history.Windows
		if m.Head, err = h.Control.Head(ctx, s.Model); err != nil {
			return nil, err
		}
		home.Models = append(home.Models, m)
	}
	incidents, err := h.allIncidents(ctx)
	if err != nil {
		return nil, err
	}
	for _, i := range incidents {
		home.Incidents = append(home.Incidents, line(i))
	}
	if home.Approvals, err = h.requests(ctx); err != nil {
		return nil, err
	}
	stored, err := h.stored(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range stored {
		home.Reports = append(home.Reports, document.ReportLine{ID: s.ID, Kind: s.Kind, Model: s.Model, Title: s.Title, At: s.At})
	}
	if home.Mails, err = h.mailLines(ctx); err != nil {
		return nil, err
	}
	return document.HomePage(home), nil
}

func line(i incident.Incident) document.IncidentLine {
	l := document.IncidentLine{ID: i.ID, Model: i.Model, Kind: i.Kind, Severity: i.Severity, Stage: i.Stage, Cause: i.Cause, Opened: i.Opened, Resolved: i.Resolved, Action: i.Action, Folded: i.Folded}
	if n := len(i.Decisions); n > 0 {
		l.Summary = i.Decisions[n-1].Summary
	}
	return l
}

func (h *Handler) modelPage(ctx context.Context, name string) ([]byte, error) {
	m := document.ModelDetail{}
	if _, err := h.Control.Get(ctx, control.State(name), &m.State); err != nil {
		return nil, fault.Wrap(err, "find the model %.60q", name)
	}
	var history incident.History
	if _, err := h.Control.Get(ctx, control.Drift(name), &history); err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	m.Windows, m.Readings = history.Windows, history.Readings
	if v, _, ok := m.State.At(registry.Champion); ok {
		if err := h.explanation(ctx, name, v.Number, &m.Explanation); err != nil {
			return nil, err
		}
	}
	err := h.each(ctx, name, func(e audit.Entry) {
		m.Entries = append(m.Entries, e)
		if len(m.Entries) > 500 {
			m.Entries = m.Entries[1:]
		}
	})
	return document.ModelPage(m), err
}

// watched is what is known of a model's windows.
func (h *Handler) watched(ctx context.Context, name string) (history incident.History, alerts incident.Alerts, err error) {
	if _, err = h.Control.Get(ctx, control.State(name), &registry.State{}); err != nil {
		return history, alerts, fault.Wrap(err, "find the model %.60q", name)
	}
	if _, err = h.Control.Get(ctx, control.Drift(name), &history); err != nil && !fault.Is(err, fault.NotFound) {
		return history, alerts, err
	}
	if _, err = h.Control.Get(ctx, control.Alerts(name), &alerts); fault.Is(err, fault.NotFound) {
		err = nil
	}
	return history, alerts, err
}

// explanation is what a version goes by; a version of before there were explanations has none.
func (h *Handler) explanation(ctx context.Context, name string, version int, e *explain.Explanation) error {
	b, err := h.Blobs.Get(ctx, path.Join(reference.Dir(name, version), reference.Explanation), 4<<20)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(b, e)
	}
	return fault.Wrap(err, "read what version %d of %.60q goes by", version, name)
}

// driftPage is the newest window as it is reported, under what fires now.
func (h *Handler) driftPage(ctx context.Context, name string) ([]byte, error) {
	history, alerts, err := h.watched(ctx, name)
	if err != nil {
		return nil, err
	}
	if history.Latest == "" {
		return nil, fault.NotFoundf("no window of %.60q was measured yet: POST /drift/check measures one now", name)
	}
	b, err := h.Blobs.Get(ctx, history.Latest, 64<<20)
	if err != nil {
		return nil, fault.Wrap(err, "read the newest drift report of %.60q", name)
	}
	var rules []event.Told
	for _, s := range alerts.State.Firing() {
		rules = append(rules, event.Told{Rule: s.Rule.Name, Feature: s.Of, Status: alert.StatusFiring, Severity: s.Rule.Severity, Text: s.Text()})
	}
	_, html, err := document.DriftReportIn(b, document.Surroundings{Readings: history.Readings, Rules: rules, Home: true})
	return html, err
}

// trendsPage is how a model did over time.
func (h *Handler) trendsPage(ctx context.Context, name string) ([]byte, error) {
	history, alerts, err := h.watched(ctx, name)
	if err != nil {
		return nil, err
	}
	followed, err := h.followed(ctx, name)
	if err != nil {
		return nil, err
	}
	return document.TrendsPage(document.Trends{Model: name, Quality: followed, Windows: history.Windows, Readings: history.Readings, Firing: alerts.State.Firing(), Changes: alerts.Changes, LeastDrift: drift.DefaultPolicy().MinEffect}), nil
}

func (h *Handler) mailLines(ctx context.Context) ([]document.MailLine, error) {
	if h.Mails == nil {
		return nil, nil
	}
	mails, err := h.Mails(ctx)
	if err != nil {
		return nil, err
	}
	var out []document.MailLine
	for _, m := range mails {
		out = append(out, document.MailLine{ID: m.ID, To: m.To, Subject: m.Subject, At: m.At})
	}
	return out, nil
}

func (h *Handler) mailPage(ctx context.Context, id string) ([]byte, error) {
	if h.Mails != nil {
		mails, err := h.Mails(ctx)
		if err != nil {
			return nil, err
		}
		for _, m := range mails {
			if m.ID == id {
				return document.MailPage(document.MailLine{ID: m.ID, To: m.To, Subject: m.Subject, At: m.At}, m.Body), nil
			}
		}
	}
	return nil, fault.NotFoundf("there is no mail %.60q", id)
}
