package train

import (
	"context"
	"encoding/json"
	"path"

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

func (h *Handler) fit(ctx context.Context, m table.Manifest, d *data, v event.Validated, recipe fit.Recipe) (*artefact, error) {
	defer Thrift(d.frame)()
	progress := h.Progress
	if progress == nil {
		progress = func(training.Progress) {}
	}
	algorithm := v.Algorithm
	if algorithm == "" {
		algorithm = "auto"
	}
	result, err := training.Train(d.frame, d.labels, training.Spec{Algorithm: algorithm, Params: v.Params, Folds: h.Folds, Seed: v.Seed, Threads: h.Threads, Recipe: recipe},
		func() bool { return ctx.Err() != nil }, progress)
	if err != nil {
		return nil, err
	}
	dropped := Dropped(result.Leaks)
	d.frame = d.frame.Drop(dropped...) // what the model does not read is neither profiled nor asked for
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
	ignored = append(ignored, dropped...)
	scores, intervals := Tabulate(map[string]evaluate.Metrics{"cv": result.CV, "test": a.test})
	meta, err := marshal(Metadata{Name: v.Model, Task: m.Task, Target: m.Target, Classes: d.labels.Classes, Positive: m.Positive, Algorithm: result.Algorithm, Params: result.Params,
		Metric: result.Metric, Metrics: scores, Intervals: intervals, Features: names, Ignored: ignored, Rows: d.frame.Rows(), Seed: v.Seed, Folds: h.Folds,
		Dataset: m.Dataset, Data: m.Version, SHA256: a.sha, Candidates: result.Candidates,
		Recipe: Recipe(recipe), Leaks: result.Leaks})
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
	profile, err := drift.NewProfile(drift.Reference{Model: name, Version: v.Number, Frame: d.frame, Labels: d.labels, Predictions: a.result.OutOfFold, Importance: importance, Segments: d.groups})
	if err != nil {
		return err
	}
	golden, err := goldenRows(m, d.frame)
	if err != nil {
		return err
	}
	oof := OutOfFold{Rows: table.RowDigests(d.frame, d.frame.Names()), Y: floats(d.labels.Y), P: floats(a.result.OutOfFold), Baseline: floats(a.result.Baseline), Width: m.Width(), Segments: d.groups}
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
