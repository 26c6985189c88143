package alert

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mlops/shared/drift"
	"mlops/shared/fault"
	"mlops/shared/number"
)

var noon = time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)

// window is one hour's window with a report of which only what the rules read is filled in.
func window(hour int, change func(*Window)) Window {
	w := Window{Model: "heart", At: noon.Add(time.Duration(hour) * time.Hour), Rows: 500, Labelled: 100, DelayDays: 2, Report: &drift.Report{Verdict: drift.OK,
		Estimated: &drift.Performance{Metric: "auc", Value: 0.9, Low: 0.87, High: 0.93, Loss: 0.01},
		Columns:   map[string]*drift.ColumnDrift{"age": {Score: 0.05, Effect: -0.1, MissingReference: 0.02, MissingCurrent: 0.02}, "ca": {Score: 0.01}}}}
	if change != nil {
		change(&w)
	}
	return w
}

// told plays windows and writes down what was said: "3 +name/feature" began in window 3, "-" ceased, "?" silently.
func told(p Policy, windows ...Window) (out []string) {
	var s State
	for i, w := range windows {
		var changes []Transition
		s, changes = p.Evaluate(s, w)
		for _, c := range changes {
			mark := map[string]string{StatusFiring: "+", StatusResolved: "-"}[c.Status]
			if c.Silent {
				mark += "?"
			}
			out = append(out, fmt.Sprintf("%d %s%s", i, mark, Key(c.Rule, c.Feature)))
		}
	}
	return out
}

func series(verdicts string, change func(*Window)) (out []Window) {
	for i, v := range verdicts {
		out = append(out, window(i, func(w *Window) {
			switch v {
			case 'x':
				change(w)
			case '?':
				w.Report.Verdict = drift.Insufficient
			}
		}))
	}
	return out
}

func TestRulesFireAndCease(t *testing.T) {
	lost := func(w *Window) { w.Report.PerformanceLoss = true }
	low := 100.0
	one := func(r Rule) Policy { r.Name, r.Severity = "r", Critical; return Policy{Rules: []Rule{r}} }
	loss := Rule{What: "performance_loss", Above: 0.5, Bad: 2, Of: 3}
	for name, c := range map[string]struct {
		rule   Rule
		change func(*Window)
		series string
		want   string
	}{
		"one bad window is odd":                {loss, lost, "..x...", ""},
		"two of three":                         {loss, lost, ".x.x...x", "3 +r 6 -r"},
		"it is said once":                      {loss, lost, "xxxxxxxx", "1 +r"},
		"a window that cannot say changes":     {Rule{What: "dataset_drift", Above: 0.5, Bad: 2, Of: 2}, func(w *Window) { w.Report.DatasetDrift = true }, "x??x?.?.", "3 +r 7 -r"},
		"at the threshold is not above it":     {Rule{What: "rows", Above: 500, Bad: 1, Of: 1}, lost, "....", ""},
		"below":                                {Rule{What: "rows", Below: &low, Bad: 1, Of: 2}, func(w *Window) { w.Rows = 99 }, ".x..x", "1 +r 3 -r 4 +r"},
		"silence keeps the second from a mail": {Rule{What: "rows", Above: 500, Bad: 1, Of: 1, SilenceMinutes: 240}, func(w *Window) { w.Rows = 501 }, "x.x....x.", "0 +r 1 -r 2 +?r 3 -?r 7 +r 8 -r"},
		"a feature":                            {Rule{What: "drift_score", Features: []string{"a*"}, Above: 0.2, Bad: 1, Of: 1}, func(w *Window) { w.Report.Columns["age"].Score, w.Report.Columns["ca"].Score = 0.3, 0.9 }, ".x.", "1 +r/age 2 -r/age"},
		"missing values":                       {Rule{What: "missing_increase", Above: 0.1, Bad: 1, Of: 1}, func(w *Window) { w.Report.Columns["age"].MissingCurrent = 0.13 }, "x.", "0 +r/age 1 -r/age"},
		"effect has no sign":                   {Rule{What: "drift_effect", Above: 0.09, Bad: 1, Of: 1}, lost, ".", "0 +r/age"},
		"a finding of a kind": {Rule{What: "finding", Findings: []string{drift.UnitChange}, Above: 2, Bad: 1, Of: 1}, func(w *Window) {
			w.Report.Findings = []drift.Finding{{Kind: drift.UnitChange, Feature: "age", Effect: 100}, {Kind: drift.Covariate, Feature: "ca", Effect: 3}}
		}, "x.", "0 +r/age 1 -r/age"},
		"broken data": {Rule{What: "broken_data", Above: 0.5, Bad: 1, Of: 1}, func(w *Window) {
			w.Report.Findings = []drift.Finding{{Kind: drift.AllNull, Severity: drift.SeverityAlert, Feature: "ca"}, {Kind: drift.Covariate, Severity: drift.SeverityWarn, Feature: "age"}}
		}, "x.", "0 +r/ca 1 -r/ca"},
		"an estimate that labels contradict": {Rule{What: "estimate_error", Above: 0.05, Bad: 1, Of: 1}, func(w *Window) {
			w.Report.Realised = &drift.Performance{Metric: "auc", Value: 0.8, Low: 0.75, High: 0.85}
		}, "x.x", "0 +r"},
		"chance is no contradiction": {Rule{What: "estimate_error", Above: 0.05, Bad: 1, Of: 1}, func(w *Window) {
			w.Report.Realised = &drift.Performance{Metric: "auc", Value: 0.8, Low: 0.7, High: 0.9}
		}, "xx", ""},
		"too few rows, for people who want that": {Rule{What: "insufficient", Above: 0.5, Bad: 2, Of: 2}, lost, "???.", "1 +r"},
		"lines":                                  {Rule{What: "broken_lines", Above: 0, Bad: 1, Of: 1}, func(w *Window) { w.Broken = 1 }, "x.", "0 +r 1 -r"},
		"a batch sent twice":                     {Rule{What: "duplicate_share", Above: 0.5, Bad: 1, Of: 1}, func(w *Window) { w.Duplicates = 251 }, "x.", "0 +r 1 -r"},
		"not a number":                           {Rule{What: "drift_score", Above: -1, Bad: 1, Of: 1, Features: []string{"ca"}}, func(w *Window) { w.Report.Columns["ca"].Score = number.Float(math.NaN()) }, "x.", "1 +r/ca"},
	} {
		p := one(c.rule)
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v: %v", name, err, fault.Details(err))
		}
		if got := strings.Join(told(p, series(c.series, c.change)...), " "); got != c.want {
			t.Errorf("%s: %s gives %q, want %q", name, c.series, got, c.want)
		}
	}
}

// TestRulesThatChange: an alert whose rule is taken away ceases, and one whose rule is made milder counts on.
// TestSeasonsAreNoNews: what the same season of an earlier year had, too, fires neither the rule about the data set nor one about findings.
func TestSeasonsAreNoNews(t *testing.T) {
	p := Policy{Rules: []Rule{{Name: "moved", What: "dataset_drift", Bad: 1, Of: 1, Severity: "warning"}, {Name: "found", What: "finding", Bad: 1, Of: 1, Severity: "warning"}}}
	drifted := func(season *drift.Seasonality) Window {
		return window(0, func(w *Window) {
			w.Report.DatasetDrift, w.Report.Season = true, season
			w.Report.Findings = []drift.Finding{{Kind: drift.Covariate, Feature: "age", Effect: 0.4, Severity: drift.SeverityWarn, Seasonal: season != nil && !season.DatasetDrift}}
		})
	}
	for _, c := range []struct {
		season *drift.Seasonality
		want   int
	}{{nil, 2}, {&drift.Seasonality{Columns: 2}, 0}, {&drift.Seasonality{Columns: 2, DatasetDrift: true}, 2}} {
		if got := told(p, drifted(c.season)); len(got) != c.want {
			t.Errorf("%+v: %v", c.season, got)
		}
	}
}

func TestRulesThatChange(t *testing.T) {
	hard := Policy{Rules: []Rule{{Name: "r", What: "rows", Above: 1, Bad: 1, Of: 1, Severity: Warning}}}
	s, _ := hard.Evaluate(nil, window(0, nil))
	if f := s.Firing(); len(f) != 1 || !strings.Contains(f[0].Text(), "r: rows 500 now, above 1 in 1 of the last 1 windows") {
		t.Fatalf("%+v", s)
	}
	next, changes := Policy{}.Evaluate(s, window(1, nil))
	if len(next) != 0 || len(changes) != 1 || changes[0].Status != StatusResolved || changes[0].Silent || !changes[0].Since.Equal(noon) {
		t.Errorf("%+v %+v", next, changes)
	}
	if s.Firing()[0].Since != noon || len(s["r"].Recent) != 1 {
		t.Error("the state that was given is changed")
	}
}

// TestDefaults: the rules that are used where there is no file are valid, and say nothing of windows in which nothing happened.
func TestDefaults(t *testing.T) {
	p := DefaultPolicy()
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	if got := told(p, series("..........", nil)...); got != nil {
		t.Errorf("quiet windows: %v", got)
	}
	got := told(p, series("xxx", func(w *Window) { w.Report.PerformanceLoss, w.Report.DatasetDrift, w.Broken = true, true, 3 })...)
	if want := []string{"0 +broken_lines", "1 +?dataset_drift", "1 +performance_loss"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if p.Digest() != DefaultPolicy().Digest() || p.Digest() == (Policy{Rules: p.Rules[1:]}).Digest() {
		t.Error("the digest does not tell policies apart")
	}
}

// TestEveryFaultIsNamed: a file is refused with all that is wrong with it.
func TestEveryFaultIsNamed(t *testing.T) {
	nan := math.NaN()
	p := Policy{Rules: []Rule{
		{Name: "1st", What: "drift", Bad: 2, Of: 1, Severity: "loud", Owner: "nobody", SilenceMinutes: -1},
		{Name: "ok", What: "rows", Above: 3, Below: &nan, Bad: 0, Of: 99, Severity: Info, Features: []string{"age"}, Findings: []string{"weather"}},
		{Name: "ok", What: "finding", Findings: []string{drift.AllNull}, Features: []string{"[a"}, Above: math.Inf(1), Bad: 1, Of: 1, Severity: Info, Description: strings.Repeat("x", 401)},
	}}
	var got []string
	err := p.Validate()
	for _, d := range fault.Details(err) {
		got = append(got, d.Field)
		if d.Expected == "" {
			t.Errorf("%s: nothing says what would be right", d.Field)
		}
	}
	want := strings.Fields("rules[0].name rules[0].what rules[0].bad rules[0].severity rules[0].owner rules[0].silence_minutes " +
		"rules[1].findings rules[1].findings[0] rules[1].features rules[1].below rules[1].of rules[1].bad " +
		"rules[2].name rules[2].features[0] rules[2].above rules[2].description")
	if !fault.Is(err, fault.Invalid) || !slices.Equal(got, want) {
		t.Errorf("%v\n got %q\nwant %q", err, got, want)
	}
}

// TestAnyWindows: whatever comes, a rule begins and ceases in turn, never twice the same; the state stays small, survives JSON, and the same
// arguments give the same answer.
func TestAnyWindows(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		names, _ := Figures()
		var p Policy
		for i := range rapid.IntRange(1, 4).Draw(r, "rules") {
			of := rapid.IntRange(1, 5).Draw(r, "of")
			p.Rules = append(p.Rules, Rule{Name: fmt.Sprintf("r%d", i), What: rapid.SampledFrom(names).Draw(r, "what"), Above: rapid.SampledFrom([]float64{0, 0.1, 0.5}).Draw(r, "above"), Bad: rapid.IntRange(1, of).Draw(r, "bad"),
				Of: of, Severity: rapid.SampledFrom([]string{Info, Critical}).Draw(r, "severity"), SilenceMinutes: rapid.SampledFrom([]int{0, 90}).Draw(r, "silence")})
		}
		if err := p.Validate(); err != nil {
			r.Fatal(err)
		}
		s, last, features := State{}, map[string]string{}, rapid.IntRange(0, 400).Draw(r, "features")
		for hour := range rapid.IntRange(1, 12).Draw(r, "windows") {
			w := window(hour, func(w *Window) {
				w.Report.Verdict = rapid.SampledFrom([]string{drift.OK, drift.Warn, drift.Alert, drift.Insufficient}).Draw(r, "verdict")
				w.Report.PerformanceLoss, w.Report.DatasetDrift = rapid.Bool().Draw(r, "loss"), rapid.Bool().Draw(r, "drift")
				w.Broken, w.Duplicates = rapid.IntRange(0, 1).Draw(r, "broken"), rapid.IntRange(0, 500).Draw(r, "duplicates")
				moved := rapid.Bool().Draw(r, "moved")
				for i := range features {
					c := &drift.ColumnDrift{}
					if moved {
						c.Score, c.Effect = 0.6, 0.7
					}
					w.Report.Columns[fmt.Sprint("f", i)] = c
				}
			})
			next, changes := p.Evaluate(s, w)
			again, same := p.Evaluate(s, w)
			if a, b := text(r, next, changes), text(r, again, same); a != b {
				r.Fatalf("twice the same:\n%s\n%s", a, b)
			}
			for _, c := range changes {
				if last[c.Fingerprint] == c.Status || last[c.Fingerprint] == "" && c.Status == StatusResolved {
					r.Fatalf("%s %s after %q", c.Fingerprint, c.Status, last[c.Fingerprint])
				}
				last[c.Fingerprint] = c.Status
			}
			if len(next) > maxStanding+len(p.Rules) {
				r.Fatalf("%d standings", len(next))
			}
			var back State
			b, err := json.Marshal(next)
			if err != nil || json.Unmarshal(b, &back) != nil {
				r.Fatal(err)
			}
			s = back
		}
	})
}

func text(r *rapid.T, v ...any) string {
	b, err := json.Marshal(v)
	if err != nil {
		r.Fatal(err)
	}
	return string(b)
}
