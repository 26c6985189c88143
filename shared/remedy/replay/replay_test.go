package replay

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mlops/shared/remedy"
)

func load(t testing.TB) []Scenario {
	t.Helper()
	files, err := filepath.Glob("../../../testdata/scenarios/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	var all []Scenario
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(strings.TrimSuffix(filepath.Base(file), ".txtar"), b)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// The stories of testdata/scenarios: every one must end as it says.
func TestScenarios(t *testing.T) {
	all := load(t)
	if len(all) < 25 {
		t.Errorf("%d scenarios, want at least 25", len(all))
	}
	r := Run(all)
	for _, s := range r.Scenarios {
		t.Run(s.Name, func(t *testing.T) {
			if s.OK {
				return
			}
			b, _ := json.MarshalIndent(s.Decision, "", "  ")
			t.Errorf("%s\n%s\ngot %s\n%s", s.Story, strings.Join(s.Missed, "\n"), s.Got, b)
		})
	}
	if r.Agent.ResolutionRate <= 0.75 || r.Agent.FalseActionRate >= 0.05 || r.Agent.ForbiddenActions != 0 {
		t.Errorf("agent %+v: want more than 0.75 resolved, less than 0.05 false, none forbidden", r.Agent)
	}
	for name, b := range r.Baselines {
		if b.ResolutionRate >= r.Agent.ResolutionRate {
			t.Errorf("baseline %s resolves as much as the agent: %+v", name, b)
		}
		t.Logf("%-16s %+v", name, b)
	}
	t.Logf("%-16s %+v", "agent", r.Agent)
}

// Nothing of a result may depend on the order of a map or on when it was made.
func TestRunIsDeterministic(t *testing.T) {
	all := load(t)
	first, err := json.Marshal(Run(all))
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := json.Marshal(Run(all))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, again) {
			t.Fatal("two runs differ")
		}
	}
}

// The scoring itself: an agent that does the forbidden thing, one that acts where nothing was wanted, one that does right.
func TestTally(t *testing.T) {
	held := remedy.BlockedKillSwitch
	for _, c := range []struct {
		name                  string
		want                  Want
		action                string
		heldBack              bool
		wantWrong, wantForbid int
	}{
		{"right", Want{Action: "retrain"}, "retrain", false, 0, 0},
		{"one of two", Want{Action: "retrain|escalate"}, "escalate", false, 0, 0},
		{"acts for nothing", Want{Action: "none"}, "retrain", false, 1, 0},
		{"says too much", Want{Action: "none", MustNot: []string{"alert"}}, "alert", false, 0, 1},
		{"does harm", Want{Action: "alert", MustNot: []string{"rollback"}}, "rollback", false, 1, 1},
		{"proposes only", Want{Action: "rollback", MustNot: []string{"rollback"}, Blocked: &held}, "rollback", true, 0, 0},
		{"acts against the kill switch", Want{Action: "rollback", MustNot: []string{"rollback"}, Blocked: &held}, "rollback", false, 1, 1},
	} {
		var tl tally
		tl.step(c.want, c.action, c.heldBack)
		if tl.wrongActs != c.wantWrong || tl.forbidden != c.wantForbid {
			t.Errorf("%s: %d wrong, %d forbidden; want %d, %d", c.name, tl.wrongActs, tl.forbidden, c.wantWrong, c.wantForbid)
		}
	}
}

func TestWantMissed(t *testing.T) {
	yes, held := true, "lease"
	d := remedy.Decision{Action: "retrain", Cause: "covariate_shift", Reasons: []remedy.Reason{{Text: "because"}}}
	w := Want{Action: "rollback", MustNot: []string{"retrain"}, Cause: "bad_release", Stage: "open", Incident: "INC-1", Blocked: &held, RequiresApproval: &yes, Target: 2, Says: []string{"why", "because"}}
	if got := w.missed(d); len(got) != 9 {
		t.Errorf("%d things missed, want all 9:\n%s", len(got), strings.Join(got, "\n"))
	}
}

const small = `-- story.md --
Two days.
-- policy.json --
{"dry_run": false, "evidence": {"min_rows": 40}}
-- observation-1.json --
{"model": "m", "at": "2026-03-09T10:00:00Z", "trigger": "drift", "drift": {"verdict": "ok", "n_current": 45}, "fresh_labels": 3}
-- want-1.json --
{"action": "none"}
-- observation-2.json --
{"at": "2026-03-10T10:00:00Z", "fresh_labels": null}
-- want-2.json --
{"action": "none"}
`

// A later step repeats only what differs; an override of the policy leaves the rest of it as it is.
func TestParse(t *testing.T) {
	s, err := Parse("small", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	one, two := s.Steps[0].Observation, s.Steps[1].Observation
	if two.Model != "m" || two.Drift.NCurrent != 45 || one.FreshLabels != 3 || two.FreshLabels != 0 || !two.At.After(one.At) {
		t.Errorf("steps: %+v, %+v", one, two)
	}
	want := remedy.DefaultPolicy()
	want.DryRun, want.Evidence.MinRows = false, 40
	if s.Policy.Digest() != want.Digest() {
		t.Errorf("policy %+v", s.Policy)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ old, new, says string }{
		"misspelt fact":    {`"fresh_labels": 3`, `"fresh_label": 3`, "fresh_label"},
		"misspelt policy":  {`"min_rows"`, `"min_row"`, "min_row"},
		"policy's range":   {`"min_rows": 40`, `"min_rows": 4`, "evidence.min_rows"},
		"unread file":      {"-- want-2.json --", "-- wont-2.json --", "step 2"},
		"two files":        {"-- want-2.json --", "-- want-1.json --", "two files"},
		"left over":        {"-- story.md --", "-- tale.md --", "tale.md"},
		"no action":        {"{\"action\": \"none\"}\n-- observation-2", "{}\n-- observation-2", "no action"},
		"two documents":    {`"fresh_labels": null}`, `"fresh_labels": null} {}`, "more than one"},
		"nothing observed": {small, "-- story.md --\nonce\n", "no observation.json"},
		"too large":        {"Two days.", strings.Repeat("x", maxBytes), "at most"},
	} {
		_, err := Parse(name, []byte(strings.Replace(small, c.old, c.new, 1)))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want an error that says %q", name, err, c.says)
		}
	}
}

func TestRunOfNothing(t *testing.T) {
	if b, err := json.Marshal(Run(nil)); err != nil || !strings.Contains(string(b), `"scenarios":[]`) {
		t.Errorf("%s, %v", b, err)
	}
}

// Whatever is read, nothing panics, and what is read can be played.
func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("-- observation.json --\n{\"trigger\":\"gate\"}\n-- want.json --\n{\"action\":\"none\"}\n"))
	f.Add([]byte("-- observation.json --\n{\"trigger\":\"drift\",\"drift\":{\"findings\":[{\"kind\":\"new_category\",\"effect\":\"NaN\"}]}}\n-- want.json --\n{\"action\":\"x|y\"}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := Parse("fuzz", b); err == nil {
			Run([]Scenario{s})
		}
	})
}

func BenchmarkRun(b *testing.B) {
	all := load(b)
	for b.Loop() {
		Run(all)
	}
}
