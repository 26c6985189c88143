// Package probe asks the serving path for golden rows: the same address, key and handler that a client's request passes.
package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"mlops/functions/internal/agent"
	"mlops/shared/fault"
)

// The bounds of one probe.
const (
	maxSamples = 1000 // of one request
	maxAnswer  = 6 << 20
	timeout    = 29 * time.Second
)

// Prober sends golden rows to a serving path.
type Prober struct {
	Settle time.Duration                             // how long the path may go on with the version before: it is waited for, once
	URL    string                                    // of the API, with its stage
	Key    func(ctx context.Context) (string, error) // the platform's own API key
	Client interface {
		Do(*http.Request) (*http.Response, error)
	} // nil = a plain client
}

// Probe sends the rows in batches.
func (p Prober) Probe(ctx context.Context, model string, rows []map[string]any) ([]agent.Probe, error) {
	select {
	case <-time.After(p.Settle):
	case <-ctx.Done():
		return nil, fault.Unavailablef("the serving path had no time to settle").Because(ctx.Err())
	}
	var out []agent.Probe
	for i := 0; i < len(rows); i += maxSamples {
		part, err := p.batch(ctx, model, rows[i:min(i+maxSamples, len(rows))])
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
	}
	return out, nil
}

func (p Prober) batch(ctx context.Context, model string, rows []map[string]any) ([]agent.Probe, error) {
	key, err := p.Key(ctx)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]any{"samples": rows})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(p.URL, "/")+"/predict/batch?model="+url.QueryEscape(model), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-Api-Key", key)
	r.Header.Set("Content-Type", "application/json")
	client := p.Client
	if client == nil {
		client = &http.Client{Timeout: timeout}
	}
	res, err := client.Do(r)
	if err != nil {
		return nil, fault.Unavailablef("the serving path did not answer").Because(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fault.Unavailablef("the serving path's answer ended early").Because(err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, fault.Unavailablef("the serving path answered %d: %.300s", res.StatusCode, b)
	}
	return read(b)
}

// read reads the answer of POST /predict/batch.
func read(b []byte) ([]agent.Probe, error) {
	var answer struct {
		Predictions []struct {
			Prediction    json.RawMessage    `json:"prediction"` // a number, or a class's name
			Probabilities map[string]float64 `json:"probabilities"`
			Version       string             `json:"model_version"`
		} `json:"predictions"`
	}
	if err := json.Unmarshal(b, &answer); err != nil {
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
