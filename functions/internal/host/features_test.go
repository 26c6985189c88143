package host

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"

	"mlops/functions/internal/job"
	"mlops/functions/internal/train"
)

// withLeak is the table with a column that is the target by another name.
func withLeak(t *testing.T, table []byte) []byte {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(string(table))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := -1
	for j, name := range rows[0] {
		if name == "default" {
			at = j
		}
	}
	var out strings.Builder
	w := csv.NewWriter(&out)
	for i, r := range rows {
		closed := "account " + r[at]
		if i == 0 {
			closed = "closed"
		}
		if err := w.Write(append(r, closed)); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush()
	return []byte(out.String())
}

// TestFeatureEngineering: features.yaml is applied, the version serves raw columns, and a leak is named in the job, the state, the metadata and the
// gate's report, or is left out of everything.
func TestFeatureEngineering(t *testing.T) {
	w := open(t, folder(t), &clock{t: epoch})
	w.Ingest.NewID = w.State.IDs.Next
	const steps = "    steps:\n      - {step: scale, how: robust}\n      - {step: encode, how: target}\n"
	w.configure("features", "datasets:\n  warned:\n"+steps+"  dropped:\n    leaks: drop\n"+steps+"  refused: {leaks: refuse}\n")
	leaky := withLeak(t, people(320, 1))

	j := w.upload("warned", "target=default", leaky)
	if j.Status != job.Succeeded || !strings.Contains(j.Result["warning"], `"closed" alone predicts`) {
		t.Fatalf("%+v", j)
	}
	if s := w.state("warned"); !strings.Contains(s.Versions[0].Warning, "closed") {
		t.Errorf("the version says %q", s.Versions[0].Warning)
	}
	found := false
	for _, key := range w.keys("reports/gate/") {
		if strings.HasSuffix(key, ".html") && strings.Contains(key, "warned") {
			b, err := w.State.Data.Get(t.Context(), key, 1<<24)
			found = err == nil && strings.Contains(string(b), "alone predicts the target")
		}
	}
	if !found {
		t.Errorf("no gate report names the leak: %v", w.keys("reports/gate/"))
	}

	if j = w.upload("dropped", "target=default", leaky); j.Status != job.Succeeded || !strings.Contains(j.Result["warning"], "was left out") {
		t.Fatalf("%+v", j)
	}
	v := w.state("dropped").Versions[0]
	b, err := w.State.Models.Get(t.Context(), "models/dropped/sha256/"+v.SHA256+"/metadata.json", 1<<24)
	if err != nil {
		t.Fatal(err)
	}
	var m train.Metadata
	answer{T: w.T, body: b}.into(&m)
	if m.Recipe == nil || len(m.Recipe.Steps) != 2 || len(m.Leaks) != 1 || strings.Contains(strings.Join(m.Features, " "), "closed") || !strings.Contains(strings.Join(m.Ignored, " "), "closed") {
		t.Errorf("the metadata say %+v, leaks %v, features %v, ignored %v", m.Recipe, m.Leaks, m.Features, m.Ignored)
	}

	if j = w.upload("refused", "target=default", leaky); j.Status != job.Failed || !strings.Contains(j.Error, "leaks are refused") || len(j.Detail) == 0 {
		t.Errorf("%+v", j)
	}
	w.get("/live").is(http.StatusOK)
}
