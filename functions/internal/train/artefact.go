package train

import (
	"context"
	"encoding/json"
	"path"
	"slices"

	"mlops/functions/internal/reference"
	"mlops/functions/internal/table"
	"mlops/shared/dataset"
	"mlops/shared/drift"
	"mlops/shared/drift/export"
	"mlops/shared/evaluate"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/fit"
	"mlops/shared/number"
	"mlops/shared/registry"
	"mlops/shared/training"
)

// GoldenRows is how many rows are kept with their answers, to be asked again through the serving path after every move of an alias.
const GoldenRows = 64

// artefact is a trained model as it will be stored.
type artefact struct {
	result training.Result
	test   evaluate.Metrics
	sha    string
	files  map[string][]byte // model.bin, metadata.json, feature_names.json
	run    Run
}

// Metadata is what metadata.json says about the artefact beside it. It holds no time: the same data, parameters and seed give the same file.
type Metadata struct {
	Name       string               `json:"name"`
	Task       dataset.Task         `json:"task"`
	Target     string               `json:"target"`
	Classes    []string             `json:"classes,omitempty"`
	Positive   string               `json:"positive,omitempty"`
	Algorithm  string               `json:"algorithm"`
	Params     map[string]any       `json:"params"`
	Metric     string               `json:"metric"`
	Metrics    Scores               `json:"metrics"`
	Intervals  Intervals            `json:"intervals"`
	Features   []string             `json:"features"`
	Ignored    []string             `json:"ignored,omitempty"`
	Rows       int                  `json:"rows"`
	Seed       uint64               `json:"seed"`
	Folds      int                  `json:"folds"`
	Dataset    string               `json:"dataset"`
	Data       string               `json:"data_version"`
	SHA256     string               `json:"sha256"`
	Candidates []training.Candidate `json:"candidates"`
	Recipe     *fit.Recipe          `json:"feature_engineering,omitempty"` // as it was configured; what it learnt is in model.bin
	Leaks      []training.Leak      `json:"leaks,omitempty"`
	Fit        *model.Report        `json:"fit,omitempty"` // of the last fit, on all rows: coefficients, out-of-bag scores
	Found
}

// Found is what Metadata says of how the model came about.
type Found struct {
	Members    []string             `json:"members,omitempty"`     // of a vote
	Calibrated *training.Calibrated `json:"calibration,omitempty"` //
	Brier      *evaluate.BrierParts `json:"brier_parts,omitempty"` // out of fold: brier = reliability - resolution + uncertainty + within
	Decision   *training.Decision   `json:"decision,omitempty"`    // the threshold of least cost
	Shape      *training.Shape      `json:"shape,omitempty"`       // groups, time, weights
	Stopped    string               `json:"stopped,omitempty"`     // the search was cut short: the best so far
	Idle       []string             `json:"idle,omitempty"`        // features without a value, or with one value only
}

// FoundBy is what a training says of its result.
func FoundBy(r training.Result) Found {
	f := Found{Members: r.Members(), Calibrated: r.Calibrated, Brier: r.Brier, Decision: r.Decision, Stopped: Stopped(r), Idle: r.Idle}
	if len(r.Spec.Shape.Columns()) > 0 || r.Spec.Shape.ClassWeight != nil {
		f.Shape = &r.Spec.Shape
	}
	return f
}

// Recipe is what Metadata says of feature engineering: nil where none is configured.
func Recipe(r fit.Recipe) *fit.Recipe {
	if len(r.Steps) == 0 && r.Leaks == "" {
		return nil
	}
	return &r
}

// Dropped are the names of the columns that were left out because they leak.
func Dropped(leaks []training.Leak) (names []string) {
	for _, l := range leaks {
		if l.Dropped {
			names = append(names, l.Column)
		}
	}
	return names
}

// Scores are the metrics by where they were measured: "cv", out of fold, and "test", on rows never trained on.
type Scores map[string]map[string]number.Float

// Intervals are the 95 % intervals of Scores, [low, high].
type Intervals map[string]map[string][2]number.Float

// Tabulate takes estimates apart into figures and intervals; a part without any is left out.
func Tabulate(parts map[string]evaluate.Metrics) (Scores, Intervals) {
	scores, intervals := Scores{}, Intervals{}
	for part, metrics := range parts {
		if len(metrics) == 0 {
			continue
		}
		scores[part], intervals[part] = map[string]number.Float{}, map[string][2]number.Float{}
		for name, e := range metrics {
			scores[part][name], intervals[part][name] = e.Value, [2]number.Float{e.Low, e.High}
		}
	}
	return scores, intervals
}

// produce trains: what is configured, asked for and kept goes into the spec, and what came out of it into an artefact.
func (h *Handler) produce(ctx context.Context, e event.Event, m table.Manifest, v event.Validated) (*artefact, *data, error) {
	spec, limit, err := h.spec(ctx, v)
	if err != nil {
		return nil, nil, err
	}
	if err := h.enough(m, spec); err != nil {
		return nil, nil, err
	}
	d, err := h.read(ctx, m, spec.Shape)
	if err != nil {
		return nil, nil, err
	}
	start, env := h.Now(), Here(h.Threads)
	kept := &Fits{Blobs: h.Artefacts, Dir: path.Join("models", v.Model, "fits", Scope(m.Version, env)), After: start.Add(keepAfter), Now: h.Now}
	if err := kept.open(ctx); err != nil {
		return nil, nil, err
	}
	spec.Kept = kept
	defer Thrift(d.frame)()
	watch := NewWatch(h.Now, deadline(ctx, start, limit), h.Progress)
	result, err := training.Train(d.frame, d.labels, spec, watch.Stop(ctx), watch.Show)
	if err != nil {
		return nil, nil, err
	}
	if kept.err != nil {
		h.Log.WarnContext(ctx, "finished fits could not be kept: a training that is cut short begins anew", "model", v.Model, "error", kept.err)
	}
	d.take(result)
	a, err := h.artefact(m, d, v, result)
	if err != nil {
		return nil, nil, err
	}
	end := h.Now()
	a.run = NewRun(Ended{ID: e.ID, Model: v.Model, Start: start, End: end, Result: result, Parts: map[string]evaluate.Metrics{"cv": result.CV, "nested": result.Nested, "test": a.test}, Watch: watch,
		ArtifactURI: path.Join("models", v.Model, "sha256", a.sha), Files: a.files,
		Repeat: Repeat{Data: path.Join("processed", v.Dataset, m.Version), Version: m.Version, Target: m.Target, Positive: m.Positive, Task: string(m.Task),
			Ignore: slices.Concat(m.Ignore, m.Segment), Environment: env, SHA256: a.sha, Seconds: end.Sub(start).Seconds()}})
	return a, d, nil
}

// artefact is a trained model as it will be stored.
func (h *Handler) artefact(m table.Manifest, d *data, v event.Validated, result training.Result) (*artefact, error) {
	a := &artefact{result: result}
	p, err := result.Model.PredictFrame(d.test)
	if err != nil {
		return nil, err
	}
	if d.truth.Len() > 0 {
		if a.test, err = evaluate.Measure(d.truth, p); err != nil && !fault.Is(err, fault.Invalid) { // a test part too small to measure is said by absence
			return nil, err
		}
	}
	bin, err := result.Model.Encode()
	if err != nil {
		return nil, err
	}
	a.sha = model.Digest(bin)
	names := d.frame.Names()
	ignored := append(append([]string{m.Target}, m.Ignore...), m.Segment...)
	if t, err := dataset.ParseTarget(m.Target); err == nil && t.Column != m.Target {
		ignored = append(ignored, t.Column)
	}
	ignored = append(ignored, append(Dropped(result.Leaks), result.Spec.Shape.Columns()...)...)
	scores, intervals := Tabulate(map[string]evaluate.Metrics{"cv": result.CV, "nested": result.Nested, "test": a.test})
	meta, err := marshal(Metadata{Name: v.Model, Task: m.Task, Target: m.Target, Classes: d.labels.Classes, Positive: m.Positive, Algorithm: result.Algorithm, Params: result.Params,
		Metric: result.Metric, Metrics: scores, Intervals: intervals, Features: names, Ignored: ignored, Rows: d.frame.Rows(), Seed: v.Seed, Folds: result.Spec.Folds,
		Dataset: m.Dataset, Data: m.Version, SHA256: a.sha, Candidates: result.Candidates,
		Recipe: Recipe(result.Spec.Recipe), Leaks: result.Leaks, Fit: model.FitReport(result.Model.Predictor), Found: FoundBy(result)})
	if err != nil {
		return nil, err
	}
	featureNames, err := marshal(names)
	if err != nil {
		return nil, err
	}
	a.files = map[string][]byte{"model.bin": bin, "metadata.json": meta, "feature_names.json": featureNames}
	return a, nil
}

// OutOfFold is what a version said about rows it had not seen, kept so that a later version can be compared on them.
type OutOfFold struct {
	Rows     []string            `json:"rows"` // digests of the feature values
	Y        []number.Float      `json:"y"`    // class index, or value
	P        []number.Float      `json:"p"`    // rows x width
	Baseline []number.Float      `json:"baseline"`
	Width    int                 `json:"width"`
	Segments map[string][]string `json:"segments,omitempty"`
}

// Golden are rows with the answers that the artefact itself gives.
type Golden struct {
	Rows []GoldenRow `json:"rows"`
}

// GoldenRow is one of them: what to send, and what must come back, to the last bit.
type GoldenRow struct {
	Features   map[string]any `json:"features"`
	Prediction []float64      `json:"prediction"`
}

// reference stores what a version is judged and watched by: its reference profile, its out-of-fold answers, its golden rows.
func (h *Handler) reference(ctx context.Context, name string, v registry.Version, a *artefact, d *data) error {
	m := a.result.Model
	importance := map[string]float64{}
	for _, f := range m.Features {
		importance[f.Name] = f.Importance
	}
	outOfFold, baseline := a.result.OutOfFold, a.result.Baseline
	if rows := a.result.Covered; len(rows) < d.frame.Rows() { // windows in time: nothing is known of the first one's rows
		outOfFold, baseline = a.result.Known(outOfFold), a.result.Known(baseline)
		d = d.rows(rows)
	}
	profile, err := drift.NewProfile(drift.Reference{Model: name, Version: v.Number, Frame: d.frame, Labels: d.labels, Predictions: outOfFold, Importance: importance, Segments: d.groups})
	if err != nil {
		return err
	}
	golden, err := goldenRows(m, d.frame)
	if err != nil {
		return err
	}
	oof := OutOfFold{Rows: table.RowDigests(d.frame, d.frame.Names()), Y: floats(d.labels.Y), P: floats(outOfFold), Baseline: floats(baseline), Width: m.Width(), Segments: d.groups}
	for file, value := range map[string]any{"profile.json": profile, "outoffold.json": oof, "golden.json": golden, reference.Explanation: a.result.Explanation,
		"constraints.json": export.NewConstraints(profile, drift.DefaultPolicy()), "statistics.json": export.ReferenceStatistics(profile)} { // for readers of SageMaker's baseline
		b, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if err := h.Blobs.Create(ctx, path.Join(reference.Dir(name, v.Number), file), b); err != nil && !fault.Is(err, fault.Conflict) { // the same artefact from data that differs in what no model sees: the first stands
			return fault.Wrap(err, "store %s of version %d of %s", file, v.Number, name)
		}
	}
	return nil
}

// goldenRows takes rows evenly from the whole frame.
func goldenRows(m *model.Model, f *dataset.Frame) (Golden, error) {
	n := min(GoldenRows, f.Rows())
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i * f.Rows() / n
	}
	sub := f.Take(rows)
	p, err := m.PredictFrame(sub)
	if err != nil {
		return Golden{}, err
	}
	g := Golden{Rows: make([]GoldenRow, n)}
	for i := range g.Rows {
		features := make(map[string]any, len(f.Columns))
		for j := range sub.Columns {
			features[sub.Columns[j].Name] = sub.Columns[j].Value(i)
		}
		g.Rows[i] = GoldenRow{features, p[i*m.Width() : (i+1)*m.Width()]}
	}
	return g, nil
}

func floats(v []float64) []number.Float {
	out := make([]number.Float, len(v))
	for i, x := range v {
		out[i] = number.Float(x)
	}
	return out
}

func marshal(v any) ([]byte, error) { return json.MarshalIndent(v, "", " ") }
