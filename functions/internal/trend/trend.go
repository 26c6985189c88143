// Package trend keeps how the data of a dataset and the traffic of a model were over time, and says to the agent what they do not bear, as an
// alert among others: it folds what belongs to an open incident, and tells people once.
package trend

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"mlops/shared/control"
	"mlops/shared/dataset"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/quality"
)

// Dataset, Traffic and Batches name the kinds of history: of uploads, of what a model was asked day by day, of its batch jobs.
func Dataset(name string) string  { return "dataset/" + name }
func Traffic(model string) string { return "traffic/" + model }
func Batches(model string) string { return "batch/" + model }

// Follower joins batches to histories.
type Follower struct {
	Control interface {
		Get(ctx context.Context, key control.Key, into any) (int64, error)
	}
	Policy func(ctx context.Context) (quality.Policy, error) // nil = the default
	NewID  func() string
}

// Batch is one table that came.
type Batch struct {
	Subject string // Dataset or Traffic
	Model   string // that is concerned by an anomaly
	ID      string // a second batch of this id changes nothing
	At      time.Time
	Daily   bool // one batch a day
	Frame   *dataset.Frame
}

// Add measures a batch and gives what is to be committed: the history's document, and an alert where an anomaly began or ended. Both are empty
// where the batch is known.
func (f Follower) Add(ctx context.Context, b Batch) ([]control.Doc, []event.Event, error) {
	policy, err := f.policy(ctx)
	if err != nil {
		return nil, nil, err
	}
	h := quality.History{Subject: b.Subject, Daily: b.Daily}
	rev, err := f.Control.Get(ctx, control.Quality(b.Subject), &h)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, nil, err
	}
	if h.Has(b.ID) {
		return nil, nil, nil
	}
	found := h.Add(b.ID, quality.Measure(b.Frame, h.Known, b.At.UTC()), policy)
	return f.told(b, rev, h, found)
}

// Late looks whether the next batch of b's subject is overdue at b's time; b.ID names the look. It gives what is to be committed, both empty where nothing is, or where it was
// told.
func (f Follower) Late(ctx context.Context, b Batch) ([]control.Doc, []event.Event, error) {
	policy, err := f.policy(ctx)
	if err != nil {
		return nil, nil, err
	}
	var h quality.History
	rev, err := f.Control.Get(ctx, control.Quality(b.Subject), &h)
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			err = nil
		}
		return nil, nil, err
	}
	found, late := h.Late(b.At.UTC(), policy)
	if !late {
		return nil, nil, nil
	}
	return f.told(b, rev, h, []quality.Anomaly{found})
}

func (f Follower) policy(ctx context.Context) (quality.Policy, error) {
	if f.Policy == nil {
		return quality.DefaultPolicy(), nil
	}
	return f.Policy(ctx)
}

// told is a history as a document, and an alert of what was found.
func (f Follower) told(b Batch, rev int64, h quality.History, found []quality.Anomaly) ([]control.Doc, []event.Event, error) {
	doc, err := control.Put(control.Quality(b.Subject), rev, h)
	if err != nil {
		return nil, nil, err
	}
	if len(found) == 0 || b.Model == "" {
		return []control.Doc{doc}, nil, nil
	}
	alert, err := event.New(f.NewID(), event.AlertReceived, b.At, b.Model, alertOf(b, found))
	if err != nil {
		return nil, nil, err
	}
	return []control.Doc{doc}, []event.Event{alert}, nil
}

// maxAlerts bounds how many series one alert names: when a table is ruined, the first say it.
const maxAlerts = 50

// alertOf words anomalies as the alerts of a monitor.
func alertOf(b Batch, found []quality.Anomaly) event.Alert {
	var a event.Alert
	for _, x := range found[:min(len(found), maxAlerts)] {
		status := "firing"
		if x.Over {
			status = "resolved"
		}
		family, column, _ := strings.Cut(x.Series, "/")
		labels := map[string]string{"alertname": "data_quality_" + family, "severity": "warning", "model": b.Model, "subject": b.Subject, "series": x.Series, "batch": b.ID,
			"value": short(float64(x.Value)), "expected": short(float64(x.Low)) + " to " + short(float64(x.High))}
		if column != "" {
			labels["column"] = column
		}
		a.Alerts = append(a.Alerts, event.SingleAlert{Fingerprint: "data_quality/" + b.Subject + "/" + x.Series, Status: status, Labels: labels})
	}
	return a
}

func short(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "any above"
	case math.IsInf(v, -1):
		return "any below"
	}
	return fmt.Sprintf("%.4g", v)
}
