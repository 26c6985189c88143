package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strconv"

	"mlops/functions/internal/incident"
	"mlops/functions/internal/reference"
	"mlops/functions/internal/serving"
	"mlops/functions/internal/train"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/dataset"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/number"
	"mlops/shared/registry"
	"mlops/shared/remedy"
)

// precheck says what speaks against serving a version, or "": its bytes have the registered digest, they load, and they give their golden
// rows' answers to the last bit.
func (h *Handler) precheck(ctx context.Context, name string, v registry.Version) string {
	s, err := h.Loader.Version(ctx, name, v)
	if err != nil {
		return err.Error()
	}
	g, err := h.golden(ctx, name, v.Number)
	if err != nil {
		return err.Error()
	}
	p := make([]float64, s.Width())
	for i, row := range g.Rows {
		x, problems := s.Row(row.Features)
		if len(problems) > 0 {
			return fmt.Sprintf("its golden row %d does not fit it: %s", i, problems[0])
		}
		s.Predict(p, x)
		for k := range p {
			if p[k] != row.Prediction[k] {
				return fmt.Sprintf("its golden row %d gives %g, not %g", i, p[k], row.Prediction[k])
			}
		}
	}
	return ""
}

func (h *Handler) golden(ctx context.Context, name string, version int) (train.Golden, error) {
	var g train.Golden
	b, err := h.Blobs.Get(ctx, path.Join(reference.Dir(name, version), "golden.json"), 16<<20)
	if err != nil {
		return g, fault.Wrap(err, "read the golden rows of version %d of %s", version, name)
	}
	if err := json.Unmarshal(b, &g); err != nil {
		return g, fault.New(fault.Internal, "the golden rows of version %d of %s are not JSON", version, name).Because(err)
	}
	return g, nil
}

// Verification is the outcome of asking the serving path.
type Verification struct {
	Matched int
	Rows    int
	Problem string // "" = verified
}

// verify sends the golden rows of the version that should serve now through the serving path and compares every answer to the last bit.
func (h *Handler) verify(ctx context.Context, name string, v registry.Version) (Verification, error) {
	g, err := h.golden(ctx, name, v.Number)
	if err != nil {
		return Verification{}, err
	}
	s, err := h.Loader.Version(ctx, name, v)
	if err != nil {
		return Verification{}, err
	}
	rows := make([]map[string]any, len(g.Rows))
	for i := range rows {
		rows[i] = g.Rows[i].Features
	}
	answers, err := h.Prober.Probe(ctx, name, rows)
	if err != nil {
		return Verification{}, fault.Wrap(err, "ask the serving path of %s", name)
	}
	out := Verification{Rows: len(rows)}
	for i, a := range answers {
		switch {
		case a.Version != strconv.Itoa(v.Number):
			out.Problem = fmt.Sprintf("the serving path still answers with version %s", a.Version)
		case !same(a, g.Rows[i].Prediction, s):
			out.Problem = fmt.Sprintf("golden row %d differs through the serving path", i)
		default:
			out.Matched++
		}
	}
	if len(answers) != len(rows) {
		out.Problem = fmt.Sprintf("%d answers to %d golden rows", len(answers), len(rows))
	}
	return out, nil
}

func same(a Probe, want []float64, s *serving.Served) bool {
	if s.Task == dataset.Regression {
		return a.Values[""] == want[0]
	}
	for k, class := range s.Classes {
		if a.Values[class] != want[k] {
			return false
		}
	}
	return len(a.Values) == len(want)
}

// moved verifies a promotion or rollback by doing what clients do. What does not verify is not "done": a promotion goes back to where it
// came from, a rollback is for a person.
func (h *Handler) moved(ctx context.Context, e event.Event) error {
	var m event.Moved
	if err := e.Decode(&m); err != nil {
		return err
	}
	s, err := h.look(ctx, e.Model, e.Time, remedy.TriggerSweep)
	if err != nil {
		return err
	}
	v, pointer, ok := s.state.At(registry.Champion)
	if m.Alias != string(registry.Champion) || !ok || v.Number != m.To {
		return nil // another move came after it
	}
	result, err := h.verify(ctx, e.Model, v)
	if err != nil && !fault.Is(err, fault.Unavailable) {
		result = Verification{Problem: err.Error()}
	} else if err != nil {
		return err
	}
	change := control.Change{Model: e.Model, Op: "verify/" + e.ID}
	kind := audit.PromotionVerified
	if m.Kind == registry.KindRollback {
		kind = audit.RollbackVerified
	}
	entry := audit.Entry{Kind: kind, Model: e.Model, At: s.at, Actor: self, From: m.From, To: m.To, SHA256: v.SHA256, Op: e.ID,
		Reason: fmt.Sprintf("%d of %d golden rows through the serving path equal the artefact's own answers, bit for bit", result.Matched, result.Rows),
		Inputs: map[string]string{"matched": strconv.Itoa(result.Matched), "rows": strconv.Itoa(result.Rows)}}
	if result.Problem != "" {
		if err := h.revert(s, m, result, pointer, &change); err != nil {
			return err
		}
		entry.Kind, entry.Reason = audit.ModelRefused, "not verified: "+result.Problem
	} else if s.open != nil && s.open.Stage == remedy.StageExecuting {
		s.open.Stage, s.open.Windows, s.open.Updated = remedy.StageVerifying, 0, s.at
		doc, err := control.Put(control.Incident(e.Model, s.open.ID), s.openRev, s.open)
		if err != nil {
			return err
		}
		change.Put = append(change.Put, doc)
	}
	change.Entries = append(change.Entries, entry)
	return h.Control.Commit(ctx, change)
}

// unverified opens an incident, so that the owner is told: a release that does not answer as it should is no matter of the ledger alone.
func (h *Handler) unverified(s *situation, m event.Moved, result Verification, change *control.Change) error {
	memory := s.memory
	memory.Incidents++
	d := remedy.Decision{Action: remedy.Escalate, Stage: remedy.StageEscalated, Model: s.model, Cause: remedy.CauseRelease, Target: m.To,
		Summary: fmt.Sprintf("%s: version %d does not answer as it should through the serving path: %s", s.model, m.To, result.Problem),
		Reasons: []remedy.Reason{{Rule: "verify.golden", Text: result.Problem, Measured: number.Float(result.Matched), Threshold: number.Float(result.Rows), Unit: "golden rows", N: result.Rows}}}
	i := incident.Incident{ID: incident.Number(memory.Incidents), Model: s.model, Kind: remedy.KindRelease, Severity: "high", Opened: s.at}.Decide(d, s.at)
	memory.Open = i.ID
	for _, put := range []struct {
		key      control.Key
		revision int64
		value    any
	}{{control.Incident(s.model, i.ID), 0, i}, {control.Memory(s.model), s.memRev, memory}} {
		doc, err := control.Put(put.key, put.revision, put.value)
		if err != nil {
			return err
		}
		change.Put = append(change.Put, doc)
	}
	e, err := event.New(h.NewID(), event.OwnerAlerted, s.at, s.model, event.Asked{Incident: i.ID})
	if err != nil {
		return err
	}
	change.Events = append(change.Events, e)
	change.Entries = append(change.Entries, audit.Entry{Kind: audit.IncidentOpened, Model: s.model, At: s.at, Actor: self, Reason: i.ID + " " + d.Summary, Inputs: map[string]string{"incident": i.ID}})
	return nil
}

// revert takes back a promotion that did not verify.
func (h *Handler) revert(s *situation, m event.Moved, result Verification, p registry.Pointer, change *control.Change) error {
	if err := h.unverified(s, m, result, change); err != nil {
		return err
	}
	if m.Kind != registry.KindPromote || m.From == 0 {
		change.Entries = append(change.Entries, audit.Entry{Kind: audit.IncidentEscalated, Model: s.model, At: s.at, Actor: self, Reason: "a person must look: " + result.Problem})
		return nil
	}
	next, move, err := s.state.Rollback(m.From, m.To, s.at)
	if err != nil {
		return err
	}
	doc, err := control.Put(control.State(s.model), s.stateRev, next)
	if err != nil {
		return err
	}
	e, err := event.New(h.NewID(), event.AliasMoved, s.at, s.model, event.Moved{Alias: string(move.Alias), From: move.From, To: move.To, SHA256: move.SHA256, Kind: move.Kind, Actor: "agent"})
	if err != nil {
		return err
	}
	change.Put, change.Events = append(change.Put, doc), append(change.Events, e)
	change.Entries = append(change.Entries, audit.Entry{Kind: audit.AliasRolledBack, Model: s.model, At: s.at, Actor: self, From: move.From, To: move.To, SHA256: move.SHA256, Reason: "the promotion did not verify: " + result.Problem})
	return nil
}
