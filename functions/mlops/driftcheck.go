package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"mlops/functions/internal/incident"
	"mlops/shared/fault"
)

// driftAsk is a check of a platform's own traffic: mlops drift <model>.
type driftAsk struct {
	remote
	window time.Duration
	rows   int
}

// given reports whether the flags say where a platform is: that is of no use to files. The environment may say it for other commands.
func (d *driftAsk) given(c *cobra.Command) bool {
	return c.Flags().Changed("url") || c.Flags().Changed("state")
}

// check measures a model's traffic now and shows what was found.
func (d *driftAsk) check(ctx context.Context, a *app, model string, failOnDrift bool) error {
	body := map[string]any{"model": model, "rows": d.rows}
	if d.window != 0 {
		body["window"] = d.window.String()
	}
	started, err := d.call(ctx, http.MethodPost, "/drift/check", body)
	if err != nil {
		return err
	}
	if err := d.wait(ctx, started); err != nil {
		return err
	}
	m, err := d.measured(ctx, started)
	if err != nil {
		return err
	}
	a.answer = m
	if !a.json {
		a.printf("%s v%d, %s to %s, %s, %d labelled\n", m.Model, m.Version, m.Report.Window.Start.Format(time.RFC3339), m.Report.Window.End.Format(time.RFC3339), counted(m.Rows, "row"), m.Labelled)
		for _, n := range m.Input.Notes {
			a.printf("  input %s: %s\n", n.Kind, n.Text)
		}
		a.showDrift(m.Report)
	}
	if failOnDrift && m.Report.DatasetDrift {
		return errNegative
	}
	return nil
}

// measured is the report of a check that has ended. It is written by another function, a moment after the job's end.
func (d *driftAsk) measured(ctx context.Context, started json.RawMessage) (*incident.Measured, error) {
	var s struct {
		Job string `json:"job_id"`
	}
	if err := json.Unmarshal(started, &s); err != nil {
		return nil, err
	}
	b, err := d.call(ctx, http.MethodGet, "/jobs/"+url.PathEscape(s.Job), nil)
	if err != nil {
		return nil, err
	}
	var j struct {
		Stage  string
		Result map[string]string
	}
	if err := json.Unmarshal(b, &j); err != nil {
		return nil, err
	}
	id := j.Result["report_id"]
	if id == "" {
		return nil, fault.NotFoundf("nothing was measured: %s", j.Stage)
	}
	d.accept = "application/json"
	for range 100 {
		if b, err = d.call(ctx, http.MethodGet, "/reports/"+url.PathEscape(id), nil); !fault.Is(err, fault.NotFound) {
			break
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	if err != nil {
		return nil, err
	}
	var m incident.Measured
	if err := json.Unmarshal(b, &m); err != nil || m.Report == nil {
		return nil, fault.New(fault.Internal, "the drift report %s cannot be read", id).Because(err)
	}
	return &m, nil
}

// notBoth says what was mixed.
func notBoth() error {
	return usage{fmt.Errorf("name a model of a platform, or compare two files with --reference and --current: not both")}
}
