package validate

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"time"

	"mlops/functions/internal/job"
	"mlops/functions/internal/table"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/dataset"
	"mlops/shared/event"
	"mlops/shared/expect"
	"mlops/shared/fault"
	"mlops/shared/number"
)

// ingest takes an upload from its bytes to a data version, or to a rejection that names every problem.
func (h *Handler) ingest(ctx context.Context, e event.Event, u event.Upload) error {
	var d Dataset
	rev, err := h.Control.Get(ctx, control.Dataset(u.Dataset), &d)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	raw, err := h.Blobs.Get(ctx, u.Key, table.MaxRaw)
	if err != nil {
		return fault.Wrap(err, "read the upload of %s", u.Dataset)
	}
	inherit(&u, d)

	p := h.prepare(ctx, raw, u, d, e.Time.UTC())
	if p.err != nil && (fault.Is(p.err, fault.Unavailable) || fault.Is(p.err, fault.Internal)) {
		return p.err // to be tried again: nothing is known about the data
	}

	if err := h.store(ctx, p); err != nil {
		return err
	}

	out := event.Validated{Upload: u, Version: p.manifest.Version, Rows: p.rows, Rejected: p.rejected, Report: p.report, Passed: p.err == nil,
		Rejections: p.rejections, Listed: p.listed, Unlisted: p.unlisted, Shown: p.shown}
	kind, name := audit.ValidatePassed, event.DatasetValidated
	if p.err != nil {
		kind, name = audit.ValidateFailed, event.DatasetRejected
		out.Problems = p.err.Error()
	}
	done := h.Now().UTC() // when it was found out; what is decided about the data was decided at the event's time
	docs, err := job.Advance(ctx, h.Control, u.Job, done, func(j *job.Job) {
		j.Status, j.Stage, j.Model = job.Running, "validated", u.Model
		j.Result["validation"], j.Result["data_version"] = p.report, p.manifest.Version
		if p.rejections != "" {
			j.Result["rejected"] = p.rejections
		}
		if p.err != nil {
			job.Fail(p.err)(j)
			j.Stage = "rejected"
		}
	})
	if err != nil {
		return err
	}
	if p.err == nil {
		d = Dataset{Name: u.Dataset, Model: u.Model, Target: p.manifest.Target, Positive: p.manifest.Positive, Task: string(p.manifest.Task), Ignore: u.Ignore, Segment: u.Segment, Group: u.Group, Time: u.Time, Weight: u.Weight,
			Suite: p.manifest.Suite, Updated: e.Time, Versions: appendVersion(d.Versions, p.manifest.Version), Pin: d.Pin}
		doc, err := control.Put(control.Dataset(u.Dataset), rev, d)
		if err != nil {
			return err
		}
		rules, err := h.requestRules(ctx, u.Dataset, u.Model)
		if err != nil {
			h.Log.ErrorContext(ctx, "the rules for requests stay as they were", "dataset", u.Dataset, "error", err)
		}
		docs = append(append(docs, doc), rules...)
	}
	history, alerts, err := h.observe(ctx, e, u, p)
	if err != nil {
		return err
	}
	next, err := event.New(h.NewID(), name, done, u.Model, out)
	if err != nil {
		return err
	}
	entry := audit.Entry{Kind: kind, Model: u.Model, At: done, SHA256: p.manifest.Version, Actor: audit.Actor{Type: "schedule", ID: "validate"}, Reason: p.summary,
		Policy: audit.Policy{Name: "checkpoints", Version: p.checkpoints, Rule: u.Dataset}, Inputs: map[string]string{"upload": u.Digest, "rows": strconv.Itoa(p.rows), "rejected": strconv.Itoa(p.rejected)}}
	return h.Control.Commit(ctx, control.Change{Model: u.Model, Op: "ingest/" + e.ID, Put: append(docs, history...), Entries: []audit.Entry{entry}, Events: append([]event.Event{next}, alerts...)})
}

// inherit fills what an upload leaves open with what is known of its dataset.
func inherit(u *event.Upload, d Dataset) {
	if u.Target == "" || u.Target == d.Target { // another target is another question
		u.Target = d.Target
		if u.Positive == "" {
			u.Positive = d.Positive
		}
		if u.Task == "" {
			u.Task = d.Task
		}
	}
	if u.Ignore == nil {
		u.Ignore = d.Ignore
	}
	if u.Segment == nil {
		u.Segment = d.Segment
	}
	u.Group, u.Time, u.Weight = cmp.Or(u.Group, d.Group), cmp.Or(u.Time, d.Time), cmp.Or(u.Weight, d.Weight)
}

type object struct {
	key  string
	body []byte
}

// prepared is the outcome of looking at an upload: what to store, and the error that refuses it, if any.
type prepared struct {
	manifest table.Manifest
	objects  []object
	report   string
	summary  string
	rows     int
	rejected int
	warnings int // failed expectations of less than critical severity
	err      error

	checkpoints      string // digest
	rejections       string // key of the list of rows to mend
	listed, unlisted int
	shown            []event.Rejection
	table            *dataset.Frame // as it came
}

// prepare decides everything about an upload without an effect.
func (h *Handler) prepare(ctx context.Context, raw []byte, u event.Upload, d Dataset, now time.Time) (p prepared) {
	f, err := h.read(raw, u.Key)
	if err != nil {
		return prepared{err: err, summary: "not a table"}
	}
	if u.Target == "" {
		u.Target = f.Columns[len(f.Columns)-1].Name
	}
	check, err := h.checkpoint(ctx, f, u, d)
	if err != nil {
		return prepared{err: err, summary: "no suite", checkpoints: check.digest}
	}
	p.checkpoints = check.digest
	result, err := h.evaluate(ctx, check, f, raw, u, expect.Options{Now: now})
	if err != nil {
		return prepared{err: err, summary: "not validated", checkpoints: check.digest}
	}
	report := compact(result) // named by its content: after a crash the same upload may meet a suite that another one brought in between
	p.report = path.Join("reports/validation", now.Format("2006/01/02"), u.Job+"-"+digest(report)[:12]+".json")
	p.objects = append(p.objects, object{p.report, report})
	if check.proposed != nil {
		p.objects = append(p.objects, object{check.key, check.proposed})
	}
	critical := result.Failed("critical")
	p.warnings = len(result.Failed("info")) - len(critical)
	p.summary = fmt.Sprintf("suite %s (%s): %s", check.suite.Name, number.Count(len(check.suite.Expectations), "expectation"), number.Count(p.warnings, "warning"))
	target, err := dataset.ParseTarget(u.Target)
	if err != nil {
		p.err = err
		return p
	}
	keep := target.Present(f)
	list, more := result.Rejections(f, check.OnFailure, maxListed)
	missing := missingTargets(keep, f.Rows(), u.Target)
	if p.err = p.listRejected(u, append(missing[:min(len(missing), maxListed)], list...), more+max(0, len(missing)-maxListed)); p.err != nil {
		return p
	}
	p.table = f
	aside := check.setAside(result)
	keep = slices.DeleteFunc(keep, func(row int) bool { return aside[row] })
	p.rejected = f.Rows() - len(keep)
	if p.rejected > 0 && len(keep) > 0 {
		f = f.Take(keep)
	}
	labels, err := target.Labels(f, dataset.Task(u.Task), u.Positive)
	if err != nil {
		p.err = err
		return p
	}
	if blocking := check.blocking(result); len(blocking) > 0 {
		p.err = refusal(u.Dataset, blocking)
		return p
	}
	if len(keep) == 0 {
		p.err = fault.Invalidf("every row of %s failed its checkpoint: %s lists them", u.Dataset, p.rejections)
		return p
	}
	f = materialise(f, target, labels)
	p.describe(f, labels, u, check.suite, check.key, now)
	p.err = p.split(f, labels)
	return p
}

// configured is where an operator puts a dataset's suite.
func configured(name string) string { return path.Join("config/suites", name+".json") }

// subject is the frame as a suite sees it. A comparison's column comes raw in an upload (num) and decided in a retraining (num>0): a proposed
// suite leaves both out, since reading the target checks it, and a configured one finds the decided values under the raw name.
func subject(f *dataset.Frame, text string, configured bool) *dataset.Frame {
	t, err := dataset.ParseTarget(text)
	if err != nil || t.Op == "" {
		return f
	}
	if !configured {
		return f.Drop(t.Column, text, t.String())
	}
	decided := f.Column(t.String())
	if f.Column(t.Column) != nil || decided == nil {
		return f
	}
	raw := *decided
	raw.Name = t.Column
	g, err := dataset.NewFrame(append(slices.Clone(f.Drop(t.String()).Columns), raw)...)
	if err != nil { // lengths and names are those of a frame
		return f
	}
	return g
}

func refusal(name string, failed []expect.ExpectationResult) error {
	severity := "severity critical"
	for _, r := range failed {
		if r.Severity() != expect.Critical {
			severity = "a severity that refuses"
		}
	}
	e := fault.Invalidf("%s of %s failed: %s is not trained on", number.Count(len(failed), "expectation"), severity, name)
	for _, r := range failed {
		e.With(failureDetail(r))
	}
	return e
}

// failureDetail is one failed expectation as one problem.
func failureDetail(r expect.ExpectationResult) fault.Detail {
	d := fault.Detail{Code: r.Config.Type, Expected: string(compact(r.Config.Kwargs))}
	d.Field, _ = r.Config.Kwargs["column"].(string)
	switch {
	case r.Exception != "":
		d.Got = r.Exception
	case r.Result["observed_value"] != nil:
		d.Got = r.Result["observed_value"]
	case r.Result["unexpected_count"] != nil:
		d.Got = fmt.Sprintf("%v of %v rows unexpected", r.Result["unexpected_count"], r.Result["element_count"])
	}
	return d
}

// materialise puts a comparison's outcome in the place of its column, last, so that a data version means the same without its history.
func materialise(f *dataset.Frame, t dataset.Target, l dataset.Labels) *dataset.Frame {
	name := l.Name
	var column dataset.Column
	if c := f.Column(name); c != nil {
		column = *c
	} else {
		column = dataset.NumericColumn(name, l.Y)
		f = f.Drop(t.Column)
	}
	f = f.Drop(name)
	out, err := dataset.NewFrame(append(slices.Clone(f.Columns), column)...)
	if err != nil { // the lengths and names are those of a frame that was read
		return f
	}
	return out
}

func present(f *dataset.Frame, names []string) []string {
	var out []string
	for _, n := range names {
		if f.Column(n) != nil {
			out = append(out, n)
		}
	}
	return out
}

func roles(target string, u event.Upload) map[string]dataset.Role {
	out := map[string]dataset.Role{target: dataset.RoleTarget}
	for _, n := range u.Ignore {
		out[n] = dataset.RoleIgnored
	}
	for _, n := range u.Segment {
		out[n] = dataset.RoleSegment
	}
	for _, n := range []string{u.Group, u.Time, u.Weight} {
		if n != "" {
			out[n] = dataset.RoleIgnored
		}
	}
	return out
}

// missingTargets are the rows that nothing can be learnt from, since what is to be predicted is not known. Without the column (nil keep) no
// row is to blame: reading the target names it.
func missingTargets(keep []int, rows int, target string) (list []expect.Rejection) {
	if keep == nil {
		return nil
	}
	kept := make([]bool, rows)
	for _, i := range keep {
		kept[i] = true
	}
	for i := range kept {
		if !kept[i] {
			list = append(list, expect.Rejection{Row: i + 1, Column: target, Rule: "target is missing", Severity: expect.Critical, Action: expect.Reject})
		}
	}
	return list
}

func appendVersion(versions []string, v string) []string {
	versions = slices.DeleteFunc(slices.Clone(versions), func(x string) bool { return x == v })
	versions = append(versions, v)
	return versions[max(0, len(versions)-200):]
}
