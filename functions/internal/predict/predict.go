// Package predict is the handler of the predict function: it answers predictions in the protocols that clients speak, captures each one,
// takes the labels that come later, and shows a receipt.
package predict

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sort"
	"sync/atomic"
	"time"

	"mlops/functions/internal/capture"
	"mlops/functions/internal/door"
	"mlops/functions/internal/serving"
	"mlops/shared/control"
	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
)

// Handler serves the predict routes of the topology.
type Handler struct {
	Models  *serving.Loader
	Blobs   capture.Blobs // the data bucket
	Control interface {   // label documents
		List(ctx context.Context, partition, prefix, after string, limit int) ([]control.Doc, error)
		Get(ctx context.Context, key control.Key, into any) (int64, error)
		Commit(ctx context.Context, c control.Change) error
	}
	Default func(ctx context.Context) (string, error) // the model that /predict means
	Now     func() time.Time
	NewID   func() string // monotonic ULIDs
	Started time.Time
	// AcceptUnseen answers categories that training never saw with a warning; without it such a request is refused.
	AcceptUnseen bool
	Log          *slog.Logger

	counts counters
}

type counters struct {
	success, failure, captureLost atomic.Int64
	nanoseconds                   atomic.Int64
}

// MaxSamples bounds one batch.
const MaxSamples = 1000

// Routes builds the mux; the edge has checked key, scope and body size by the topology.
func (h *Handler) Routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /predict", h.one)
	mux.HandleFunc("POST /predict/batch", h.batch)
	mux.HandleFunc("POST /batch", h.batchJob)
	mux.HandleFunc("POST /feedback", h.feedback)
	mux.HandleFunc("GET /predictions/{id}", h.receipt)
	mux.HandleFunc("GET /predictions/{id}/reproduction", h.reproduction)
	h.health(mux)
	h.openInference(mux)
	h.invocations(mux)
	h.kserve(mux)
	return mux
}

// Answer is one prediction with all that proves it.
type Answer struct {
	Prediction    any                `json:"prediction"`
	Probability   *float64           `json:"probability,omitempty"` // of the positive class, or of the predicted one
	Probabilities map[string]float64 `json:"probabilities,omitempty"`
	Model         string             `json:"model_name"`
	Version       string             `json:"model_version"`
	Alias         string             `json:"alias"`
	SHA256        string             `json:"model_sha256"`
	Data          string             `json:"data_version"`
	ID            string             `json:"inference_id"`
	At            time.Time          `json:"timestamp"`
	Warnings      []fault.Detail     `json:"warnings,omitempty"`

	vector []float64
}

// score answers rows of one request together: every problem of every row at once, or all answers. Answers are captured before they are
// given, so an acknowledged prediction is a recorded one.
func (h *Handler) score(ctx context.Context, s *serving.Served, rows []map[string]any, inference string) ([]Answer, error) {
	start := time.Now() // a stopwatch, not the platform's clock
	now := h.Now().UTC()
	inputs := make([][]float64, len(rows))
	var problems []fault.Detail
	rowWarnings := make([][]fault.Detail, len(rows))
	for i, row := range rows {
		x, found := s.Row(s.Known(row))
		inputs[i] = x
		rowWarnings[i] = ranges(s, row, x, i, len(rows) > 1)
		for _, p := range found {
			if len(rows) > 1 {
				p.Row = fault.Row(i)
			}
			if h.AcceptUnseen && model.Warning(p) {
				rowWarnings[i] = append(rowWarnings[i], p)
				continue
			}
			problems = append(problems, p)
		}
		if s.Rules.Len() > 0 {
			refused, warned := broken(s, row, found, i, len(rows) > 1)
			problems, rowWarnings[i] = append(problems, refused...), distinct(rowWarnings[i], warned)
		}
	}
	records := make([]capture.Record, len(rows))
	for i, row := range rows {
		records[i] = capture.Record{ID: h.NewID(), At: now, Model: s.Name, Version: s.Version, SHA256: s.SHA256, Features: row, Variant: "champion", Status: 200}
		if len(rows) == 1 {
			records[i].Inference = inference
		}
	}
	if len(problems) > 0 {
		h.counts.failure.Add(int64(len(rows)))
		h.captureRejected(ctx, records, problems)
		return nil, fault.Invalidf("the request does not fit model %s version %d", s.Name, s.Version).With(problems...)
	}
	out := make([]Answer, len(rows))
	for i := range rows {
		p := make([]float64, s.Width())
		s.Predict(p, inputs[i])
		out[i] = answer(s, p, records[i].ID, now)
		out[i].Warnings = rowWarnings[i]
		records[i].Prediction = out[i].Prediction
		if s.Task != dataset.Regression {
			records[i].Probabilities = p
		}
	}
	if !door.CallerOf(ctx).Probe {
		if err := capture.Write(ctx, h.Blobs, records); err != nil {
			h.counts.captureLost.Add(int64(len(rows)))
			return nil, fault.Unavailablef("the prediction could not be recorded, so it is not given").Because(err)
		}
	}
	if door.CallerOf(ctx).Probe {
		return out, nil // the platform's own questions are nobody's predictions
	}
	h.counts.success.Add(int64(len(rows)))
	h.counts.nanoseconds.Add(int64(time.Since(start)))
	return out, nil
}

// ranges warns of numbers outside what training saw; such a value is answered, since a model may extrapolate, but not silently.
func ranges(s *serving.Served, row map[string]any, x []float64, i int, many bool) []fault.Detail {
	var out []fault.Detail
	for j, f := range s.Features {
		if f.Kind != dataset.Numeric || j >= len(x) || !(x[j] < f.Min || x[j] > f.Max) {
			continue
		}
		d := fault.Detail{Field: f.Name, Code: "out_of_range", Got: row[f.Name], Expected: number(f.Min) + ".." + number(f.Max)}
		if many {
			d.Row = fault.Row(i)
		}
		out = append(out, d)
	}
	return out
}

// broken are the problems by the rules for requests: those that refuse the row, and those that only warn. A field that the model itself cannot
// read is not named twice.
func broken(s *serving.Served, row map[string]any, found []fault.Detail, i int, many bool) (refused, warned []fault.Detail) {
	s.Rules.Check(row, func(d fault.Detail, reject bool) {
		if slices.ContainsFunc(found, func(p fault.Detail) bool { return p.Field == d.Field }) {
			return
		}
		if many {
			d.Row = fault.Row(i)
		}
		if reject {
			refused = append(refused, d)
		} else {
			warned = append(warned, d)
		}
	})
	return refused, warned
}

// distinct joins warnings; where a rule warns of the same as the range of training does, the rule's bounds are told.
func distinct(own, rules []fault.Detail) []fault.Detail {
	own = slices.DeleteFunc(own, func(w fault.Detail) bool {
		return slices.ContainsFunc(rules, func(d fault.Detail) bool { return d.Field == w.Field && d.Code == w.Code })
	})
	return append(own, rules...)
}

func answer(s *serving.Served, p []float64, id string, now time.Time) Answer {
	a := Answer{Model: s.Name, Version: itoa(s.Version), Alias: "champion", SHA256: s.SHA256, Data: s.Data, ID: id, At: now, vector: p}
	if s.Task == dataset.Regression {
		a.Prediction = p[0]
		return a
	}
	c := s.Class(p)
	a.Prediction = classValue(s.Classes[c])
	shown := c
	if s.Task == dataset.Binary {
		shown = 1
	}
	a.Probability = &p[shown]
	a.Probabilities = make(map[string]float64, len(p))
	for k, v := range p {
		a.Probabilities[s.Classes[k]] = v
	}
	return a
}

// captureRejected keeps what was refused, with the reasons: it is a signal, not noise. It is best effort, since the caller gets its 400 anyway.
func (h *Handler) captureRejected(ctx context.Context, records []capture.Record, problems []fault.Detail) {
	if door.CallerOf(ctx).Probe {
		return
	}
	byRow := map[int][]fault.Detail{}
	for _, p := range problems {
		i := 0
		if p.Row != nil {
			i = *p.Row
		}
		byRow[i] = append(byRow[i], p)
	}
	var rejected []capture.Record
	for i := range records {
		if len(byRow[i]) == 0 {
			continue
		}
		r := records[i]
		r.Variant, r.Status, r.Problems = "rejected", http.StatusBadRequest, byRow[i]
		rejected = append(rejected, r)
	}
	if err := capture.Write(ctx, h.Blobs, rejected); err != nil {
		h.counts.captureLost.Add(int64(len(rejected)))
		h.Log.WarnContext(ctx, "a rejected request could not be recorded", "error", err)
	}
}

// one answers POST /predict: a flat object of features, or {"features":{..}}.
func (h *Handler) one(w http.ResponseWriter, r *http.Request) {
	answers, err := func() ([]Answer, error) {
		s, row, err := h.single(r)
		if err != nil {
			return nil, err
		}
		return h.score(r.Context(), s, []map[string]any{row}, r.Header.Get("X-Amzn-SageMaker-Inference-Id"))
	}()
	if err != nil {
		door.Fail(w, r, door.Plain, err)
		return
	}
	w.Header().Set("X-Model-Version", answers[0].Version)
	door.JSON(w, http.StatusOK, answers[0])
}

func (h *Handler) single(r *http.Request) (*serving.Served, map[string]any, error) {
	if err := jsonOnly(r); err != nil {
		return nil, nil, err
	}
	b, err := door.Body(r, 256<<10)
	if err != nil {
		return nil, nil, err
	}
	row, err := door.Object(b)
	if err != nil {
		return nil, nil, err
	}
	s, err := h.named(r, row)
	if err != nil {
		return nil, nil, err
	}
	if inner, ok := row["features"].(map[string]any); ok {
		if extra := others(row, "features"); len(extra) > 0 {
			return nil, nil, fault.Invalidf(`features stand either in "features" or beside it, not in both places`).With(extra...)
		}
		row = inner
	}
	return s, row, nil
}

// named finds the model a plain request means: ?model=, a "model" key that is no feature, or the default.
func (h *Handler) named(r *http.Request, body map[string]any) (*serving.Served, error) {
	name := r.URL.Query().Get("model")
	if m, ok := body["model"].(string); ok && name == "" && (body["features"] != nil || body["samples"] != nil) {
		name = m
		delete(body, "model")
	}
	if name == "" {
		var err error
		if name, err = h.Default(r.Context()); err != nil {
			return nil, err
		}
	}
	return h.Models.Champion(r.Context(), name)
}

// batch answers POST /predict/batch: {"samples":[{..},..]}.
func (h *Handler) batch(w http.ResponseWriter, r *http.Request) {
	answers, err := func() ([]Answer, error) {
		if err := jsonOnly(r); err != nil {
			return nil, err
		}
		b, err := door.Body(r, 5<<20)
		if err != nil {
			return nil, err
		}
		body, err := door.Object(b)
		if err != nil {
			return nil, err
		}
		s, err := h.named(r, body)
		if err != nil {
			return nil, err
		}
		rows, err := rowsOf(body["samples"], "samples")
		if err != nil {
			return nil, err
		}
		if extra := others(body, "samples"); len(extra) > 0 {
			return nil, fault.Invalidf("the batch has keys that are not known here").With(extra...)
		}
		return h.score(r.Context(), s, rows, "")
	}()
	if err != nil {
		door.Fail(w, r, door.Plain, err)
		return
	}
	door.JSON(w, http.StatusOK, map[string]any{"predictions": answers, "total": len(answers), "timestamp": h.Now().UTC()})
}

// rowsOf reads an array of objects, at most MaxSamples.
func rowsOf(v any, field string) ([]map[string]any, error) {
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return nil, fault.Invalidf("%q must be an array of at least one object of features", field).
			With(fault.Detail{Field: field, Code: "wrong_type", Expected: `[{"` + "feature" + `": value, ..}, ..]`})
	}
	if len(list) > MaxSamples {
		return nil, fault.Invalidf("%d samples are more than the %d of one request: send them in parts", len(list), MaxSamples).WithCode(fault.CodeTooLarge)
	}
	rows := make([]map[string]any, len(list))
	var problems []fault.Detail
	for i, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			problems = append(problems, fault.Detail{Field: field, Code: "wrong_type", Expected: "an object of features", Row: fault.Row(i)})
			continue
		}
		rows[i] = m
	}
	if len(problems) > 0 {
		return nil, fault.Invalidf("some samples are not objects").With(problems...)
	}
	return rows, nil
}

func others(body map[string]any, known ...string) []fault.Detail {
	var out []fault.Detail
	for k := range body {
		if !slices.Contains(known, k) {
			out = append(out, fault.Detail{Field: k, Code: "unknown_field"})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Field < out[j].Field })
	return out
}
