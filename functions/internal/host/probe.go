package host

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"mlops/functions/internal/agent"
	"mlops/functions/internal/door"
	"mlops/functions/internal/predict"
	"mlops/shared/fault"
)

// prober asks the serving path: the same edge, route and handler that a client's request passes, with the platform's own key.
type prober struct{ h *Host }

// Probe sends the rows in batches.
func (p prober) Probe(ctx context.Context, model string, rows []map[string]any) ([]agent.Probe, error) {
	var out []agent.Probe
	for i := 0; i < len(rows); i += predict.MaxSamples {
		part, err := p.batch(ctx, model, rows[i:min(i+predict.MaxSamples, len(rows))])
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
	}
	return out, nil
}

func (p prober) batch(ctx context.Context, model string, rows []map[string]any) ([]agent.Probe, error) {
	body, err := json.Marshal(map[string]any{"samples": rows})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/predict/batch?model="+url.QueryEscape(model), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-Api-Key", p.h.Keys.Probe)
	w := &door.Recorder{}
	p.h.HTTP.ServeHTTP(w, r)
	if w.Status() != http.StatusOK {
		return nil, fault.Unavailablef("the serving path answered %d: %.300s", w.Status(), w.Body.String())
	}
	var answer struct {
		Predictions []struct {
			Prediction    json.RawMessage    `json:"prediction"` // a number, or a class that is text
			Probabilities map[string]float64 `json:"probabilities"`
			Version       string             `json:"model_version"`
		} `json:"predictions"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		return nil, fmt.Errorf("read the serving path's answer: %w", err)
	}
	out := make([]agent.Probe, len(answer.Predictions))
	for i, a := range answer.Predictions {
		out[i] = agent.Probe{Version: a.Version, Values: a.Probabilities}
		if a.Probabilities == nil {
			var v float64
			if err := json.Unmarshal(a.Prediction, &v); err != nil {
				return nil, fmt.Errorf("read the serving path's answer: %w", err)
			}
			out[i].Values = map[string]float64{"": v}
		}
	}
	return out, nil
}
