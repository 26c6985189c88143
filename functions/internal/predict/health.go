package predict

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"mlops/functions/internal/door"
	"mlops/functions/internal/gauge"
	"mlops/functions/internal/release"
	"mlops/functions/internal/serving"
	"mlops/shared/control"
	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// Version is what GET /version answers; the protocol surfaces quote it too.
const Version = release.Version

func (h *Handler) health(mux *http.ServeMux) {
	alive := func(w http.ResponseWriter, r *http.Request) {
		door.JSON(w, http.StatusOK, map[string]any{"status": "alive", "timestamp": h.Now().UTC()})
	}
	mux.HandleFunc("GET /live", alive)
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
		name, loaded := h.loaded(r)
		status := "healthy"
		if !loaded {
			status = "degraded"
		}
		door.JSON(w, http.StatusOK, map[string]any{"status": status, "model_loaded": loaded, "model_name": name,
			"uptime_seconds": h.Now().Sub(h.Started).Seconds(), "timestamp": h.Now().UTC()})
	})
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, r *http.Request) {
		name, loaded := h.loaded(r)
		if !loaded {
			door.Fail(w, r, door.Plain, fault.Unavailablef("no model is ready to answer"))
			return
		}
		door.JSON(w, http.StatusOK, map[string]any{"status": "ready", "model_name": name})
	})
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, r *http.Request) {
		if _, loaded := h.loaded(r); !loaded {
			w.Header().Set("Retry-After", "5")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusOK)
	})
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, r *http.Request) {
		door.Bytes(w, http.StatusOK, "text/plain; charset=utf-8", []byte(Version))
	})
	mux.HandleFunc("GET /metrics", h.metrics)
	mux.HandleFunc("GET /model_info", h.modelInfo)
	mux.HandleFunc("GET /openapi.json", h.openAPI)
}

// loaded names a model that is ready to answer: the one a plain request means, or where there are several, the first of them.
func (h *Handler) loaded(r *http.Request) (string, bool) {
	if s, err := h.named(r, nil); err == nil {
		return s.Name, true
	}
	if r.URL.Query().Get("model") == "" {
		for _, s := range h.ready(r.Context()) {
			return s.Name, true
		}
	}
	return "", false
}

// maxListed bounds how many models a listing loads.
const maxListed = 100

// ready are the models that answer, by name. A model that cannot be loaded is left out: it does not answer.
func (h *Handler) ready(ctx context.Context) []*serving.Served {
	docs, err := h.Control.List(ctx, control.State("").Partition, "", "", maxListed)
	if err != nil {
		h.Log.WarnContext(ctx, "the models could not be listed", "error", err)
		return nil
	}
	var out []*serving.Served
	for _, d := range docs {
		if s, err := h.Models.Champion(ctx, d.Key.Sort); err == nil {
			out = append(out, s)
		}
	}
	return out
}

// metrics speaks Prometheus' text format. The counters are this process' own: behind several the scraper adds them up. The gauges of the drift
// check are read from where it stored them.
func (h *Handler) metrics(w http.ResponseWriter, r *http.Request) {
	name, version := "", ""
	if s, err := h.named(r, nil); err == nil {
		name, version = s.Name, itoa(s.Version)
	}
	c := &h.counts
	ok, bad := c.success.Load(), c.failure.Load()
	text := fmt.Sprintf(`# HELP predictions_total Predictions by outcome.
# TYPE predictions_total counter
predictions_total{model_name=%[1]q,status="success"} %[3]d
predictions_total{model_name=%[1]q,status="error"} %[4]d
# HELP prediction_duration_seconds Time spent answering.
# TYPE prediction_duration_seconds summary
prediction_duration_seconds_sum{model_name=%[1]q} %[5]g
prediction_duration_seconds_count{model_name=%[1]q} %[3]d
# HELP capture_lost_total Predictions that could not be recorded.
# TYPE capture_lost_total counter
capture_lost_total{model_name=%[1]q} %[6]d
# HELP model_info The version that answers.
# TYPE model_info gauge
model_info{model_name=%[1]q,version=%[2]q} 1
`, name, version, ok, bad, time.Duration(c.nanoseconds.Load()).Seconds(), c.captureLost.Load())
	buf := bytes.NewBufferString(text)
	if err := gauge.Write(buf, h.gauges(r.Context()), h.Now()); err != nil {
		h.Log.WarnContext(r.Context(), "the gauges could not be written", "error", err)
	}
	door.Bytes(w, http.StatusOK, "text/plain; version=0.0.4; charset=utf-8", buf.Bytes())
}

// gauges are what the drift check stored of each model: the same from every process.
func (h *Handler) gauges(ctx context.Context) (all []gauge.Gauges) {
	docs, err := h.Control.List(ctx, control.Gauges("").Partition, "", "", maxListed)
	if err != nil {
		h.Log.WarnContext(ctx, "the gauges could not be read", "error", err)
	}
	for _, d := range docs {
		var g gauge.Gauges
		if err := json.Unmarshal(d.Body, &g); err != nil {
			h.Log.WarnContext(ctx, "the gauges of a model are not JSON", "model", d.Key.Sort, "error", err)
			continue
		}
		all = append(all, g)
	}
	return all
}

type featureInfo struct {
	Name       string   `json:"name"`
	Kind       string   `json:"type"`
	Min        *float64 `json:"min,omitempty"`
	Max        *float64 `json:"max,omitempty"`
	Levels     []string `json:"levels,omitempty"`
	Missing    float64  `json:"missing_share"`
	Importance float64  `json:"importance"`
}

func (h *Handler) modelInfo(w http.ResponseWriter, r *http.Request) {
	s, err := h.named(r, nil)
	if err != nil {
		door.Fail(w, r, door.Plain, err)
		return
	}
	features := make([]featureInfo, len(s.Features))
	for i, f := range s.Features {
		features[i] = featureInfo{Name: f.Name, Kind: "numeric", Missing: f.Missing, Importance: f.Importance, Levels: f.Levels}
		if f.Kind == dataset.Categorical {
			features[i].Kind = "categorical"
		} else {
			features[i].Min, features[i].Max = &s.Features[i].Min, &s.Features[i].Max
		}
	}
	info := map[string]any{"name": s.Name, "version": itoa(s.Version), "alias": "champion", "task": s.Task, "features": features, "target": s.Target,
		"algorithm": s.Algorithm, "sha256": s.SHA256, "data_version": s.Data, "loaded_at": s.LoadedAt.UTC()}
	if s.Task != dataset.Regression {
		info["classes"] = s.Classes
	}
	door.JSON(w, http.StatusOK, info)
}

// openAPI describes the plain surface for the model that answers now, so that a client can be generated from it.
func (h *Handler) openAPI(w http.ResponseWriter, r *http.Request) {
	s, err := h.named(r, nil)
	if err != nil {
		door.Fail(w, r, door.Plain, err)
		return
	}
	properties := map[string]any{}
	required := []string{}
	for _, f := range s.Features {
		p := map[string]any{"type": []string{"number", "null"}}
		if f.Kind == dataset.Categorical {
			values := make([]any, 0, len(f.Levels)+1)
			for _, l := range f.Levels {
				values = append(values, l)
			}
			p = map[string]any{"type": []string{"string", "null"}, "enum": append(values, nil)}
		}
		properties[f.Name] = p
		if !f.Nullable() { // what training had gaps in may be left out
			required = append(required, f.Name)
		}
	}
	ref := func(name string) map[string]any { return map[string]any{"$ref": "#/components/schemas/" + name} }
	body := func(schema any) map[string]any {
		return map[string]any{"required": true, "content": map[string]any{"application/json": map[string]any{"schema": schema}}}
	}
	answers := func(schema any) map[string]any {
		out := map[string]any{"200": map[string]any{"description": "the answer", "content": map[string]any{"application/json": map[string]any{"schema": schema}}}}
		for code, text := range map[string]string{"400": "malformed or wrong values", "401": "no key", "413": "too large", "503": "no model is ready"} {
			out[code] = map[string]any{"description": text, "content": map[string]any{"application/json": map[string]any{"schema": ref("Error")}}}
		}
		return out
	}
	object := func(p map[string]any) map[string]any { return map[string]any{"type": "object", "properties": p} }
	text, num := map[string]any{"type": "string"}, map[string]any{"type": "number"}
	repeat := []any{map[string]any{"name": "Idempotency-Key", "in": "header", "description": "a repetition with the same key gets the first answer", "schema": map[string]any{"type": "string", "pattern": "^[A-Za-z0-9_-]{8,128}$"}}}
	doc := map[string]any{
		"openapi":  "3.1.0",
		"info":     map[string]any{"title": s.Name, "version": itoa(s.Version)},
		"security": []any{map[string]any{"key": []any{}}},
		"paths": map[string]any{
			"/predict":       map[string]any{"post": map[string]any{"operationId": "predict", "parameters": repeat, "requestBody": body(ref("Features")), "responses": answers(ref("Prediction"))}},
			"/predict/batch": map[string]any{"post": map[string]any{"operationId": "predictBatch", "parameters": repeat, "requestBody": body(object(map[string]any{"samples": map[string]any{"type": "array", "maxItems": MaxSamples, "items": ref("Features")}})), "responses": answers(object(map[string]any{"predictions": map[string]any{"type": "array", "items": ref("Prediction")}, "total": num}))}},
			"/feedback":      map[string]any{"post": map[string]any{"operationId": "feedback", "parameters": repeat, "requestBody": body(object(map[string]any{"feedback": map[string]any{"type": "array", "items": object(map[string]any{"inference_id": text, "label": map[string]any{}, "labeled_at": text, "source": text})}})), "responses": answers(object(map[string]any{"accepted": num, "rejected": map[string]any{"type": "array"}}))}},
		},
		"components": map[string]any{
			"securitySchemes": map[string]any{"key": map[string]any{"type": "apiKey", "in": "header", "name": "x-api-key"}},
			"schemas": map[string]any{
				"Features":   map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false},
				"Prediction": object(map[string]any{"prediction": map[string]any{}, "probability": num, "probabilities": map[string]any{"type": "object", "additionalProperties": num}, "model_name": text, "model_version": text, "alias": text, "inference_id": text, "timestamp": text}),
				"Error":      object(map[string]any{"error": text, "message": text, "detail": map[string]any{"type": "array", "items": object(map[string]any{"field": text, "code": text, "got": map[string]any{}, "expected": text, "row": num})}, "request_id": text}),
			},
		},
	}
	door.JSON(w, http.StatusOK, doc)
}
