package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// two columns that go together by the correlation rho, and one that does not.
func together(rows int, rho float64, random *rand.Rand) string {
	var b strings.Builder
	b.WriteString("a,b,c\n")
	for range rows {
		a := random.NormFloat64()
		fmt.Fprintf(&b, "%g,%g,%g\n", a, rho*a+math.Sqrt(1-rho*rho)*random.NormFloat64(), random.NormFloat64())
	}
	return b.String()
}

// writer writes files into a directory of the test's own.
func writer(t *testing.T) func(name, text string) string {
	dir := t.TempDir()
	return func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
}

// A correlation that turns its sign is found though no column drifted, and a configuration or a flag asks for no such test.
func TestDriftTogether(t *testing.T) {
	file, random := writer(t), rand.New(rand.NewPCG(1, 2))
	reference, current := file("reference.csv", together(2000, 0.8, random)), file("current.csv", together(2000, -0.8, random))
	args := []string{"drift", "--reference", reference, "--current", current, "--fail-on-drift", "--json"}
	got := mlops(t, args...).exits(1).document()
	if got["dataset_drift"] != true || got["number_of_drifted_columns"] != 0.0 {
		t.Errorf("%v", got)
	}
	multivariate := got["multivariate"].(map[string]any)
	for _, name := range []string{"pca_reconstruction", "domain_classifier"} {
		m := multivariate[name].(map[string]any)
		var features []string
		for _, f := range m["features"].([]any) {
			features = append(features, f.(string))
		}
		if slices.Sort(features); m["drifted"] != true || !slices.Equal(features, []string{"a", "b"}) {
			t.Errorf("%s: %v", name, m)
		}
	}
	if none := mlops(t, append(args, "--multivariate=false")...).exits(0).document(); none["multivariate"] != nil || none["dataset_drift"] != false {
		t.Errorf("%v", none)
	}
	if none := mlops(t, append(args, "--config", file("c.json", `{"joint_share":0}`))...).exits(0).document(); none["multivariate"] != nil {
		t.Errorf("%v", none)
	}
	mlops(t, append(args, "--config", file("d.json", `{"joint_share":0.6}`))...).exits(2, "joint_share")
	few := mlops(t, "drift", "--reference", reference, "--current", file("few.csv", together(20, 0.8, random)), "--json").exits(0).document()
	for name, m := range few["multivariate"].(map[string]any) {
		if reason := m.(map[string]any)["reason"].(string); !strings.HasPrefix(reason, "not measured: ") {
			t.Errorf("%s: %s", name, reason)
		}
	}
}

// A column is read as a sequence, and what cannot be is said.
func TestDriftStream(t *testing.T) {
	file, random := writer(t), rand.New(rand.NewPCG(3, 4))
	var b strings.Builder
	b.WriteString("error,level\n,x\n")
	for i := range 2000 {
		fmt.Fprintf(&b, "%g,x\n", random.NormFloat64()+4*float64(i/1000))
	}
	csv := file("s.csv", b.String())
	for _, method := range []string{"adwin", "page_hinkley", "kswin"} {
		got := mlops(t, "drift", "--stream", "error", "--current", csv, "--method", method, "--json").exits(0).document()
		found := false
		for _, at := range got["detections"].([]any) {
			found = found || at.(float64) >= 1001 && at.(float64) < 1060
		}
		if !found || got["n"] != 2001.0 || got["skipped"] != 1.0 || got["method"] != method || got["state"].(map[string]any)["method"] != method {
			t.Errorf("%v", got)
		}
	}
	mlops(t, "drift", "--stream", "error", "--current", csv, "--fail-on-drift").exits(1)
	mlops(t, "drift", "--stream", "error", "--current", csv, "--method", "kswin", "--config", file("k.json", `{"alpha":2}`)).exits(2, "alpha")
	mlops(t, "drift", "--stream", "level", "--current", csv).exits(2, "level")
	mlops(t, "drift", "--stream", "nobody", "--current", csv).exits(2, "nobody")
	mlops(t, "drift", "--stream", "error", "--current", csv, "--method", "cusum").exits(2, "cusum", "page_hinkley")
	mlops(t, "drift", "--reference", csv, "--current", csv, "--method", "adwin").exits(2, "--stream")
}

// An infinity among numbers is a finding of its column, in the window and in the reference, and the other columns are compared.
func TestDriftOfInfinities(t *testing.T) {
	file, random := writer(t), rand.New(rand.NewPCG(5, 6))
	plain := together(500, 0.5, random)
	reference, infinite := file("reference.csv", plain), file("infinite.csv", together(500, 0.5, random)+strings.Repeat("inf,0,0\n", 25))
	got := mlops(t, "drift", "--reference", reference, "--current", infinite, "--numerical", "a", "--json").exits(0).document()
	kinds := map[any]any{}
	for _, f := range got["findings"].([]any) {
		kinds[f.(map[string]any)["kind"]] = f.(map[string]any)["feature"]
	}
	if kinds["non_finite"] != "a" || len(got["drift_by_columns"].(map[string]any)) != 3 {
		t.Errorf("%v of %v", kinds, got)
	}
	mlops(t, "drift", "--reference", infinite, "--current", reference, "--json").exits(0)
}
