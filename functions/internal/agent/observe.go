package agent

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"time"

	"mlops/functions/internal/capture"
	"mlops/functions/internal/incident"
	"mlops/functions/internal/serving"
	"mlops/functions/internal/table"
	"mlops/shared/control"
	"mlops/shared/dataset"
	"mlops/shared/drift"
	"mlops/shared/evaluate"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/number"
	"mlops/shared/registry"
	"mlops/shared/remedy"
	"mlops/shared/topology"
)

// situation is everything read for one decision, with the revisions that the commit will insist on.
type situation struct {
	model    string
	at       time.Time
	state    registry.State
	stateRev int64
	memory   incident.Memory
	memRev   int64
	open     *incident.Incident
	openRev  int64
	policies Policies
	history  incident.History
	seen     remedy.Observation
}

// look reads what every decision about a model needs.
func (h *Handler) look(ctx context.Context, name string, at time.Time, trigger string) (*situation, error) {
	s := &situation{model: name, at: at.UTC()}
	var err error
	if s.policies, err = h.Policy(ctx); err != nil {
		return nil, err
	}
	if s.stateRev, err = h.Control.Get(ctx, control.State(name), &s.state); err != nil {
		return nil, fault.Wrap(err, "find the model %.60q", name)
	}
	if s.memRev, err = h.Control.Get(ctx, control.Memory(name), &s.memory); err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if _, err = h.Control.Get(ctx, control.Drift(name), &s.history); err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if err := h.openIncident(ctx, s); err != nil {
		return nil, err
	}
	s.seen = remedy.Observation{Model: name, At: s.at, Trigger: trigger, KillSwitch: s.state.KillSwitch, DryRun: s.state.DryRun, Actions: s.memory.Actions}
	if s.open != nil {
		s.seen.Open = s.open.Facts()
	}
	windows := s.history.Windows
	s.seen.History = windows[max(0, len(windows)-30):]
	return s, h.versions(ctx, s)
}

// openIncident finds the incident that is open, or ended so recently that its condition may be coming back.
func (h *Handler) openIncident(ctx context.Context, s *situation) error {
	if s.memory.Open == "" {
		return nil
	}
	var i incident.Incident
	rev, err := h.Control.Get(ctx, control.Incident(s.model, s.memory.Open), &i)
	if err != nil {
		return err
	}
	if i.Ended() && s.at.Sub(i.Updated) > time.Duration(s.policies.Remedy.Alerts.ReopenMinutes)*time.Minute {
		return nil
	}
	s.open, s.openRev = &i, rev
	return nil
}

// versions adds the facts about what is served and what could be served instead.
func (h *Handler) versions(ctx context.Context, s *situation) error {
	champion, pointer, ok := s.state.At(registry.Champion)
	if !ok {
		return nil
	}
	s.seen.Champion = facts(champion, pointer)
	var older []remedy.VersionFacts
	for i, c := range s.state.Candidates() {
		problem := h.precheck(ctx, s.model, c)
		f := facts(c, registry.Pointer{Since: c.PromotedAt})
		if i == 0 {
			s.seen.Previous, s.seen.PreviousGood, s.seen.PreviousProblem = f, problem == "", problem
			continue
		}
		if problem == "" && len(older) < 5 {
			older = append(older, *f)
		}
	}
	s.seen.Older = older
	return nil
}

func facts(v registry.Version, p registry.Pointer) *remedy.VersionFacts {
	f := &remedy.VersionFacts{Number: v.Number, SHA256: v.SHA256, PromotedAt: p.Since, Forced: p.Forced, Metric: evaluate.Primary(dataset.Task(v.Task))}
	f.CV = number.Float(math.NaN())
	if cv, ok := v.Metrics[f.Metric]; ok {
		f.CV = cv
	}
	return f
}

// traffic adds what the labels that came in say: how many are new to the champion, and how its predecessor would have done on the same rows.
func (h *Handler) traffic(ctx context.Context, s *situation) error {
	champion, pointer, ok := s.state.At(registry.Champion)
	if !ok {
		return nil
	}
	served, err := h.Loader.Version(ctx, s.model, champion)
	if err != nil {
		return nil // the champion's artefact does not verify: that is for the observation of the release, not for this one
	}
	records, y, err := table.Labelled(ctx, h.Blobs, s.model, champion.CreatedAt, s.at.Add(time.Second), served.Classes)
	if err != nil {
		return err
	}
	since := s.since()
	var newer []float64
	for i, r := range records {
		if r.At.After(since) {
			newer = append(newer, y[i])
		}
	}
	s.seen.FreshLabels, s.seen.FreshRarerClass = len(newer), rarest(newer, served)
	s.seen.TrainRows = h.trainRows(ctx, champion) + len(y)
	if s.seen.Previous == nil || !s.seen.PreviousGood {
		return nil
	}
	var recent []capture.Record
	var truths []float64
	for i, r := range records {
		if !r.At.Before(pointer.Since) && r.Version == champion.Number {
			recent, truths = append(recent, r), append(truths, y[i])
		}
	}
	s.seen.PreviousCompared, err = h.compare(ctx, s, served, recent, truths)
	return err
}

// since is when what is going on now began: the last window in which nothing was found. Labels from before it tell of another time, and a
// retraining on them would learn nothing about this one.
func (s *situation) since() time.Time {
	for i := len(s.history.Windows) - 1; i >= 0; i-- {
		if w := s.history.Windows[i]; w.Verdict == drift.OK || w.Verdict == drift.Warn && !w.DatasetDrift && !w.PerformanceLoss {
			return w.At
		}
	}
	return time.Time{}
}

// compare scores champion and previous on the same labelled rows; nil where that cannot be done.
func (h *Handler) compare(ctx context.Context, s *situation, champion *serving.Served, rows []capture.Record, y []float64) (*remedy.Compared, error) {
	if len(y) == 0 {
		return nil, nil
	}
	v, _ := s.state.Version(s.seen.Previous.Number)
	previous, err := h.Loader.Version(ctx, s.model, v)
	if err != nil {
		return nil, nil // not comparable: PreviousGood says why
	}
	metric := evaluate.Primary(champion.Task)
	score := func(m *serving.Served) (number.Float, bool) {
		f, err := table.OfRecords(rows, m.Features)
		if err != nil {
			return 0, false
		}
		p, err := m.PredictFrame(f)
		if err != nil {
			return 0, false
		}
		metrics, err := evaluate.Measure(dataset.Labels{Task: m.Task, Classes: m.Classes, Y: y}, p)
		if err != nil {
			return 0, false
		}
		e, ok := metrics[metric]
		return e.Value, ok
	}
	a, okA := score(champion)
	b, okB := score(previous)
	if !okA || !okB {
		return nil, nil // one class only, say: no verdict either way
	}
	return &remedy.Compared{Metric: metric, Champion: a, Previous: b, N: len(y)}, nil
}

func rarest(y []float64, m *serving.Served) int {
	if m.Task == dataset.Regression {
		return -1
	}
	counts := make([]int, len(m.Classes))
	for _, v := range y {
		counts[int(v)]++
	}
	least := len(y)
	for _, c := range counts {
		least = min(least, c)
	}
	return least
}

func (h *Handler) trainRows(ctx context.Context, v registry.Version) int {
	m, err := table.ReadManifest(ctx, h.Blobs, v.Dataset, v.DataVersion)
	if err != nil {
		return 0 // only the forecast of cost and time depends on it
	}
	return m.Rows["train"] + m.Rows["val"]
}

// measured decides about a window that the drift check measured.
func (h *Handler) measured(ctx context.Context, e event.Event) error {
	var d event.Drift
	if err := e.Decode(&d); err != nil {
		return err
	}
	b, err := h.Blobs.Get(ctx, d.Key, 64<<20)
	if err != nil {
		return fault.Wrap(err, "read the measured window %s", d.Key)
	}
	var m incident.Measured
	if err := json.Unmarshal(b, &m); err != nil {
		return fault.New(fault.Internal, "the measured window %s is not JSON", d.Key).Because(err)
	}
	s, err := h.look(ctx, e.Model, e.Time, remedy.TriggerDrift)
	if err != nil {
		return err
	}
	if champion, _, ok := s.state.At(registry.Champion); !ok || champion.Number != m.Version {
		x := &deed{h: h, s: s, e: e, change: control.Change{Model: s.model, Op: "agent/" + e.ID}}
		x.say(d.Rules) // measured about a version that is no longer served: late, not wrong; nothing is decided
		if x.problem != nil || len(x.change.Events) == 0 {
			return x.problem
		}
		return h.Control.Commit(ctx, x.change)
	}
	s.seen.Drift, s.seen.Rows, s.seen.DuplicateRows, s.seen.LabelDelayDays = m.Report, m.Rows, m.Duplicates, number.Float(m.DelayDays)
	s.seen.Season = season(m.Report)
	if s.open != nil && s.open.Stage == remedy.StageVerifying && m.Report.Verdict != "insufficient_data" {
		s.open.Windows++
		s.open.After = performance(m)
		s.seen.Open = s.open.Facts()
	}
	if err := h.traffic(ctx, s); err != nil {
		return err
	}
	return h.perform(ctx, e, s, d.Key, withRules(d.Rules))
}

// season is the window against the same season of an earlier year; nil where none was to be compared with.
func season(r *drift.Report) *remedy.SeasonFacts {
	if r.Season == nil || r.Season.Columns == 0 {
		return nil
	}
	return &remedy.SeasonFacts{From: r.Season.From, DatasetDrift: r.Season.DatasetDrift, N: r.Season.Rows}
}

// alerted decides about the alerts of an outside monitor. What concerns no model, such as the stack's alarm of a full dead-letter queue, is
// noted and decided by nobody here: the monitor itself tells people.
func (h *Handler) alerted(ctx context.Context, e event.Event) error {
	var a event.Alert
	if err := e.Decode(&a); err != nil {
		return err
	}
	names, err := h.Control.Models(ctx)
	if err != nil {
		return err
	}
	if e.Model = concerned(e.Model, a, names); e.Model == "" {
		h.Log.WarnContext(ctx, "alerts that concern no model", "event", e.ID, "alerts", a.Alerts)
		return nil
	}
	s, err := h.look(ctx, e.Model, e.Time, remedy.TriggerAlert)
	if err != nil {
		return err
	}
	for _, one := range a.Alerts {
		s.seen.Alerts = append(s.seen.Alerts, remedy.Alert{Fingerprint: one.Fingerprint, Name: one.Labels["alertname"], Severity: one.Labels["severity"], Status: one.Status, Labels: one.Labels, At: e.Time})
	}
	if err := h.traffic(ctx, s); err != nil {
		return err
	}
	return h.perform(ctx, e, s, "")
}

// concerned is the model that alerts are about, "" = none: the one they name where it is known; where they name none the only model there
// is, as at POST /alerts, if each of them is about the function that serves it.
func concerned(model string, a event.Alert, known []string) string {
	if model != "" {
		if slices.Contains(known, model) {
			return model
		}
		return ""
	}
	for _, one := range a.Alerts {
		if one.Labels["function"] != string(topology.Predict) {
			return ""
		}
	}
	if len(known) != 1 || len(a.Alerts) == 0 {
		return ""
	}
	return known[0]
}
