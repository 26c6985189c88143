package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"mlops/shared/explain"
)

// TestMain lets this test binary be the command itself, so that it can be started, and killed, as a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Unsetenv("MLOPS_STATE")
	os.Unsetenv("MLOPS_API_KEY")
	os.Unsetenv("MLOPS_URL")
	os.Exit(m.Run())
}

const asCommand = "MLOPS_TEST_AS_COMMAND"

// result is what a command gave.
type result struct {
	*testing.T
	code        int
	out, errOut string
}

// mlops runs a command in this process.
func mlops(t *testing.T, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	code := run(context.Background(), args, &out, &errOut)
	return result{t, code, out.String(), errOut.String()}
}

// exits demands an exit code, and words on stderr.
func (r result) exits(code int, words ...string) result {
	r.Helper()
	if r.code != code {
		r.Fatalf("exit %d, not %d\nstdout: %.500s\nstderr: %s", r.code, code, r.out, r.errOut)
	}
	for _, w := range words {
		if !strings.Contains(r.errOut, w) {
			r.Errorf("stderr does not say %q: %s", w, r.errOut)
		}
	}
	if strings.Contains(r.errOut, "goroutine ") {
		r.Errorf("a stack trace: %s", r.errOut)
	}
	return r
}

// document demands that stdout is one JSON object and nothing else.
func (r result) document() map[string]any {
	r.Helper()
	d := json.NewDecoder(strings.NewReader(r.out))
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		r.Fatalf("stdout is not one JSON object: %v: %q (stderr %s)", err, r.out, r.errOut)
	}
	if d.More() {
		r.Fatalf("stdout has more than one document: %q", r.out)
	}
	return v
}

// files writes tables into a folder of the test: people.csv, other.csv of the same kind, moved.csv of another.
func files(t *testing.T) func(name string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range map[string][]byte{"people.csv": people(320, 1, 0), "other.csv": people(200, 2, 0), "moved.csv": people(200, 3, 30), "empty.csv": nil, "head.csv": []byte("age,income,city,default\n"),
		"ragged.csv": []byte("age,income\n1,2\n3\n4,5,6\n"), "text.csv": []byte("age,income,city,default\nold,1,Rome,0\nolder,2,Oslo,1\n"), "lacking.csv": []byte("income,town\n1,Rome\n"), "garbage.csv": []byte("\x00\xff\x01\n\x02,\"\n"),
		"broken.json": []byte("{"), "none.json": []byte("{}")} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return func(name string) string { return filepath.Join(dir, name) }
}

// people is a small table whose last column can be learnt; older moves the ages.
func people(rows int, seed uint64, older int) []byte {
	rng := rand.New(rand.NewPCG(seed, 7))
	var b bytes.Buffer
	b.WriteString("age,income,city,default\n")
	for range rows {
		age, income, city := 20+rng.IntN(50)+older, 1000+math.Floor(4000*rng.Float64()), []string{"Bern", "Oslo", "Rome"}[rng.IntN(3)]
		z := 0.08*float64(age-45) - 0.0012*(income-3000)
		if city == "Rome" {
			z += 1.2
		}
		y := 0
		if rng.Float64() < 1/(1+math.Exp(-z)) {
			y = 1
		}
		fmt.Fprintf(&b, "%d,%g,%s,%d\n", age, income, city, y)
	}
	return b.Bytes()
}

// TestBadUsage has one wrong call a line: the exit code, that every problem is named, and with --json that stdout has one document still.
func TestBadUsage(t *testing.T) {
	file := files(t)
	out := filepath.Join(t.TempDir(), "out")
	mlops(t, "train", "--data", file("people.csv"), "--target", "default", "--algorithm", "linear", "--out", file("model")).exits(0)
	mlops(t, "suggest", "--data", file("people.csv"), "--out", file("suite.json")).exits(0)
	for name, c := range map[string]struct {
		args  []string
		words []string
	}{
		"unknown command":           {[]string{"trian"}, []string{"trian"}},
		"unknown flag":              {[]string{"train", "--colour", "red"}, []string{"--colour"}},
		"a flag without a value":    {[]string{"train", "--data"}, []string{"--data"}},
		"an argument too many":      {[]string{"train", "x"}, []string{"x"}},
		"train, nothing given":      {[]string{"train"}, []string{"--data", "--target", "--out"}},
		"train, no file":            {[]string{"train", "--data", file("absent.csv"), "--target", "y", "--out", out}, []string{"absent.csv"}},
		"train, empty":              {[]string{"train", "--data", file("empty.csv"), "--target", "y", "--out", out}, []string{"empty.csv"}},
		"train, header only":        {[]string{"train", "--data", file("head.csv"), "--target", "default", "--out", out}, nil},
		"train, ragged":             {[]string{"train", "--data", file("ragged.csv"), "--target", "income", "--out", out}, []string{"row 2", "row 3"}},
		"train, garbage":            {[]string{"train", "--data", file("garbage.csv"), "--target", "y", "--out", out}, []string{"garbage.csv"}},
		"train, no such target":     {[]string{"train", "--data", file("people.csv"), "--target", "fraud", "--out", out}, []string{"fraud"}},
		"train, no such algorithm":  {[]string{"train", "--data", file("people.csv"), "--target", "default", "--algorithm", "magic", "--out", out}, []string{"magic"}},
		"train, no such task":       {[]string{"train", "--data", file("people.csv"), "--target", "default", "--task", "guess", "--out", out}, []string{"guess"}},
		"train, no such positive":   {[]string{"train", "--data", file("people.csv"), "--target", "default", "--positive", "maybe", "--out", out}, []string{"maybe"}},
		"train, no such category":   {[]string{"train", "--data", file("people.csv"), "--target", "default", "--categorical", "colour", "--out", out}, []string{"colour"}},
		"train, no such ignored":    {[]string{"train", "--data", file("people.csv"), "--target", "default", "--ignore", "colour", "--out", out}, []string{"colour"}},
		"train, params broken":      {[]string{"train", "--data", file("people.csv"), "--target", "default", "--algorithm", "linear", "--params", file("broken.json"), "--out", out}, []string{"broken.json"}},
		"train, params absent":      {[]string{"train", "--data", file("people.csv"), "--target", "default", "--params", file("absent.json"), "--out", out}, []string{"absent.json"}},
		"train, one fold":           {[]string{"train", "--data", file("people.csv"), "--target", "default", "--folds", "1", "--out", out}, []string{"fold"}},
		"train, seed of text":       {[]string{"train", "--data", file("people.csv"), "--target", "default", "--seed", "x", "--out", out}, []string{"seed"}},
		"predict, nothing given":    {[]string{"predict"}, []string{"--model", "--data"}},
		"predict, no model":         {[]string{"predict", "--model", file("absent"), "--data", file("people.csv")}, []string{"absent"}},
		"predict, columns missing":  {[]string{"predict", "--model", file("model"), "--data", file("lacking.csv")}, []string{"age", "city"}},
		"predict, text for numbers": {[]string{"predict", "--model", file("model"), "--data", file("text.csv")}, []string{"age"}},
		"predict, empty":            {[]string{"predict", "--model", file("model"), "--data", file("empty.csv")}, []string{"empty.csv"}},
		"predict, out in no folder": {[]string{"predict", "--model", file("model"), "--data", file("people.csv"), "--out", file("absent/p.csv")}, []string{"absent"}},
		"validate, nothing given":   {[]string{"validate"}, []string{"--suite", "--data"}},
		"validate, a directory":     {[]string{"validate", "--suite", file("suite.json"), "--data", filepath.Dir(file("people.csv"))}, []string{"is a directory"}},
		"validate, no suite":        {[]string{"validate", "--suite", file("absent.json"), "--data", file("people.csv")}, []string{"absent.json"}},
		"validate, broken suite":    {[]string{"validate", "--suite", file("broken.json"), "--data", file("people.csv")}, []string{"broken.json"}},
		"validate, a suite of none": {[]string{"validate", "--suite", file("none.json"), "--data", file("people.csv")}, []string{"none.json"}},
		"validate, strange format":  {[]string{"validate", "--suite", file("suite.json"), "--data", file("people.csv"), "--result-format", "LOUD"}, []string{"LOUD", "COMPLETE"}},
		"suggest, nothing given":    {[]string{"suggest"}, []string{"--data"}},
		"suggest, no such target":   {[]string{"suggest", "--data", file("people.csv"), "--target", "fraud"}, []string{"fraud"}},
		"drift, nothing given":      {[]string{"drift"}, []string{"--reference", "--current"}},
		"drift, no such file":       {[]string{"drift", "--reference", file("people.csv"), "--current", file("absent.csv")}, []string{"--current", "absent.csv"}},
		"drift, no such profile":    {[]string{"drift", "--reference", file("absent.json"), "--current", file("people.csv")}, []string{"--reference", "absent.json"}},
		"drift, no files":           {[]string{"drift", "--reference", file("absent.csv"), "--current", file("gone.csv"), "--config", file("gone.json")}, []string{"absent.csv", "gone.csv", "gone.json", "3 files"}},
		"drift, no files, exactly":  {[]string{"drift", "--method", "evidently", "--reference", file("absent.csv"), "--current", file("gone.csv")}, []string{"absent.csv", "gone.csv", "2 files"}},
		"drift, files and a url":    {[]string{"drift", "--reference", file("people.csv"), "--current", file("other.csv"), "--url", "http://127.0.0.1:1"}, []string{"--url", "mlops drift <model>"}},
		"drift, files and a state":  {[]string{"drift", "--reference", file("people.csv"), "--current", file("other.csv"), "--state", file("x")}, []string{"--state", "mlops drift <model>"}},
		"drift, stdin twice":        {[]string{"drift", "--reference", "-", "--current", "-"}, []string{"--reference", "--current", "stdin"}},
		"drift, rows of files":      {[]string{"drift", "--reference", file("people.csv"), "--current", file("other.csv"), "--rows", "5"}, []string{"--rows", "<model>"}},
		"drift, no such method":     {[]string{"drift", "--reference", file("people.csv"), "--current", file("other.csv"), "--method", "magic"}, []string{"magic"}},
		"drift, not a number":       {[]string{"drift", "--reference", file("people.csv"), "--current", file("other.csv"), "--numerical", "city"}, []string{"city"}},
		"drift, broken config":      {[]string{"drift", "--reference", file("people.csv"), "--current", file("other.csv"), "--config", file("broken.json")}, []string{"broken.json"}},
		"drift, evidently's format": {[]string{"drift", "--reference", file("people.csv"), "--current", file("other.csv"), "--method", "evidently", "--format", "html"}, []string{"html", "snapshot"}},
		"drift, format of nothing":  {[]string{"drift", "--reference", file("people.csv"), "--current", file("other.csv"), "--format", "as_dict"}, []string{"--method evidently"}},
		"drift, evidently, config":  {[]string{"drift", "--reference", file("people.csv"), "--current", file("other.csv"), "--method", "evidently", "--config", file("broken.json")}, []string{"broken.json"}},
		"drift, evidently, columns": {[]string{"drift", "--reference", file("people.csv"), "--current", file("other.csv"), "--method", "evidently", "--numerical", "agee"}, []string{"agee", "expected age, which is the nearest"}},
		"drift, evidently, empty":   {[]string{"drift", "--reference", file("empty.csv"), "--current", file("ragged.csv"), "--method", "evidently"}, []string{"empty.csv", "ragged.csv", "row 2"}},
		"replay, nothing there":     {[]string{"replay", "--scenario", file("absent")}, []string{"absent"}},
		"replay, an empty folder":   {[]string{"replay", "--scenario", t.TempDir()}, []string{"txtar"}},
		"replay, not a scenario":    {[]string{"replay", "--scenario", file("people.csv")}, []string{"people.csv"}},
		"audit, no state":           {[]string{"audit", "verify", "--state", file("absent")}, []string{"absent"}},
		"audit, no export":          {[]string{"audit", "verify", "--export", file("absent.jsonl")}, []string{"absent.jsonl"}},
		"audit, a broken export":    {[]string{"audit", "verify", "--export", file("broken.json")}, []string{"broken.json"}},
		"history, no model":         {[]string{"history", "--state", file("absent")}, []string{"arg"}},
		"history, no state":         {[]string{"history", "loan", "--state", file("absent")}, []string{"absent"}},
		"rollback, no reason":       {[]string{"rollback", "loan", "--state", file("absent")}, []string{"--reason"}},
		"reproduce, no state":       {[]string{"reproduce", "x", "--state", file("absent")}, []string{"absent"}},
		"report, no state":          {[]string{"report", "weekly", "--state", file("absent")}, []string{"absent"}},
		"serve, no such data":       {[]string{"serve", "--state", filepath.Join(t.TempDir(), "s"), "--addr", "127.0.0.1:0", "--data", file("absent.csv")}, []string{"absent.csv"}},
		"serve, bad data":           {[]string{"serve", "--state", filepath.Join(t.TempDir(), "s"), "--addr", "127.0.0.1:0", "--data", file("ragged.csv")}, []string{"row 2", "row 3"}},
		"serve, no such address":    {[]string{"serve", "--state", filepath.Join(t.TempDir(), "s"), "--addr", "nowhere:x"}, []string{"--addr"}},
	} {
		t.Run(name, func(t *testing.T) {
			mlops(t, c.args...).exits(2, append([]string{"mlops:"}, c.words...)...)
			if c.args[0] == "serve" {
				return
			}
			r := mlops(t, append([]string{"--json"}, c.args...)...).exits(2, c.words...)
			v := r.document()
			for _, k := range []string{"error", "message", "detail"} {
				if v[k] == nil {
					t.Errorf("the document has no %s: %v", k, v)
				}
			}
			for _, w := range c.words {
				if !strings.Contains(r.out, w) {
					t.Errorf("the document does not say %q: %s", w, r.out)
				}
			}
		})
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a training that failed left a folder behind")
	}
}

func TestTrainAndPredict(t *testing.T) {
	file := files(t)
	first := mlops(t, "train", "--data", file("people.csv"), "--target", "default", "--test", file("other.csv"), "--out", file("a"), "--json", "--threads", "1", "--verify").exits(0).document()
	for _, k := range []string{"algorithm", "params", "metrics", "seconds", "sha256", "task", "rows", "verified"} {
		if first[k] == nil {
			t.Errorf("no %s: %v", k, first)
		}
	}
	if first["verified"] != true || first["task"] != "binary" || first["rows"] != 320.0 {
		t.Errorf("%v", first)
	}
	metrics := first["metrics"].(map[string]any)
	for _, part := range []string{"cv", "test"} {
		for _, k := range []string{"auc", "log_loss", "brier", "accuracy", "f1"} {
			if metrics[part].(map[string]any)[k] == nil {
				t.Errorf("metrics.%s has no %s: %v", part, k, metrics)
			}
		}
	}
	for _, k := range []string{"load", "fit", "total"} {
		if _, ok := first["seconds"].(map[string]any)[k].(float64); !ok {
			t.Errorf("seconds has no %s", k)
		}
	}
	second := mlops(t, "train", "--data", file("people.csv"), "--target", "default", "--out", file("b"), "--json", "--threads", "4").exits(0).document()
	if first["sha256"] != second["sha256"] {
		t.Errorf("the same data, another model: %v and %v", first["sha256"], second["sha256"])
	}
	for _, name := range []string{"model.bin", "metadata.json", "feature_names.json"} {
		b, err := os.ReadFile(filepath.Join(file("a"), name))
		if err != nil || len(b) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	var explained explain.Explanation
	if b, err := os.ReadFile(filepath.Join(file("a"), "explanation.json")); err != nil || json.Unmarshal(b, &explained) != nil || explained.Of != "default = 1" || len(explained.Features) < 3 || len(explained.Dependence) == 0 {
		t.Errorf("explanation.json: %v %+v", err, explained)
	}
	parts, err := filepath.Glob(filepath.Join(file("a"), "*.part"))
	if err != nil || len(parts) > 0 {
		t.Errorf("left behind: %v %v", parts, err)
	}
	if r := mlops(t, "train", "--data", file("people.csv"), "--target", "default", "--algorithm", "linear", "--out", file("c")).exits(0); !strings.Contains(r.out, "linear") || !strings.Contains(r.out, "written to") {
		t.Errorf("%q", r.out)
	}

	r := mlops(t, "predict", "--model", file("a"), "--data", file("other.csv")).exits(0)
	rows, err := csv.NewReader(strings.NewReader(r.out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(rows[0], ",") != "prediction,probability_0,probability_1" || len(rows) != 201 {
		t.Fatalf("%v and %d rows", rows[0], len(rows)-1)
	}
	for _, row := range rows[1:] {
		p0, err0 := strconv.ParseFloat(row[1], 64)
		p1, err1 := strconv.ParseFloat(row[2], 64)
		if err0 != nil || err1 != nil || math.Abs(p0+p1-1) > 1e-12 || (row[0] == "1") != (p1 >= 0.5) {
			t.Fatalf("%v", row)
		}
	}
	// In input order: the table backwards gives the answers backwards.
	lines := strings.Split(strings.TrimSpace(string(people(200, 2, 0))), "\n")
	for i, j := 1, len(lines)-1; i < j; i, j = i+1, j-1 {
		lines[i], lines[j] = lines[j], lines[i]
	}
	if err := os.WriteFile(file("backwards.csv"), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	back, err := csv.NewReader(strings.NewReader(mlops(t, "predict", "--model", file("a"), "--data", file("backwards.csv")).exits(0).out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 200; i++ {
		if strings.Join(rows[i], ",") != strings.Join(back[201-i], ",") {
			t.Fatalf("row %d: %v and %v", i, rows[i], back[201-i])
		}
	}
	doc := mlops(t, "predict", "--model", file("a"), "--data", file("other.csv"), "--out", file("p.csv"), "--json").exits(0).document()
	if list := doc["predictions"].([]any); len(list) != 200 || list[0].(map[string]any)["probability_1"] == nil {
		t.Errorf("%d predictions", len(list))
	}
	if b, err := os.ReadFile(file("p.csv")); err != nil || string(b) != r.out {
		t.Errorf("--json with --out wrote %d bytes, %v", len(b), err)
	}
	b, err := os.ReadFile(filepath.Join(file("b"), "model.bin"))
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 0xff
	if err := os.WriteFile(filepath.Join(file("b"), "model.bin"), b[:len(b)-3], 0o644); err != nil {
		t.Fatal(err)
	}
	mlops(t, "predict", "--model", file("b"), "--data", file("other.csv")).exits(2)
}

// TestOtherTasks trains a regression and a comparison, and tests them on tables whose own values would suggest another task.
func TestOtherTasks(t *testing.T) {
	file := files(t)
	write := func(name, header string, rows int, row func(i int) string) {
		t.Helper()
		var b strings.Builder
		b.WriteString(header + "\n")
		for i := range rows {
			b.WriteString(row(i) + "\n")
		}
		if err := os.WriteFile(file(name), []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	price := func(n int) func(i int) string {
		return func(i int) string { return fmt.Sprintf("%d,%d,%d", i%n, (i*7)%13, 10*(i%n)+(i*7)%13+i%3) }
	}
	write("price.csv", "rooms,age,price", 200, price(40))
	write("few.csv", "rooms,age,price", 6, price(3))
	v := mlops(t, "train", "--data", file("price.csv"), "--target", "price", "--algorithm", "linear", "--test", file("few.csv"), "--out", file("m"), "--json").exits(0).document()
	metrics := v["metrics"].(map[string]any)
	for _, part := range []string{"cv", "test"} {
		for _, k := range []string{"rmse", "mae", "r2"} {
			if metrics[part].(map[string]any)[k] == nil {
				t.Errorf("metrics.%s has no %s: %v", part, k, metrics)
			}
		}
	}
	if out := mlops(t, "predict", "--model", file("m"), "--data", file("few.csv")).exits(0).out; !strings.HasPrefix(out, "prediction\n") || strings.Count(out, "\n") != 7 {
		t.Errorf("%q", out)
	}
	c := mlops(t, "train", "--data", file("price.csv"), "--target", "price>200", "--algorithm", "linear", "--out", file("m2"), "--json").exits(0).document()
	if c["task"] != "binary" {
		t.Errorf("%v", c["task"])
	}
	if features, err := os.ReadFile(filepath.Join(file("m2"), "feature_names.json")); err != nil || strings.Contains(string(features), "price") {
		t.Errorf("the model reads what it is to tell: %s %v", features, err)
	}
	write("kinds.csv", "code,weight,kind", 150, func(i int) string { return fmt.Sprintf("%d,%d,%s", i%3, i%10, []string{"a", "b", "c"}[i%3]) })
	write("two.csv", "code,weight,kind", 10, func(i int) string { return fmt.Sprintf("%d,%d,%s", i%2, i%10, []string{"a", "b"}[i%2]) })
	k := mlops(t, "train", "--data", file("kinds.csv"), "--target", "kind", "--categorical", "code", "--algorithm", "linear", "--test", file("two.csv"), "--out", file("m3"), "--json").exits(0).document()
	if k["task"] != "multiclass" || k["metrics"].(map[string]any)["test"].(map[string]any)["accuracy"] != 1.0 {
		t.Errorf("%v", k)
	}
	if out := mlops(t, "predict", "--model", file("m3"), "--data", file("two.csv")).exits(0).out; !strings.HasPrefix(out, "prediction,probability_a,probability_b,probability_c\n") {
		t.Errorf("%.100q", out)
	}
}

func TestValidateSuggestDrift(t *testing.T) {
	file := files(t)
	suite := mlops(t, "suggest", "--data", file("people.csv"), "--target", "default", "--json", "--out", file("suite.json")).exits(0).document()
	if n := len(suite["expectations"].([]any)); n < 5 {
		t.Errorf("%d expectations", n)
	}
	mlops(t, "suggest", "--data", file("people.csv")).exits(0).document() // a suite is JSON anyhow
	good := mlops(t, "validate", "--suite", file("suite.json"), "--data", file("people.csv")).exits(0).document()
	if good["success"] != true {
		t.Errorf("%v", good["statistics"])
	}
	piped, err := os.Open(file("people.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer piped.Close()
	stdin := os.Stdin
	os.Stdin = piped
	again := mlops(t, "validate", "--suite", file("suite.json"), "--data", "-").exits(0).document()
	os.Stdin = stdin
	if !reflect.DeepEqual(again["statistics"], good["statistics"]) || !reflect.DeepEqual(again["results"], good["results"]) {
		t.Errorf("from stdin %v, from the file %v", again, good)
	}
	write := func(name, text string) string {
		if err := os.WriteFile(file(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file(name)
	}
	asMany := write("asmany.json", `{"expectations":[{"type":"expect_table_row_count_to_equal_other_table","kwargs":{"other_table_name":"before","catch_exceptions":false}}]}`)
	mlops(t, "validate", "--suite", asMany, "--data", file("people.csv"), "--table", "before="+file("people.csv")).exits(0)
	mlops(t, "validate", "--suite", asMany, "--data", file("people.csv"), "--table", "before="+write("short.csv", "a\n1\n")).exits(1)
	mlops(t, "validate", "--suite", asMany, "--data", file("people.csv")).exits(2, "catch_exceptions is false", "--table name=file")
	mlops(t, "validate", "--suite", asMany, "--data", file("people.csv"), "--table", "before").exits(2, "name=file is expected")
	mixed := write("mixed.jsonl", strings.Repeat("{\"v\": 1}\n{\"v\": \"1\"}\n{\"v\": 2.5}\n", 20))
	mlops(t, "suggest", "--data", mixed, "--out", file("mixed.json")).exits(0)
	mlops(t, "validate", "--suite", file("mixed.json"), "--data", mixed).exits(0) // its types are those of the lines
	bad := mlops(t, "validate", "--suite", file("suite.json"), "--data", file("lacking.csv"), "--json", "--result-format", "BASIC").exits(1).document()
	if bad["success"] != false || bad["statistics"] == nil {
		t.Errorf("%v", bad)
	}

	same := mlops(t, "drift", "--reference", file("people.csv"), "--current", file("other.csv"), "--fail-on-drift", "--json").exits(0).document()
	if same["dataset_drift"] != false {
		t.Errorf("%v", same)
	}
	moved := mlops(t, "drift", "--reference", file("people.csv"), "--current", file("moved.csv"), "--json").exits(0).document()
	age := moved["drift_by_columns"].(map[string]any)["age"].(map[string]any)
	if age["drift_detected"] != true || age["drift_score"] == nil || moved["verdict"] == nil {
		t.Errorf("%v", moved)
	}
	want := 0
	if moved["dataset_drift"] == true {
		want = 1
	}
	mlops(t, "drift", "--reference", file("people.csv"), "--current", file("moved.csv"), "--fail-on-drift").exits(want)
	all := mlops(t, "drift", "--reference", file("people.csv"), "--current", file("other.csv"), "--categorical", "city").exits(0)
	if !strings.Contains(all.out, "columns drifted") {
		t.Errorf("%q", all.out)
	}

	profile := filepath.Join(t.TempDir(), "profile.json")
	mlops(t, "drift", "--reference", file("people.csv"), "--save-profile", profile).exits(0)
	stored := mlops(t, "drift", "--reference", profile, "--current", file("moved.csv"), "--json").exits(0).document()
	classifier := stored["multivariate"].(map[string]any)["domain_classifier"].(map[string]any)
	if reason := classifier["reason"]; reason != "not measured: it takes rows of the reference, and a profile keeps none" {
		t.Errorf("the classifier without a reference's rows: %v", reason)
	}
	by := func(reference string) map[string]any {
		return mlops(t, "drift", "--reference", reference, "--current", file("moved.csv"), "--multivariate=false", "--json").exits(0).document()
	}
	if a, b := by(profile), by(file("people.csv")); !reflect.DeepEqual(a, b) {
		t.Errorf("against the stored profile: %v\nagainst the table: %v", a, b)
	}
	spoilt, err := os.ReadFile(profile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(profile, bytes.Replace(spoilt, []byte(`"rows":`), []byte(`"rows":9`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	mlops(t, "drift", "--reference", profile, "--current", file("moved.csv")).exits(2, "profile.json", "contradicts itself")
}

// What Evidently would say, in each of its documents.
func TestDriftAsEvidently(t *testing.T) {
	file := files(t)
	drift := func(more ...string) result {
		return mlops(t, append([]string{"drift", "--method", "evidently", "--reference", file("people.csv"), "--current", file("moved.csv")}, more...)...)
	}
	report := drift("--json").exits(0).document()
	age := report["drift_by_columns"].(map[string]any)["age"].(map[string]any)
	if age["drift_detected"] != true || age["stattest_name"] == nil || age["column_type"] != "num" || report["verdict"] == nil {
		t.Errorf("%v", report)
	}
	if m := drift("--json", "--format", "snapshot").exits(0).document(); len(m["metrics"].([]any)) < 2 || len(m["tests"].([]any)) < 2 {
		t.Errorf("%v", m)
	}
	legacy := drift("--json", "--format", "as_dict").exits(0).document()["metrics"].([]any)
	if name := legacy[1].(map[string]any)["metric"]; name != "DataDriftTable" {
		t.Errorf("%v", name)
	}
	config := filepath.Join(t.TempDir(), "c.json")
	if err := os.WriteFile(config, []byte(`{"num_stattest":"psi","drift_share":0.01}`), 0o600); err != nil {
		t.Fatal(err)
	}
	loud := drift("--config", config, "--fail-on-drift").exits(1)
	if !strings.Contains(loud.out, "drift age: PSI") {
		t.Errorf("%q", loud.out)
	}
}

func TestReplay(t *testing.T) {
	r := mlops(t, "replay", "--scenario", "../../testdata/scenarios", "--json").exits(0).document()
	for _, k := range []string{"agent", "baselines", "scenarios"} {
		if r[k] == nil {
			t.Errorf("no %s", k)
		}
	}
	for _, k := range []string{"resolution_rate", "false_action_rate", "forbidden_actions"} {
		if _, ok := r["agent"].(map[string]any)[k]; !ok {
			t.Errorf("the agent has no %s", k)
		}
	}
	names, err := filepath.Glob("../../testdata/scenarios/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal(err)
	}
	body, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(t.TempDir(), "wrong.txtar")
	changed := bytes.Replace(body, []byte(`"action":`), []byte(`"action":"promote","was":`), 1)
	if bytes.Equal(changed, body) {
		changed = bytes.ReplaceAll(body, []byte("action: "), []byte("action: not-"))
	}
	if err := os.WriteFile(wrong, changed, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := mlops(t, "replay", "--scenario", wrong); r.code != 1 && r.code != 2 { // a decision nobody makes is a miss, or no scenario
		t.Errorf("exit %d: %s %s", r.code, r.out, r.errOut)
	}
	mlops(t, "replay", "--scenario", names[0]).exits(0)
}
