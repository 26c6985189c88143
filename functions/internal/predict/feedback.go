package predict

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"

	"mlops/functions/internal/capture"
	"mlops/functions/internal/door"
	"mlops/functions/internal/serving"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/registry"
)

type labelIn struct {
	Inference string `json:"inference_id"`
	Label     any    `json:"label"`
	LabeledAt string `json:"labeled_at"`
	Source    string `json:"source"`
}

type refused struct {
	Inference string `json:"inference_id"`
	Reason    string `json:"reason"` // unknown_id, duplicate, bad_label
}

// labelDoc remembers that an inference has its label, so that the same label twice counts once. The label itself is ground truth in the
// data bucket.
type labelDoc struct {
	Value string    `json:"value"`
	At    time.Time `json:"at"`
}

// feedback takes labels: POST /feedback {"feedback":[{"inference_id","label","labeled_at","source"}]}. The same label again is a duplicate,
// another label for the same inference replaces it (both are kept, the later stored one counts, and the audit chain says so).
func (h *Handler) feedback(w http.ResponseWriter, r *http.Request) {
	accepted, rejected, err := h.takeLabels(r)
	if err != nil {
		door.Fail(w, r, door.Plain, err)
		return
	}
	door.JSON(w, http.StatusOK, map[string]any{"accepted": accepted, "rejected": rejected})
}

func (h *Handler) takeLabels(r *http.Request) (int, []refused, error) {
	ctx := r.Context()
	if err := jsonOnly(r); err != nil {
		return 0, nil, err
	}
	b, err := door.Body(r, 5<<20)
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Model    string    `json:"model"`
		Feedback []labelIn `json:"feedback"`
	}
	if err := door.Decode(b, &in); err != nil {
		return 0, nil, err
	}
	if len(in.Feedback) == 0 || len(in.Feedback) > MaxSamples {
		return 0, nil, fault.Invalidf("%d labels: one request takes 1 to %d", len(in.Feedback), MaxSamples)
	}
	body := map[string]any{"model": in.Model, "features": true}
	if in.Model == "" {
		delete(body, "model")
	}
	s, err := h.named(r, body)
	if err != nil {
		return 0, nil, err
	}
	rejected := []refused{}
	byHour := map[string][]capture.Label{} // hour of the inference, which the id carries
	hours := map[string]time.Time{}
	var order []string
	for _, l := range in.Feedback {
		label, reason := h.readLabel(s, l)
		if reason != "" {
			rejected = append(rejected, refused{l.Inference, reason})
			continue
		}
		at := ulid.Time(ulid.MustParse(l.Inference).Time()).UTC()
		hour := capture.Hour(at)
		if _, ok := hours[hour]; !ok {
			hours[hour] = at
			order = append(order, hour)
		}
		byHour[hour] = append(byHour[hour], label)
	}
	accepted := 0
	for _, hour := range order {
		n, no, err := h.storeLabels(ctx, s, hour, hours[hour], byHour[hour])
		if err != nil {
			return accepted, nil, err
		}
		accepted += n
		rejected = append(rejected, no...)
	}
	return accepted, rejected, nil
}

// readLabel checks one label alone: its id's form, and that its value is a class or a finite number.
func (h *Handler) readLabel(s *serving.Served, l labelIn) (capture.Label, string) {
	if _, err := ulid.ParseStrict(l.Inference); err != nil {
		return capture.Label{}, "unknown_id"
	}
	out := capture.Label{Inference: l.Inference, At: h.Now().UTC(), Source: l.Source}
	if len(l.Source) > 200 {
		return out, "bad_label"
	}
	if l.LabeledAt != "" {
		at, err := time.Parse(time.RFC3339, l.LabeledAt)
		if err != nil || at.After(h.Now().Add(time.Hour)) {
			return out, "bad_label"
		}
		out.At = at
	}
	switch v := l.Label.(type) {
	case string:
		out.Value = v
	case float64:
		out.Value = strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		out.Value = strconv.FormatBool(v)
	default:
		return out, "bad_label"
	}
	if s.Task == dataset.Regression {
		if v, err := strconv.ParseFloat(out.Value, 64); err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return out, "bad_label"
		}
		return out, ""
	}
	for _, c := range s.Classes {
		if c == out.Value {
			return out, ""
		}
	}
	return out, "bad_label"
}

// few is up to how many labels of one hour are looked up one by one; more are found by reading the hour.
const few = 20

// known are those of the labels' inferences that were captured.
func (h *Handler) known(ctx context.Context, name string, at time.Time, labels []capture.Label) (map[string]bool, error) {
	if len(labels) > few {
		return capture.IDs(ctx, h.Blobs, name, "champion", at)
	}
	known := map[string]bool{}
	for _, l := range labels {
		switch _, err := capture.Find(ctx, h.Blobs, name, "champion", l.Inference, at); {
		case err == nil:
			known[l.Inference] = true
		case !fault.Is(err, fault.NotFound):
			return nil, err
		}
	}
	return known, nil
}

// storeLabels writes the labels of one hour of inferences: first the ground truth, then the documents that make a repetition a duplicate.
// A crash between the two leaves labels that were never acknowledged, and sending them again mends it.
func (h *Handler) storeLabels(ctx context.Context, s *serving.Served, hour string, at time.Time, labels []capture.Label) (int, []refused, error) {
	known, err := h.known(ctx, s.Name, at, labels)
	if err != nil {
		return 0, nil, err
	}
	var rejected []refused
	var take []capture.Label
	var docs []control.Doc
	var conflicts []audit.Entry
	seen := map[string]bool{}
	for _, l := range labels {
		if !known[l.Inference] {
			rejected = append(rejected, refused{l.Inference, "unknown_id"})
			continue
		}
		key := control.Label(s.Name, hour, l.Inference)
		var have labelDoc
		rev, err := h.Control.Get(ctx, key, &have)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return 0, nil, err
		}
		if seen[l.Inference] || (rev > 0 && have.Value == l.Value) {
			rejected = append(rejected, refused{l.Inference, "duplicate"})
			continue
		}
		seen[l.Inference] = true
		if rev > 0 {
			conflicts = append(conflicts, audit.Entry{Kind: audit.LabelConflict, Model: s.Name, At: h.Now(), Actor: audit.Actor{Type: "api", ID: door.CallerOf(ctx).ID},
				Reason: fmt.Sprintf("label of %s changed from %.40q to %.40q", l.Inference, have.Value, l.Value)})
		}
		doc, err := control.Put(key, rev, labelDoc{l.Value, l.At})
		if err != nil {
			return 0, nil, err
		}
		docs = append(docs, doc)
		take = append(take, l)
	}
	if len(take) == 0 {
		return 0, rejected, nil
	}
	if err := capture.WriteLabels(ctx, h.Blobs, s.Name, h.NewID(), h.Now(), take); err != nil {
		return 0, nil, err
	}
	const chunk = 40 // documents of one transaction; with audit entries it stays far below 100 actions
	for i := 0; i < len(docs); i += chunk {
		c := control.Change{Model: s.Name, Put: docs[i:min(i+chunk, len(docs))]}
		c.Entries = conflicts[min(i, len(conflicts)):min(i+chunk, len(conflicts))]
		if err := h.Control.Commit(ctx, c); err != nil {
			return 0, nil, err
		}
	}
	return len(take), rejected, nil
}

// Receipt is everything known about one prediction.
type Receipt struct {
	ID            string          `json:"inference_id"`
	At            time.Time       `json:"timestamp"`
	Model         string          `json:"model_name"`
	Version       string          `json:"model_version"`
	SHA256        string          `json:"model_sha256"`
	Variant       string          `json:"variant"`
	Status        int             `json:"status"`
	Features      map[string]any  `json:"features"`
	Prediction    any             `json:"prediction"`
	Probabilities []float64       `json:"probabilities,omitempty"`
	Problems      []fault.Detail  `json:"problems,omitempty"`
	Label         json.RawMessage `json:"label,omitempty"`
}

// receipt answers GET /predictions/{id}.
func (h *Handler) receipt(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	id := r.PathValue("id")
	out, err := func() (*Receipt, error) {
		parsed, err := ulid.ParseStrict(id)
		if err != nil {
			return nil, fault.NotFoundf("no prediction %.40q: an inference_id has 26 letters and digits", id)
		}
		s, err := h.named(r, nil)
		if err != nil {
			return nil, err
		}
		at := ulid.Time(parsed.Time()).UTC()
		rec, err := capture.Find(ctx, h.Blobs, s.Name, "champion", id, at)
		if fault.Is(err, fault.NotFound) {
			rec, err = capture.Find(ctx, h.Blobs, s.Name, "rejected", id, at)
		}
		if err != nil {
			return nil, err
		}
		out := &Receipt{ID: rec.ID, At: rec.At, Model: rec.Model, Version: itoa(rec.Version), SHA256: rec.SHA256, Variant: rec.Variant, Status: rec.Status,
			Features: rec.Features, Prediction: rec.Prediction, Probabilities: rec.Probabilities, Problems: rec.Problems}
		var l labelDoc
		if _, err := h.Control.Get(ctx, control.Label(rec.Model, capture.Hour(at), id), &l); err == nil {
			out.Label, _ = json.Marshal(map[string]any{"value": classValue(l.Value), "at": l.At})
		} else if !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		return out, nil
	}()
	if err != nil {
		door.Fail(w, r, door.Plain, err)
		return
	}
	door.JSON(w, http.StatusOK, out)
}

// reproduction answers GET /predictions/{id}/reproduction: the recorded request scored again by the version that answered it.
func (h *Handler) reproduction(w http.ResponseWriter, r *http.Request) {
	out, err := func() (map[string]any, error) {
		ctx, id := r.Context(), r.PathValue("id")
		parsed, err := ulid.ParseStrict(id)
		if err != nil {
			return nil, fault.NotFoundf("no prediction %.40q: an inference_id has 26 letters and digits", id)
		}
		s, err := h.named(r, nil)
		if err != nil {
			return nil, err
		}
		rec, err := capture.Find(ctx, h.Blobs, s.Name, "champion", id, ulid.Time(parsed.Time()).UTC())
		if err != nil {
			return nil, err
		}
		then, err := h.Models.Version(ctx, s.Name, registry.Version{Number: rec.Version, SHA256: rec.SHA256})
		if err != nil {
			return nil, err
		}
		x, problems := then.Row(then.Known(rec.Features))
		if len(problems) > 0 && !(h.AcceptUnseen && len(problems) == len(warnings(problems))) {
			return nil, fault.New(fault.Internal, "the recorded request of %s no longer fits the version that answered it", id)
		}
		p := make([]float64, then.Width())
		then.Predict(p, x)
		equal := true
		if then.Task == dataset.Regression {
			equal = fmt.Sprint(rec.Prediction) == fmt.Sprint(p[0])
		} else {
			equal = slices.Equal(rec.Probabilities, p)
		}
		return map[string]any{"inference_id": id, "model_name": s.Name, "model_version": itoa(rec.Version), "model_sha256": rec.SHA256, "equal": equal, "recorded": rec.Probabilities, "scored": p}, nil
	}()
	if err != nil {
		door.Fail(w, r, door.Plain, err)
		return
	}
	door.JSON(w, http.StatusOK, out)
}

func warnings(problems []fault.Detail) []fault.Detail {
	var out []fault.Detail
	for _, p := range problems {
		if model.Warning(p) {
			out = append(out, p)
		}
	}
	return out
}
