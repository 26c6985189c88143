package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mlops/shared/dataset"
	parquet "mlops/shared/dataset/parquet/writer"
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

// What a configuration gets wrong is named at once, with what was probably meant; texts where numbers must be are one line a column; a profile has no rows.
func TestDriftSaysWhatIsWrong(t *testing.T) {
	file, random := writer(t), rand.New(rand.NewPCG(7, 8))
	table := file("a.csv", together(200, 0.5, random))
	texts := file("b.csv", "a,b,c\n"+strings.Repeat("1,x,2\n1,y,z\n", 100))
	args := []string{"drift", "--reference", table, "--current", table}
	mlops(t, append(args, "--config", file("c.json", `{"alfa":0.1,"min_row":20,"min_effect":"large","alpha":2}`))...).
		exits(2, "4 faults", "alfa: unknown, expected alpha", "min_row: unknown, expected min_rows", "min_effect: wrong_type", "alpha: out_of_range")
	mlops(t, append(args, "--config", file("d.json", `[]`))...).exits(2, "d.json", "not one JSON object")
	mlops(t, "drift", "--reference", table, "--current", texts, "--numerical", "b,c").
		exits(2, "2 problems", "b: wrong_type in row 1, got x, y in 200 rows, expected a number", "c: wrong_type in row 2, got z in 100 rows, expected a number")
	mlops(t, "drift", "--stream", "b", "--current", texts).exits(2, "1 problem\n", "x, y in 200 rows")
	profile := file("p.json", "")
	mlops(t, "drift", "--reference", table, "--save-profile", profile).exits(0)
	mlops(t, "drift", "--reference", profile, "--current", table, "--method", "evidently").exits(2, "a drift profile", "has no rows", "--method default")
	mlops(t, "drift", "--reference", table, "--current", profile).exits(2, "--current", "a drift profile")
	mlops(t, "drift", "--reference", profile, "--current", table).exits(0)
}

// What Evidently's numbers take of memory is said before: of text and of Parquet how much, of what is compressed that it is not known.
func TestMemoryIsSaidBefore(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	var rows strings.Builder
	rows.WriteString("a,b,c\n")
	for range 60_000 {
		fmt.Fprintf(&rows, "%.3f,%.3f,x\n", random.Float64(), random.Float64())
	}
	text := rows.String()
	frame, err := dataset.ReadCSV(strings.NewReader(text), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	file := writer(t)
	var columns, packed bytes.Buffer
	if err := parquet.Write(&columns, frame); err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(&packed)
	z.Write([]byte(text))
	z.Close()
	for name, c := range map[string]struct{ body, said string }{
		"t.csv": {text, "about 2 MB\n"}, "t.parquet": {columns.String(), "about 2 MB\n"}, "t.csv.gz": {packed.String(), "not known before it is read"},
	} {
		path := file(name, c.body)
		if got := mlops(t, "drift", "--method", "evidently", "--reference", path, "--current", path).exits(0).errOut; !strings.Contains(got, c.said) {
			t.Errorf("%s: %q", name, got)
		}
	}
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
