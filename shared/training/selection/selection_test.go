package selection

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mlops/shared/fault"
	"mlops/shared/number"
)

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// a candidate that nothing is to be said against.
func good(version string, daysOld float64) Candidate {
	return Candidate{Dataset: "loan", Version: version, Created: now.Add(-days(daysOld)), Rows: 1000, Positives: 300, Question: "default (binary)",
		Score: &Score{Metric: "auc", Greater: true, Mean: 0.8, SE: 0.01, Rows: 850}, Drift: &Drift{Share: 0.1, Drifted: 1, Columns: 10, Rows: 500}}
}

func with(c Candidate, change func(*Candidate)) Candidate {
	change(&c)
	return c
}

// TestCriteria has one decisive difference a line.
func TestCriteria(t *testing.T) {
	for name, c := range map[string]struct {
		facts           Facts
		chosen, decided string
	}{
		"only one":           {Facts{Candidates: []Candidate{good("a", 1)}}, "a", ByOnly},
		"alike: the newest":  {Facts{Candidates: []Candidate{good("a", 3), good("b", 1)}}, "b", ByNewest},
		"older by a month":   {Facts{Candidates: []Candidate{good("a", 31), good("b", 1)}}, "b", "freshness"},
		"labels take longer": {Facts{DelayDays: 40, Candidates: []Candidate{good("a", 31), with(good("b", 1), func(c *Candidate) { c.Rows = 500 })}}, "a", "rows"},
		"drifted": {Facts{Candidates: []Candidate{good("a", 31), with(good("b", 1), func(c *Candidate) { c.Drift = &Drift{Share: 0.5, Drifted: 5, Columns: 10, Rows: 500} })}},
			"a", "drift"},
		"drift within the tolerance": {Facts{Candidates: []Candidate{good("a", 1), with(good("b", 0), func(c *Candidate) { c.Drift = &Drift{Share: 0.2, Drifted: 2, Columns: 10, Rows: 500} })}},
			"b", ByNewest},
		"drift not measured": {Facts{Candidates: []Candidate{good("a", 31), with(good("b", 1), func(c *Candidate) { c.Drift = nil })}}, "b", "freshness"},
		"worse score":        {Facts{Candidates: []Candidate{good("a", 31), with(good("b", 1), func(c *Candidate) { c.Score = &Score{"auc", true, 0.7, 0.01, 850} })}}, "a", "score"},
		"worse within noise": {Facts{Candidates: []Candidate{good("a", 31), with(good("b", 1), func(c *Candidate) { c.Score = &Score{"auc", true, 0.7, 0.1, 50} })}}, "b", "freshness"},
		"a loss": {Facts{Candidates: []Candidate{with(good("a", 31), func(c *Candidate) { c.Score = &Score{"rmse", false, 3, 0.01, 850} }),
			with(good("b", 1), func(c *Candidate) { c.Score = &Score{"rmse", false, 4, 0.01, 850} })}}, "a", "score"},
		"no score":   {Facts{Candidates: []Candidate{good("a", 1), with(good("b", 0), func(c *Candidate) { c.Score = nil })}}, "b", ByNewest},
		"fewer rows": {Facts{Candidates: []Candidate{good("a", 2), with(good("b", 1), func(c *Candidate) { c.Rows = 850 })}}, "a", "rows"},
		"positives":  {Facts{Candidates: []Candidate{good("a", 2), with(good("b", 1), func(c *Candidate) { c.Positives = 250 })}}, "a", "positives"},
		"regression": {Facts{Candidates: []Candidate{good("a", 2), with(good("b", 1), func(c *Candidate) { c.Positives = -1 })}}, "b", ByNewest},
		"warnings":   {Facts{Candidates: []Candidate{good("a", 2), with(good("b", 1), func(c *Candidate) { c.Warnings = 2 })}}, "a", "warnings"},
		"pinned":     {Facts{Pin: &Pin{Version: "a", By: "anna", Why: "audit"}, Candidates: []Candidate{good("a", 400), good("b", 1)}}, "a", ByPin},
		"pinned and assembled": {Facts{Renewal: true, Pin: &Pin{Version: "a"}, Candidates: []Candidate{with(good("a", 400), func(c *Candidate) { c.Assembled, c.Rows = true, 20 }), good("b", 1)}},
			"a", ByPin},
		"pinned and failed": {Facts{Pin: &Pin{Version: "a"}, Candidates: []Candidate{with(good("a", 1), func(c *Candidate) { c.Failed, c.Critical = true, 1 }), good("b", 9)}}, "b", ByOnly},
		"other question":    {Facts{Question: "city (multiclass)", Candidates: []Candidate{good("a", 1), with(good("b", 9), func(c *Candidate) { c.Question = "city (multiclass)" })}}, "b", ByOnly},
	} {
		c.facts.Now = now
		got, err := Select(c.facts, DefaultPolicy())
		if err != nil || got.Version != c.chosen || got.Decided != c.decided {
			t.Errorf("%s: %s by %s, not %s by %s: %v", name, got.Version, got.Decided, c.chosen, c.decided, err)
			continue
		}
		if len(got.Verdicts) != len(c.facts.Candidates) || got.Verdicts[0].Status != Chosen || len(got.Reasons) == 0 {
			t.Errorf("%s: %+v", name, got)
		}
		for _, v := range got.Verdicts {
			if len(v.Why) == 0 {
				t.Errorf("%s: nothing is said of %s", name, v.Version)
			}
		}
	}
}

// TestRefusals: each reason is said, all of one candidate at once, and when none is left the error names every one.
func TestRefusals(t *testing.T) {
	policy := DefaultPolicy()
	policy.MaxAgeDays = 365
	bad := with(good("b", 400), func(c *Candidate) {
		c.Failed, c.Critical, c.Rows, c.Positives, c.Assembled, c.Lacks, c.Adds = true, 2, 20, 3, true, []string{"age"}, []string{"town"}
	})
	unread := Candidate{Dataset: "loan", Version: "c", Unread: "its manifest is damaged"}
	f := Facts{Now: now, Renewal: true, Candidates: []Candidate{bad, good("a", 1), unread}}
	got, err := Select(f, policy)
	if err != nil || got.Version != "a" {
		t.Fatal(got, err)
	}
	why := strings.Join(got.Verdicts[1].Why, "\n")
	for _, word := range []string{"2 expectations of severity critical", "made anew", "20 rows", "3 rows of its rarest class", "400 days old", "lacks [age], adds [town]"} {
		if !strings.Contains(why, word) {
			t.Errorf("%q is not said: %s", word, why)
		}
	}
	f.Candidates = []Candidate{bad, unread}
	_, err = Select(f, policy)
	if d := fault.Details(err); !fault.Is(err, fault.Invalid) || len(d) != 2 || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("%v", err)
	}
	if _, err := Select(Facts{Now: now}, policy); !fault.Is(err, fault.Invalid) {
		t.Errorf("of none: %v", err)
	}
}

// TestSelectProperties: the order of the candidates does not matter, every candidate has one verdict with a reason, and what is refused has no
// part in the choice among the others.
func TestSelectProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "n")
		f := Facts{Now: now, Question: "default (binary)", DelayDays: rapid.Float64Range(0, 30).Draw(t, "delay"), Renewal: rapid.Bool().Draw(t, "renewal")}
		for i := range n {
			f.Candidates = append(f.Candidates, with(good(string(rune('a'+i)), float64(rapid.IntRange(0, 60).Draw(t, "age"))), func(c *Candidate) {
				c.Rows, c.Positives, c.Warnings = rapid.IntRange(40, 2000).Draw(t, "rows"), rapid.IntRange(5, 500).Draw(t, "positives"), rapid.IntRange(0, 3).Draw(t, "warnings")
				c.Assembled, c.Failed = rapid.Bool().Draw(t, "assembled"), rapid.IntRange(0, 9).Draw(t, "failed") == 0
				c.Score.Mean = number.Float(rapid.Float64Range(0.5, 1).Draw(t, "score"))
				c.Drift.Share = number.Float(rapid.Float64Range(0, 1).Draw(t, "share"))
				if rapid.IntRange(0, 4).Draw(t, "lacking") == 0 {
					c.Score, c.Drift = nil, nil
				}
			}))
		}
		first, err := Select(f, DefaultPolicy())
		shuffled := f
		shuffled.Candidates = append([]Candidate{}, f.Candidates...)
		rand.New(rand.NewPCG(uint64(n), 1)).Shuffle(n, func(i, j int) {
			shuffled.Candidates[i], shuffled.Candidates[j] = shuffled.Candidates[j], shuffled.Candidates[i]
		})
		second, err2 := Select(shuffled, DefaultPolicy())
		if (err == nil) != (err2 == nil) || first.Version != second.Version || strings.Join(first.Reasons, "|") != strings.Join(second.Reasons, "|") {
			t.Fatalf("%+v\n%+v", first, second)
		}
		if err != nil {
			return
		}
		var eligible []Candidate
		for _, v := range first.Verdicts {
			if len(v.Why) == 0 || (v.Status == Chosen) != (v.Version == first.Version) || v.Status == PassedOver && v.Criterion == "" {
				t.Fatalf("%+v", v)
			}
			if v.Failed && v.Status != Refused {
				t.Fatalf("failed data is %s", v.Status)
			}
			if v.Status != Refused {
				eligible = append(eligible, v.Candidate)
			}
		}
		if len(first.Verdicts) != n {
			t.Fatalf("%d verdicts of %d", len(first.Verdicts), n)
		}
		f.Candidates = eligible
		if again, err := Select(f, DefaultPolicy()); err != nil || again.Version != first.Version {
			t.Fatalf("without the refused it is %s, not %s: %v", again.Version, first.Version, err)
		}
	})
}

func TestPolicy(t *testing.T) {
	if err := DefaultPolicy().Validate(); err != nil {
		t.Error(err)
	}
	bad := Policy{Order: []string{"rows", "luck", "rows"}, DriftTolerance: math.NaN(), MinRows: 1, Candidates: 1000}
	if d := fault.Details(bad.Validate()); len(d) < 6 {
		t.Errorf("%+v", d)
	}
	other := DefaultPolicy()
	other.MinRows++
	if other.Digest() == DefaultPolicy().Digest() || len(other.Digest()) != 64 {
		t.Error("two rules, one digest")
	}
}
