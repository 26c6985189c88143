package agent

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"mlops/functions/internal/door"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/registry"
	"mlops/shared/remedy"
)

// Routes are the HTTP doors.
func (h *Handler) Routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, do := range map[string]func(*http.Request) (int, any, error){
		"POST /alerts":                h.alerts,
		"POST /models/{m}/promotions": h.promotion,
		"POST /models/{m}/rollback":   h.rollback,
		"POST /models/{m}/switch":     h.kill,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			status, answer, err := do(r)
			if err != nil {
				door.Fail(w, r, door.Plain, err)
				return
			}
			door.JSON(w, status, answer)
		})
	}
	return mux
}

// person is who asks, as the ledger names them.
func person(ctx context.Context) audit.Actor {
	return audit.Actor{Type: "human", ID: door.CallerOf(ctx).ID}
}

// alertmanager is the body of an Alertmanager webhook, version 4: prometheus.io/docs/alerting/latest/configuration/#webhook_config.
type alertmanager struct {
	Version           string            `json:"version"`
	GroupKey          string            `json:"groupKey"`
	TruncatedAlerts   int               `json:"truncatedAlerts"`
	Status            string            `json:"status"`
	Receiver          string            `json:"receiver"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	ExternalURL       string            `json:"externalURL"`
	Alerts            []struct {
		Status       string            `json:"status"`
		Labels       map[string]string `json:"labels"`
		Annotations  map[string]string `json:"annotations"`
		StartsAt     string            `json:"startsAt"`
		EndsAt       string            `json:"endsAt"`
		GeneratorURL string            `json:"generatorURL"`
		Fingerprint  string            `json:"fingerprint"`
	} `json:"alerts"`
}

// maxAlerts bounds one group.
const maxAlerts = 1000

// alerts answers POST /alerts: one event a model, so that a storm of alerts is one observation.
func (h *Handler) alerts(r *http.Request) (int, any, error) {
	ctx := r.Context()
	var in alertmanager
	if err := door.Read(r, &in); err != nil {
		return 0, nil, err
	}
	if in.Version != "4" {
		return 0, nil, fault.Invalidf("version %.20q of the webhook is not read here: Alertmanager sends \"4\"", in.Version)
	}
	if len(in.Alerts) == 0 || len(in.Alerts) > maxAlerts {
		return 0, nil, fault.Invalidf("%d alerts: one group has 1 to %d", len(in.Alerts), maxAlerts)
	}
	names, err := h.Control.Models(ctx)
	if err != nil {
		return 0, nil, err
	}
	groups := map[string][]event.SingleAlert{}
	var order []string
	unknown := []fault.Detail{}
	for i, a := range in.Alerts {
		name := a.Labels["model"]
		if name == "" {
			name = in.CommonLabels["model"]
		}
		if name == "" && len(names) == 1 {
			name = names[0] // there is one model only: it is meant
		}
		if !slices.Contains(names, name) {
			unknown = append(unknown, fault.Detail{Field: "labels.model", Code: "unknown_model", Got: name, Row: fault.Row(i), Expected: "the name of a model"})
			continue
		}
		if _, ok := groups[name]; !ok {
			order = append(order, name)
		}
		groups[name] = append(groups[name], event.SingleAlert{Fingerprint: a.Fingerprint, Status: a.Status, Labels: a.Labels})
	}
	if len(order) == 0 {
		return 0, nil, fault.Invalidf("none of the alerts is about a model that is known").With(unknown...)
	}
	for _, name := range order {
		e, err := event.New(h.NewID(), event.AlertReceived, h.Now(), name, event.Alert{Alerts: groups[name]})
		if err != nil {
			return 0, nil, err
		}
		if err := h.Control.Commit(ctx, control.Change{Model: name, Events: []event.Event{e}}); err != nil {
			return 0, nil, err
		}
	}
	return http.StatusAccepted, map[string]any{"accepted": len(in.Alerts) - len(unknown), "rejected": unknown}, nil
}

// notYet is the problem of a move that was made and could not be verified at once: the event of the move does it.
const notYet = "it could not be asked yet; it is tried again"

type promotionIn struct {
	Version  string `json:"version"`
	Strategy struct {
		Type          string `json:"type"`
		CanaryPercent int    `json:"canary_percent"`
		WaitInterval  int    `json:"wait_interval_seconds"`
		MaxExecution  int    `json:"maximum_execution_timeout_seconds"`
	} `json:"strategy"`
	AutoRollback json.RawMessage `json:"auto_rollback"`
	Reason       string          `json:"reason"`
	Force        bool            `json:"force"`
	DryRun       bool            `json:"dry_run"`
}

// promotion answers POST /models/{m}/promotions: the gate judges the version now, and it is promoted if it passes. With "force" an operator
// goes past the gate, under their name and with their reason in the ledger.
func (h *Handler) promotion(r *http.Request) (int, any, error) {
	var in promotionIn
	if err := door.Read(r, &in); err != nil {
		return 0, nil, err
	}
	n, problems := versionNumber(in.Version)
	if in.Reason == "" || len(in.Reason) > 1000 {
		problems = append(problems, fault.Detail{Field: "reason", Code: "missing", Expected: "why, in 1 to 1000 characters"})
	}
	if t := in.Strategy.Type; t != "" && t != "ALL_AT_ONCE" {
		problems = append(problems, fault.Detail{Field: "strategy.type", Code: "unsupported", Got: t, Expected: "ALL_AT_ONCE: a release serves all traffic at once, and is taken back as a whole"})
	}
	if in.Strategy.CanaryPercent != 0 || len(in.AutoRollback) > 0 {
		problems = append(problems, fault.Detail{Field: "strategy", Code: "unsupported", Expected: "type ALL_AT_ONCE and nothing else: the agent itself watches every release and goes back by its policy"})
	}
	if len(problems) > 0 {
		return 0, nil, fault.Invalidf("the promotion cannot be read").With(problems...)
	}
	var out map[string]any
	err := again(r.Context(), func() (err error) {
		out, err = h.promote(r.Context(), r.PathValue("m"), n, in)
		return err
	})
	return http.StatusAccepted, out, err
}

func (h *Handler) promote(ctx context.Context, name string, n int, in promotionIn) (map[string]any, error) {
	s, err := h.look(ctx, name, h.Now(), remedy.TriggerGate)
	if err != nil {
		return nil, err
	}
	v, ok := s.state.Version(n)
	if !ok {
		return nil, fault.NotFoundf("model %s has no version %d", name, n)
	}
	report, key, err := h.judge(ctx, s, v)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"promotion_id": h.NewID(), "version": in.Version, "gate_report": report.Report, "report": key}
	if in.DryRun {
		out["state"] = "dry_run"
		return out, nil
	}
	if problem := h.precheck(ctx, name, v); problem != "" {
		return nil, fault.Conflictf("version %d of %s cannot serve: %s", n, name, problem)
	}
	if s.state, err = s.state.Gated(n, report.Report.Passed, report.Report.SHA256); err != nil && v.Status == registry.Candidate {
		return nil, err
	}
	forced := in.Force && !report.Report.Passed
	if !report.Report.Passed && !forced {
		return nil, fault.Conflictf("the gate refuses version %d of %s (%s): see %s; an operator may force it with \"force\": true", n, name, report.Report.Verdict, key)
	}
	champion := 0
	if s.seen.Champion != nil {
		champion = s.seen.Champion.Number
	}
	next, move, err := s.state.Promote(n, v.SHA256, champion, forced, s.at)
	if err != nil {
		return nil, err
	}
	x := &deed{h: h, s: s, e: event.Event{ID: out["promotion_id"].(string)}, change: control.Change{Model: name}}
	s.state = next
	kind := audit.AliasPromoted
	if forced {
		e := x.entry(audit.OverrideForced, "operator", in.Reason)
		e.Actor, e.To, e.SHA256 = person(ctx), n, v.SHA256
		x.record(e)
	}
	x.announce(kind, move, in.Reason)
	x.change.Entries[len(x.change.Entries)-1].Actor = person(ctx)
	x.remember()
	if x.problem != nil {
		return nil, x.problem
	}
	if err := h.Control.Commit(ctx, x.change); err != nil {
		return nil, err
	}
	out["state"], out["from"], out["forced"] = "promoted", strconv.Itoa(move.From), forced
	seen, err := h.verify(ctx, name, v) // the event of the move verifies too, and takes it back where this fails
	out["verified"], out["golden_rows_matched"] = err == nil && seen.Problem == "", seen.Matched
	if err != nil {
		seen.Problem = notYet
	}
	if seen.Problem != "" {
		out["problem"] = seen.Problem
	}
	return out, nil
}

// rollback answers POST /models/{m}/rollback {"to":"previous"|"<version>","reason"}: checked before, done, verified through the serving path.
func (h *Handler) rollback(r *http.Request) (int, any, error) {
	ctx := r.Context()
	var in struct {
		To     string `json:"to"`
		Reason string `json:"reason"`
	}
	if err := door.Read(r, &in); err != nil {
		return 0, nil, err
	}
	var problems []fault.Detail
	to := 0
	if in.To != "" && in.To != "previous" {
		to, problems = versionNumber(in.To)
	}
	if in.Reason == "" || len(in.Reason) > 1000 {
		problems = append(problems, fault.Detail{Field: "reason", Code: "missing", Expected: "why, in 1 to 1000 characters"})
	}
	if len(problems) > 0 {
		return 0, nil, fault.Invalidf("the rollback cannot be read").With(problems...)
	}
	name, id := r.PathValue("m"), h.NewID()
	var move registry.Move
	var target registry.Version
	err := again(ctx, func() error {
		s, err := h.look(ctx, name, h.Now(), remedy.TriggerSweep)
		if err != nil {
			return err
		}
		if s.seen.Champion == nil {
			return fault.Conflictf("model %s has no champion to roll back from", name)
		}
		var next registry.State
		if next, move, err = s.state.Rollback(to, s.seen.Champion.Number, s.at); err != nil {
			return err
		}
		target, _ = next.Version(move.To)
		if problem := h.precheck(ctx, name, target); problem != "" {
			return fault.Invalidf("version %d of %s cannot serve: %s", move.To, name, problem)
		}
		s.state = next
		x := &deed{h: h, s: s, e: event.Event{ID: id}, change: control.Change{Model: name}}
		x.announce(audit.AliasRolledBack, move, in.Reason)
		x.change.Entries[0].Actor = person(ctx)
		s.memory = s.memory.Acted(remedy.Rollback, s.at)
		x.remember()
		if x.problem != nil {
			return x.problem
		}
		return h.Control.Commit(ctx, x.change)
	})
	if err != nil {
		return 0, nil, err
	}
	v, err := h.verify(ctx, name, target)
	if err != nil { // the alias has moved: an error would say that nothing happened
		v.Problem = notYet
	}
	return http.StatusOK, map[string]any{"from": strconv.Itoa(move.From), "to": strconv.Itoa(move.To), "verified": v.Problem == "", "golden_rows_matched": v.Matched,
		"golden_rows": v.Rows, "problem": v.Problem, "history_id": id}, nil
}

// kill answers POST /models/{m}/switch {"kill":true,"dry_run":false,"reason"}: what the agent may do to this model from now on.
func (h *Handler) kill(r *http.Request) (int, any, error) {
	ctx := r.Context()
	var in struct {
		Kill   *bool  `json:"kill"`
		DryRun *bool  `json:"dry_run"`
		Reason string `json:"reason"`
	}
	if err := door.Read(r, &in); err != nil {
		return 0, nil, err
	}
	if in.Kill == nil && in.DryRun == nil || in.Reason == "" {
		return 0, nil, fault.Invalidf(`say what to switch and why: {"kill":true,"reason":".."} or {"dry_run":false,"reason":".."}`)
	}
	var out map[string]any
	err := again(ctx, func() error {
		s, err := h.look(ctx, r.PathValue("m"), h.Now(), remedy.TriggerSweep)
		if err != nil {
			return err
		}
		if in.Kill != nil {
			s.state.KillSwitch = *in.Kill
		}
		if in.DryRun != nil {
			s.state.DryRun = *in.DryRun
		}
		doc, err := control.Put(control.State(s.model), s.stateRev, s.state)
		if err != nil {
			return err
		}
		out = map[string]any{"kill": s.state.KillSwitch, "dry_run": s.state.DryRun}
		return h.Control.Commit(ctx, control.Change{Model: s.model, Put: []control.Doc{doc}, Entries: []audit.Entry{{Kind: audit.ConfigChanged, Model: s.model, At: s.at, Actor: person(ctx), Reason: in.Reason,
			Inputs: map[string]string{"kill": strconv.FormatBool(s.state.KillSwitch), "dry_run": strconv.FormatBool(s.state.DryRun)}}}})
	})
	return http.StatusOK, out, err
}

var digits = regexp.MustCompile(`^[0-9]{1,9}$`)

func versionNumber(s string) (int, []fault.Detail) {
	if !digits.MatchString(s) {
		return 0, []fault.Detail{{Field: "version", Code: "wrong_type", Got: s, Expected: `a version's number as text, such as "2"`}}
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, []fault.Detail{{Field: "version", Code: "out_of_range", Got: s}}
	}
	return n, nil
}
