// Package candidates gathers what the rule of selection knows of the data versions that could be trained on: their manifests, the live
// traffic that they are held against, and how long labels take to come.
package candidates

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"mlops/functions/internal/capture"
	"mlops/functions/internal/incident"
	"mlops/functions/internal/table"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/dataset/version"
	"mlops/shared/drift"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/registry"
	"mlops/shared/training/selection"
)

// maxTraffic is how many requests a candidate is held against, the newest; maxDatasets how many datasets of a model are looked at.
const (
	maxTraffic  = 20_000
	maxDatasets = 20
)

// Source is where the facts are.
type Source struct {
	Control interface {
		Get(ctx context.Context, key control.Key, into any) (int64, error)
		List(ctx context.Context, partition, prefix, after string, limit int) ([]control.Doc, error)
	}
	Blobs  capture.Blobs                                       // the data bucket
	Policy func(ctx context.Context) (selection.Policy, error) // nil: the default
	Drift  func(ctx context.Context) (drift.Policy, error)     // nil: the default
}

// Question is for whom data is chosen, and when.
type Question struct {
	Model   string
	Dataset string // only versions of this one; "" = of every dataset that is registered for the model
	Renewal bool   // to be retrained with the labels that came since
	At      time.Time
}

// Choose applies the rule. NotFound: no dataset, or none that has a version.
func (s Source) Choose(ctx context.Context, q Question) (selection.Choice, table.Manifest, error) {
	policy, drifts := selection.DefaultPolicy(), drift.DefaultPolicy()
	var err error
	if s.Policy != nil {
		if policy, err = s.Policy(ctx); err != nil {
			return selection.Choice{}, table.Manifest{}, err
		}
	}
	if s.Drift != nil {
		if drifts, err = s.Drift(ctx); err != nil {
			return selection.Choice{}, table.Manifest{}, err
		}
	}
	g := gathering{Source: s, q: q, policy: policy, drifts: drifts, manifests: map[string]table.Manifest{}}
	if err := g.read(ctx); err != nil {
		return selection.Choice{}, table.Manifest{}, err
	}
	choice, err := selection.Select(g.facts, policy)
	return choice, g.manifests[choice.Version], err
}

// gathering is one look at everything.
type gathering struct {
	Source
	q         Question
	policy    selection.Policy
	drifts    drift.Policy
	serving   *table.Manifest // of the version that serves; nil = none does
	facts     selection.Facts
	manifests map[string]table.Manifest
	traffic   []capture.Record
}

func (g *gathering) read(ctx context.Context) error {
	g.facts = selection.Facts{Now: g.q.At, Renewal: g.q.Renewal}
	if err := g.readServing(ctx); err != nil {
		return err
	}
	datasets, err := g.datasets(ctx)
	if err != nil {
		return err
	}
	if g.facts.DelayDays, err = g.delay(ctx); err != nil {
		return err
	}
	for _, d := range datasets {
		if d.Pin != nil && (g.facts.Pin == nil || d.Pin.At.After(g.facts.Pin.At)) {
			g.facts.Pin = d.Pin
		}
	}
	var all []selection.Candidate
	for _, d := range datasets {
		for i, id := range d.Versions {
			if i < len(d.Versions)-g.policy.Candidates && !g.pinned(id) {
				continue
			}
			c, err := g.candidate(ctx, d.Name, id)
			if err != nil {
				return err
			}
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return fault.NotFoundf("there is no data version of %.60q to train on: upload one by POST /datasets/{name}", cmp.Or(g.q.Dataset, g.q.Model))
	}
	slices.SortStableFunc(all, func(a, b selection.Candidate) int { return b.Created.Compare(a.Created) })
	for i, c := range all {
		if i < g.policy.Candidates || g.pinned(c.Version) {
			g.facts.Candidates = append(g.facts.Candidates, c)
		}
	}
	return g.measure(ctx)
}

func (g *gathering) pinned(id string) bool { return g.facts.Pin != nil && g.facts.Pin.Version == id }

// readServing finds the question that the model answers, and its features.
func (g *gathering) readServing(ctx context.Context) error {
	var state registry.State
	if _, err := g.Control.Get(ctx, control.State(g.q.Model), &state); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	v, _, ok := state.At(registry.Champion)
	if !ok {
		return nil
	}
	m, err := table.ReadManifest(ctx, g.Blobs, v.Dataset, v.DataVersion)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
		return nil // damaged or gone: it binds nobody
	}
	g.serving, g.facts.Question = &m, question(m)
	return err
}

// datasets are those that may be chosen from, the last updated first.
func (g *gathering) datasets(ctx context.Context) ([]table.Dataset, error) {
	if g.q.Dataset != "" {
		var d table.Dataset
		_, err := g.Control.Get(ctx, control.Dataset(g.q.Dataset), &d)
		return []table.Dataset{d}, fault.Wrap(err, "find the dataset %.60q", g.q.Dataset)
	}
	docs, err := g.Control.List(ctx, control.Dataset("").Partition, "", "", 1000)
	if err != nil {
		return nil, err
	}
	var out []table.Dataset
	for _, doc := range docs {
		var d table.Dataset
		if err := json.Unmarshal(doc.Body, &d); err != nil {
			return nil, fault.New(fault.Internal, "dataset %s is not JSON", doc.Key.Sort).Because(err)
		}
		if d.Model == g.q.Model || g.serving != nil && d.Name == g.serving.Dataset { // the last upload may have been for another model
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b table.Dataset) int {
		return cmp.Or(b.Updated.Compare(a.Updated), strings.Compare(a.Name, b.Name))
	})
	return out[:min(len(out), maxDatasets)], nil
}

// delay is the median days to a label in the newest window that was measured.
func (g *gathering) delay(ctx context.Context) (float64, error) {
	var history incident.History
	if _, err := g.Control.Get(ctx, control.Drift(g.q.Model), &history); err != nil || history.Latest == "" {
		if fault.Is(err, fault.NotFound) {
			err = nil
		}
		return 0, err
	}
	b, err := g.Blobs.Get(ctx, history.Latest, 64<<20)
	if err != nil {
		return 0, fault.Wrap(err, "read the measured window %s", history.Latest)
	}
	var m incident.Measured
	if err := json.Unmarshal(b, &m); err != nil {
		return 0, fault.New(fault.Internal, "the measured window %s is not JSON", history.Latest).Because(err)
	}
	return m.DelayDays, nil
}

// candidate is what its manifest says. One that is damaged or gone is a candidate that cannot be read.
func (g *gathering) candidate(ctx context.Context, name, id string) (selection.Candidate, error) {
	c := selection.Candidate{Dataset: name, Version: id}
	m, err := table.ReadManifest(ctx, g.Blobs, name, id)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
		c.Unread = err.Error()
		return c, nil
	}
	if err != nil {
		return c, err
	}
	g.manifests[id] = m
	c.Created, c.Question, c.Rows, c.Assembled, c.Positives = m.Created, question(m), m.All(), len(m.Parents) > 0, -1
	c.Failed, c.Critical, c.Warnings = !m.Validation.Passed, m.Validation.Critical, m.Validation.Warnings
	for _, n := range m.Classes {
		if c.Positives < 0 || n < c.Positives {
			c.Positives = n
		}
	}
	if q := m.Quick; q != nil {
		c.Score = &selection.Score{Metric: q.Metric, Greater: q.Greater, Mean: q.Mean, SE: q.SE, Rows: q.Rows}
	}
	if g.serving != nil {
		have, want := m.FeatureNames(), g.serving.FeatureNames()
		c.Lacks, c.Adds = without(want, have), without(have, want)
	}
	return c, nil
}

// without are the names of a that b lacks.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(n string) bool { return slices.Contains(b, n) })
}

func question(m table.Manifest) string {
	if m.Positive != "" {
		return fmt.Sprintf("%s (%s, positive %s)", m.Target, m.Task, m.Positive)
	}
	return fmt.Sprintf("%s (%s)", m.Target, m.Task)
}

// measure holds each candidate against the newest traffic. What was measured of one only decides nothing, so it is not measured.
func (g *gathering) measure(ctx context.Context) error {
	if !slices.Contains(g.policy.Order, "drift") {
		return nil
	}
	readable := 0
	for i := range g.facts.Candidates {
		if g.facts.Candidates[i].Unread == "" {
			g.facts.Candidates[i].NoDrift = "nothing to compare it with"
			readable++
		}
	}
	if readable < 2 {
		return nil
	}
	if err := g.readTraffic(ctx); err != nil {
		return err
	}
	for i := range g.facts.Candidates {
		if c := &g.facts.Candidates[i]; c.Unread == "" {
			if err := g.measureOne(ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// readTraffic reads day by day backwards, until there is enough.
func (g *gathering) readTraffic(ctx context.Context) error {
	for day := range g.policy.TrafficDays {
		end := g.q.At.Add(-time.Duration(day) * 24 * time.Hour)
		records, err := capture.Window(ctx, g.Blobs, g.q.Model, "champion", end.Add(-24*time.Hour), end)
		if err != nil {
			return err
		}
		if g.traffic = append(records, g.traffic...); len(g.traffic) >= maxTraffic {
			g.traffic = g.traffic[len(g.traffic)-maxTraffic:]
			break
		}
	}
	return nil
}

func (g *gathering) measureOne(ctx context.Context, c *selection.Candidate) error {
	if len(g.traffic) < g.policy.TrafficRows {
		c.NoDrift = fmt.Sprintf("%d rows of traffic are fewer than %d", len(g.traffic), g.policy.TrafficRows)
		return nil
	}
	m := g.manifests[c.Version]
	if _, kept := m.Files[version.Profile]; !kept {
		c.NoDrift = "it has no profile"
		return nil
	}
	b, err := g.Blobs.Get(ctx, path.Join(version.Dir(m.Dataset, m.Version), version.Profile), 256<<20)
	if err == nil {
		err = m.Check(version.Profile, b)
	}
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
		c.Unread = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	profile, err := drift.ReadProfile(b)
	if err != nil {
		return fault.Wrap(err, "read the profile of data version %.12s of %s", m.Version, m.Dataset)
	}
	report, err := against(profile, g.traffic, m, g.drifts)
	if err != nil {
		return err
	}
	c.NoDrift, c.Drift = "", &selection.Drift{Share: report.Share, Drifted: report.NumberOfDrifted, Columns: report.NumberOfColumns, Rows: len(g.traffic)}
	return nil
}

// Record is the choice as the manifest of what is made of it keeps it.
func Record(c selection.Choice) *event.Choice {
	return &event.Choice{Policy: c.Policy, Decided: c.Decided, Reasons: c.Reasons}
}

// Entry is the choice as the ledger keeps it.
func Entry(c selection.Choice, model string, at time.Time, by audit.Actor, op string) audit.Entry {
	refused := 0
	for _, v := range c.Verdicts {
		if v.Status == selection.Refused {
			refused++
		}
	}
	reason := fmt.Sprintf("%s@%.12s of %d: %s", c.Dataset, c.Version, len(c.Verdicts), strings.Join(c.Reasons, "; "))
	if len(reason) > audit.MaxText {
		reason = strings.ToValidUTF8(reason[:audit.MaxText-2], "") + ".."
	}
	return audit.Entry{Kind: audit.DataSelected, Model: model, At: at, SHA256: c.Version, Actor: by, Op: op, Reason: reason,
		Policy: audit.Policy{Name: "selection", Version: c.Policy, Rule: c.Decided},
		Inputs: map[string]string{"dataset": c.Dataset, "candidates": fmt.Sprint(len(c.Verdicts)), "refused": fmt.Sprint(refused)}}
}
