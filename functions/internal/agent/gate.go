package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"
	"time"

	"mlops/functions/internal/reference"
	"mlops/functions/internal/serving"
	"mlops/functions/internal/table"
	"mlops/functions/internal/train"
	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/number"
	"mlops/shared/registry"
	"mlops/shared/remedy"
)

// GateReport is the gate's report with what it was about, as it is stored and shown.
type GateReport struct {
	Model    string          `json:"model"`
	Version  int             `json:"version"`
	Against  int             `json:"against"` // 0 = the naive baseline
	SHA256   string          `json:"artefact_sha256"`
	At       time.Time       `json:"at"`
	Rows     string          `json:"rows"` // where the compared rows come from, in words
	Incident string          `json:"incident,omitempty"`
	Warning  string          `json:"warning,omitempty"` // the version's own
	Report   evaluate.Report `json:"report"`
}

// trained gates a new version and decides what to do with it.
func (h *Handler) trained(ctx context.Context, e event.Event) error {
	var t event.Trained
	if err := e.Decode(&t); err != nil {
		return err
	}
	s, err := h.look(ctx, e.Model, e.Time, remedy.TriggerGate)
	if err != nil {
		return err
	}
	v, ok := s.state.Version(t.Version)
	if !ok || v.SHA256 != t.SHA256 {
		return fault.NotFoundf("version %d of %s is not registered with digest %.12s", t.Version, e.Model, t.SHA256)
	}
	if s.open != nil && v.Incident != s.open.ID {
		s.open, s.seen.Open = nil, nil // a version that somebody uploaded has nothing to do with the incident that happens to be open
	}
	if v.Status != registry.Candidate {
		return h.closeJob(ctx, t.Job, e.Time, "version "+strconv.Itoa(v.Number)+" exists already: "+string(v.Status), v.Number)
	}
	report, key, err := h.judge(ctx, s, v)
	if err != nil {
		return err
	}
	if s.state, err = s.state.Gated(v.Number, report.Report.Passed, report.Report.SHA256); err != nil {
		return err
	}
	s.seen.Gate = h.gateFacts(s, v, report)
	return h.perform(ctx, e, s, key, withJob(t.Job))
}

// judge compares a version with the champion, stores the report, and gives it with its key.
func (h *Handler) judge(ctx context.Context, s *situation, v registry.Version) (*GateReport, string, error) {
	in, words, err := h.gateInput(ctx, s, v)
	var r evaluate.Report
	if err == nil {
		r, err = evaluate.Gate(s.policies.Gate, in)
	}
	if fault.Is(err, fault.Invalid) {
		r, err = incomparable(s, v, err), nil
	}
	if err != nil {
		return nil, "", err
	}
	champion, _, _ := s.state.At(registry.Champion)
	report := &GateReport{Model: s.model, Version: v.Number, Against: champion.Number, SHA256: v.SHA256, At: s.at, Rows: words, Incident: v.Incident, Warning: v.Warning, Report: r}
	b, err := json.MarshalIndent(report, "", " ")
	if err != nil {
		return nil, "", err
	}
	key := path.Join("reports/gate", s.at.Format("2006/01/02"), fmt.Sprintf("%s-v%d-%s-%s.json", s.model, v.Number, r.SHA256[:12], s.at.Format("150405.000000000")))
	return report, key, h.Blobs.Create(ctx, key, b)
}

// checkComparable is the check that fails when champion and challenger cannot be scored on the same rows: another task, other classes, or
// data without a column that the champion reads.
const checkComparable = "comparable"

// incomparable is the gate's report on a version that cannot be compared: refused, with the reason. An operator may still force it.
func incomparable(s *situation, v registry.Version, why error) evaluate.Report {
	champion, _, _ := s.state.At(registry.Champion)
	r := evaluate.Report{Verdict: evaluate.Failed, Metric: evaluate.Primary(dataset.Task(v.Task)), PolicyDigest: s.policies.Gate.Digest(),
		Champion: "v" + strconv.Itoa(champion.Number), Challenger: "v" + strconv.Itoa(v.Number)}
	none := number.Float(math.NaN())
	r.Checks = []evaluate.Check{{Name: checkComparable, Champion: none, Challenger: none, Diff: none, CI95: [2]number.Float{none, none}, Rule: "both can be scored on the same rows", Note: why.Error()}}
	r.SHA256 = r.Digest()
	return r
}

func (h *Handler) gateFacts(s *situation, v registry.Version, g *GateReport) *remedy.GateFacts {
	r := g.Report
	f := &remedy.GateFacts{Version: v.Number, SHA256: v.SHA256, Passed: r.Passed, Verdict: r.Verdict, Metric: r.Metric, N: r.Rows, First: r.First, Report: r.SHA256}
	if c, ok := r.Check(r.Metric); ok {
		f.Diff, f.Low, f.High = c.Diff, c.CI95[0], c.CI95[1]
	}
	for _, c := range r.Failed() {
		f.Failed = append(f.Failed, c.Name)
	}
	f.Approved = s.open != nil && s.open.Approval != "" && v.Incident == s.open.ID
	return f
}

// gateInput finds the rows on which a version and the champion are compared: the labelled traffic since the champion's data was made, and
// where that is too little, the version's own training rows. A row that a model was trained on counts with what the model said about it
// out of fold, so neither is judged on what it memorised.
func (h *Handler) gateInput(ctx context.Context, s *situation, v registry.Version) (evaluate.Input, string, error) {
	challenger, err := h.judged(ctx, s.model, v)
	if err != nil {
		return evaluate.Input{}, "", err
	}
	champion, _, ok := s.state.At(registry.Champion)
	if !ok {
		o := challenger.seen
		return evaluate.Input{Labels: dataset.Labels{Name: challenger.Target, Task: challenger.Task, Classes: challenger.Classes, Y: plain(o.Y)}, Champion: plain(o.Baseline), Challenger: plain(o.P),
			ChampionName: "naive baseline", ChallengerName: "v" + strconv.Itoa(v.Number), First: true, Segments: o.Segments, Rows: digestOf(o.Rows, plain(o.Y))}, fmt.Sprintf("%d out-of-fold rows", len(o.Rows)), nil
	}
	incumbent, err := h.judged(ctx, s.model, champion)
	if err != nil {
		return evaluate.Input{}, "", err
	}
	if strings.Join(incumbent.Classes, "\x00") != strings.Join(challenger.Classes, "\x00") || incumbent.Task != challenger.Task {
		return evaluate.Input{}, "", fault.Invalidf("version %d answers %s %v and the champion %s %v: they cannot be compared, so it cannot be promoted by the gate",
			v.Number, challenger.Task, challenger.Classes, incumbent.Task, incumbent.Classes)
	}
	b := &bench{a: incumbent, b: challenger, y: dataset.Labels{Name: challenger.Target, Task: challenger.Task, Classes: challenger.Classes}, segments: map[string][]string{}}
	newer, err := h.addTraffic(ctx, s, champion, b)
	if err != nil {
		return evaluate.Input{}, "", err
	}
	words := fmt.Sprintf("%d newer labelled rows", newer)
	if newer < s.policies.Gate.MinRows || rarest(b.y.Y, challenger.Served) >= 0 && rarest(b.y.Y, challenger.Served) < s.policies.Gate.MinRarerClass {
		own, err := h.addTraining(ctx, v, b)
		if err != nil {
			return evaluate.Input{}, "", err
		}
		words += fmt.Sprintf(" and %d out-of-fold rows of its training data", own)
	}
	return evaluate.Input{Labels: b.y, Champion: b.pa, Challenger: b.pb, ChampionName: "v" + strconv.Itoa(champion.Number), ChallengerName: "v" + strconv.Itoa(v.Number),
		Segments: b.segments, Rows: digestOf(b.rows, b.y.Y)}, words, nil
}

// contestant is a version with what it said about its own training rows, out of fold.
type contestant struct {
	*serving.Served
	seen  train.OutOfFold
	index map[string]int
}

func (h *Handler) judged(ctx context.Context, name string, v registry.Version) (*contestant, error) {
	served, err := h.Loader.Version(ctx, name, v)
	if err != nil {
		return nil, err
	}
	c := &contestant{Served: served, index: map[string]int{}}
	b, err := h.Blobs.Get(ctx, path.Join(reference.Dir(name, v.Number), "outoffold.json"), 1<<30)
	if err != nil {
		return nil, fault.Wrap(err, "read what version %d of %s said out of fold", v.Number, name)
	}
	if err := json.Unmarshal(b, &c.seen); err != nil {
		return nil, fault.New(fault.Internal, "the out-of-fold answers of version %d of %s are not JSON", v.Number, name).Because(err)
	}
	for i, r := range c.seen.Rows {
		c.index[r] = i
	}
	return c, nil
}

// answers gives the contestant's predictions for rows of f: out of fold where it was trained on them.
func (c *contestant) answers(f *dataset.Frame) ([]float64, error) {
	p, err := c.PredictFrame(f)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(c.Features))
	for i := range c.Features {
		names[i] = c.Features[i].Name
	}
	w := c.Width()
	for i, d := range table.RowDigests(f, names) {
		if k, ok := c.index[d]; ok {
			copy(p[i*w:(i+1)*w], plain(c.seen.P[k*w:(k+1)*w]))
		}
	}
	return p, nil
}

// bench collects the rows of a comparison.
type bench struct {
	a, b     *contestant
	rows     []string
	y        dataset.Labels
	pa, pb   []float64
	segments map[string][]string
}

func (b *bench) add(fa, fb *dataset.Frame, y []float64, skip map[string]bool) (int, error) {
	pa, err := b.a.answers(fa)
	if err != nil {
		return 0, err
	}
	pb, err := b.b.answers(fb)
	if err != nil {
		return 0, err
	}
	w, n := b.b.Width(), 0
	for i, d := range table.RowDigests(fb, fb.Names()) {
		if skip[d] {
			continue
		}
		b.rows, b.y.Y = append(b.rows, d), append(b.y.Y, y[i])
		b.pa, b.pb = append(b.pa, pa[i*w:(i+1)*w]...), append(b.pb, pb[i*w:(i+1)*w]...)
		n++
	}
	return n, nil
}

func (h *Handler) addTraffic(ctx context.Context, s *situation, champion registry.Version, b *bench) (int, error) {
	records, y, err := table.Labelled(ctx, h.Blobs, s.model, champion.CreatedAt, s.at.Add(time.Second), b.y.Classes)
	if err != nil || len(records) == 0 {
		return 0, err
	}
	fa, err := table.OfRecords(records, b.a.Features)
	if err != nil {
		return 0, err
	}
	fb, err := table.OfRecords(records, b.b.Features)
	if err != nil {
		return 0, err
	}
	m, err := table.ReadManifest(ctx, h.Blobs, champion.Dataset, champion.DataVersion)
	if err != nil {
		return 0, err
	}
	for _, segment := range m.Segment {
		for _, r := range records {
			b.segments[segment] = append(b.segments[segment], table.Text(r.Features[segment]))
		}
	}
	return b.add(fa, fb, y, nil)
}

func (h *Handler) addTraining(ctx context.Context, v registry.Version, b *bench) (int, error) {
	m, err := table.ReadManifest(ctx, h.Blobs, v.Dataset, v.DataVersion)
	if err != nil {
		return 0, err
	}
	skip := map[string]bool{}
	for _, r := range b.rows {
		skip[r] = true
	}
	b.segments = map[string][]string{} // the two sources do not always carry them alike
	total := 0
	for _, part := range []string{"train", "val"} {
		f, err := table.ReadSplit(ctx, h.Blobs, m, part)
		if err != nil {
			return 0, err
		}
		y := make([]float64, f.Rows())
		target := f.Column(m.Target)
		for i := range y {
			y[i] = table.Label(target.Text(i), b.y.Classes)
		}
		n, err := b.add(f.Drop(m.Target), m.Features(f), y, skip) // the champion may read a column that the challenger ignores
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

func plain(v []number.Float) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}

// digestOf names a frozen set of labelled rows.
func digestOf(rows []string, y []float64) string {
	sum := sha256.New()
	for i, r := range rows {
		fmt.Fprintf(sum, "%s %g\n", r, y[i])
	}
	return hex.EncodeToString(sum.Sum(nil))
}
