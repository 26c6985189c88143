package validate

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"path"
	"slices"

	"mlops/functions/internal/table"
	"mlops/shared/control"
	"mlops/shared/dataset"
	"mlops/shared/event"
	"mlops/shared/expect"
	"mlops/shared/fault"
	"mlops/shared/rule"
)

// How much is kept of the rows that failed: in the list for the owner, and in the event, the report and the mail.
const (
	maxListed = 100_000
	maxShown  = 20
)

// checkpoint is what an upload is checked against, and what is done about failures.
type checkpoint struct {
	expect.Checkpoint
	digest   string // of the checkpoints
	suite    *expect.Suite
	key      string // where the suite is, or is to be
	proposed []byte // the suite, where it is not stored yet
	ruled    bool   // an operator wrote the suite
}

// checkpoints are those in force.
func (h *Handler) checkpoints(ctx context.Context) (expect.Checkpoints, error) {
	if h.Checkpoints == nil {
		return expect.DefaultCheckpoints(), nil
	}
	return h.Checkpoints(ctx)
}

// checkpoint finds the suite of an upload: its checkpoint's, the file named after the dataset, the dataset's, or one proposed from these first
// rows, so that nothing trains unvalidated.
func (h *Handler) checkpoint(ctx context.Context, f *dataset.Frame, u event.Upload, d Dataset) (c checkpoint, err error) {
	all, err := h.checkpoints(ctx)
	if err != nil {
		return c, err
	}
	c = checkpoint{Checkpoint: all.Of(u.Dataset), digest: all.Digest(), ruled: true}
	if c.suite, c.key, c.proposed, err = h.written(ctx, c.Checkpoint, u.Dataset); err != nil || c.suite != nil {
		return c, err
	}
	if b, err := h.Blobs.Get(ctx, configured(u.Dataset), expect.MaxSuiteBytes); err == nil {
		c.key = configured(u.Dataset)
		c.suite, err = expect.ReadSuite(b)
		return c, fault.Wrap(err, "read the configured suite %s", c.key)
	} else if !fault.Is(err, fault.NotFound) {
		return c, err
	}
	c.ruled = false
	if d.Suite != "" {
		c.key = d.Suite
		if c.suite, err = h.suite(ctx, d.Suite); !fault.Is(err, fault.NotFound) || path.Dir(d.Suite) != "config/suites" {
			return c, err
		} // an operator took it away: the dataset is as one that never had any
	}
	seen := subject(f, u.Target, false)
	target := u.Target
	if seen.Column(target) == nil {
		target = "" // a comparison: reading it is its check
	}
	c.suite = expect.Suggest(seen, expect.SuggestOptions{Name: u.Dataset + "/training", Target: target})
	c.proposed = compact(c.suite)
	c.key = inlineKey(u.Dataset, c.proposed)
	return c, nil
}

// inlineKey is where a suite that no file holds is kept: not in raw/, since what comes to lie there is taken in.
func inlineKey(name string, suite []byte) string {
	return path.Join("processed", name, "suite-"+digest(suite)[:12]+".json")
}

// written is the suite that a checkpoint names or holds; nil where it does neither. content is to be stored under key, if any.
func (h *Handler) written(ctx context.Context, c expect.Checkpoint, name string) (suite *expect.Suite, key string, content []byte, err error) {
	key, content, err = c.Source()
	switch {
	case err != nil:
	case content != nil:
		key = inlineKey(name, content)
		suite, err = expect.ReadSuite(content)
		err = fault.Wrap(err, "read the inline suite of the checkpoint of %s", name)
	case key != "":
		if suite, err = h.suite(ctx, key); fault.Is(err, fault.NotFound) {
			err = fault.Invalidf("the checkpoint of %s names a suite that is not there: put it at %s", name, key)
		}
	}
	return suite, key, content, err
}

// evaluate checks a table, which came as these bytes under u.Key if they are told, against a checkpoint.
func (h *Handler) evaluate(ctx context.Context, c checkpoint, f *dataset.Frame, raw []byte, u event.Upload, o expect.Options) (r *expect.Result, err error) {
	if o.Format == "" {
		o.Format, _ = expect.ParseFormat(c.Format) // the checkpoints were validated
	}
	if o.Tables, err = h.otherTables(ctx, c.suite); err != nil {
		return nil, err
	}
	if c.ruled && path.Ext(u.Key) == ".jsonl" { // a proposed suite knows of the frame's types only
		if table, typed, err := expect.Typed(bytes.NewReader(raw), f); err == nil { // what is compressed keeps texts
			f, o.Typed = table, typed
		}
	}
	return expect.Validate(subject(f, u.Target, c.ruled), c.suite, o), nil
}

// otherTables are the rows of the datasets that a suite compares with: those of their newest versions. A dataset that is not there has none.
func (h *Handler) otherTables(ctx context.Context, s *expect.Suite) (map[string]int, error) {
	rows := map[string]int{}
	for _, name := range s.OtherTables() {
		var d Dataset
		_, err := h.Control.Get(ctx, control.Dataset(name), &d)
		if fault.Is(err, fault.NotFound) || err == nil && len(d.Versions) == 0 {
			continue
		} else if err != nil {
			return nil, err
		}
		m, err := table.ReadManifest(ctx, h.Blobs, name, d.Versions[len(d.Versions)-1])
		if err != nil {
			return nil, err
		}
		rows[name] = m.All()
	}
	return rows, nil
}

// blocking are the failures for which the whole upload is refused: those that refuse, and those that would set rows aside where no row is to blame.
func (c checkpoint) blocking(r *expect.Result) []expect.ExpectationResult {
	var out []expect.ExpectationResult
	for _, e := range r.Failed("") {
		action := c.OnFailure[e.Severity()]
		if action == expect.Refuse || action == expect.Reject && e.Severity() == expect.Critical && len(e.UnexpectedRows) == 0 {
			out = append(out, e)
		}
	}
	return out
}

// setAside are the 0-based rows that do not go on.
func (c checkpoint) setAside(r *expect.Result) map[int]bool {
	out := map[int]bool{}
	for _, e := range r.Failed("") {
		if c.OnFailure[e.Severity()] == expect.Reject {
			for _, row := range e.UnexpectedRows {
				out[row] = true
			}
		}
	}
	return out
}

// listRejected stores the rows that somebody should mend, and tells the first of them.
func (p *prepared) listRejected(u event.Upload, list []expect.Rejection, more int) error {
	if len(list) == 0 {
		return nil
	}
	var buf bytes.Buffer
	if err := expect.WriteRejections(&buf, list); err != nil {
		return err
	}
	p.listed, p.unlisted = len(list), more
	p.rejections = path.Join("rejected", u.Dataset, u.Job+"-"+digest(buf.Bytes())[:12]+".csv")
	p.objects = append(p.objects, object{p.rejections, buf.Bytes()})
	for _, r := range list[:min(len(list), maxShown)] {
		p.shown = append(p.shown, event.Rejection{Row: r.Row, Column: r.Column, Rule: r.Rule, Severity: r.Severity, Value: r.Value, Kept: r.Action == expect.Warn})
	}
	return nil
}

// requestRules are the documents by which predictions know how requests are checked: none where that is as it was.
func (h *Handler) requestRules(ctx context.Context, name, model string) ([]control.Doc, error) {
	all, err := h.checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	var set rule.Set
	if c := all.Of(name).Requests; c != nil {
		suite, _, _, err := h.written(ctx, *c, name)
		if err != nil {
			return nil, err
		}
		if set, err = expect.Rules(suite, c.OnFailure); err != nil {
			return nil, err
		}
		set.Digest = digest(compact([]any{suite, c.OnFailure}))
	}
	var have rule.Set
	rev, err := h.Control.Get(ctx, control.Requests(model), &have)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if have.Digest == set.Digest {
		return nil, nil
	}
	if b := compact(set); len(b) > maxRules {
		return nil, fault.Invalidf("the rules for requests of %s take %d bytes, at most %d are kept: shorten its value sets", name, len(b), maxRules)
	}
	doc, err := control.Put(control.Requests(model), rev, set)
	return []control.Doc{doc}, err
}

// maxRules is what a document of the control store holds, less what surrounds it.
const maxRules = 250 << 10

// Refresh takes the rules for requests of every dataset that is known into use, as the checkpoints have them now.
func (h *Handler) Refresh(ctx context.Context) error {
	all, err := h.checkpoints(ctx)
	if err != nil {
		return err
	}
	var failed []error // one dataset's suite must not keep the others' from use
	for _, name := range slices.Sorted(maps.Keys(all.Datasets)) {
		var d Dataset
		_, err := h.Control.Get(ctx, control.Dataset(name), &d)
		if err == nil {
			err = h.refresh(ctx, d)
		} else if fault.Is(err, fault.NotFound) {
			err = nil
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

func (h *Handler) refresh(ctx context.Context, d Dataset) error {
	docs, err := h.requestRules(ctx, d.Name, d.Model)
	if err != nil || len(docs) == 0 {
		return err
	}
	return h.Control.Commit(ctx, control.Change{Model: d.Model, Put: docs})
}
