package host

import (
	"bytes"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mlops/functions/internal/dashboard"
	"mlops/functions/internal/job"
	"mlops/shared/audit"
	"mlops/shared/dataset"
	"mlops/shared/dataset/version"
	"mlops/shared/training/selection"
)

// jsonl is a CSV table in another format, with numbers spelled otherwise.
func jsonl(t *testing.T, csv []byte) []byte {
	t.Helper()
	f, err := dataset.ReadCSV(bytes.NewReader(csv), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := dataset.WriteJSONL(&buf, f); err != nil {
		t.Fatal(err)
	}
	return bytes.ReplaceAll(buf.Bytes(), []byte(`"default":1}`), []byte(`"default":1.0}`))
}

func (w *world) log(name string) []dashboard.Logged {
	w.Helper()
	var page struct{ Versions []dashboard.Logged }
	w.get("/datasets/" + name + "/versions").is(http.StatusOK).into(&page)
	return page.Versions
}

// show is a data version as programs see it.
func (w *world) show(name, id string) (m version.Manifest, models []dashboard.Trained) {
	w.Helper()
	var v struct {
		Manifest version.Manifest
		Models   []dashboard.Trained
	}
	w.get("/datasets/" + name + "/versions/" + id).is(http.StatusOK).into(&v)
	return v.Manifest, v.Models
}

func (w *world) objects(prefix string) []string {
	w.Helper()
	keys, err := bucket{w.State.Data}.List(background, prefix, "", 1000)
	if err != nil {
		w.Fatal(err)
	}
	return keys
}

// TestIdenticalContentIsStoredOnce: the same rows in another format, with other quotes, line ends and order of columns are one version, whose first manifest
// stands, and which is stored once; another row, and another meaning of the same rows, are other versions.
func TestIdenticalContentIsStoredOnce(t *testing.T) {
	w := loans(t)
	csv := people(320, 1)
	before, first := w.objects("processed/"), w.log("loan")
	if len(first) != 1 || len(before) != 7 {
		t.Fatalf("%d versions, %v", len(first), before)
	}
	m, _ := w.show("loan", "latest")
	quoted := bytes.ReplaceAll(bytes.ReplaceAll(csv, []byte("\n"), []byte("\r\n")), []byte("Rome"), []byte(`"Rome"`))
	if j := w.upload("loan", "", quoted); j.Status != job.Succeeded || j.Result["data_version"] != m.Version {
		t.Errorf("CRLF and quotes: %+v", j)
	}
	a := w.send("POST", "/datasets/loan", w.Keys.Operate, bytes.NewReader(jsonl(t, csv)), "Content-Type: application/jsonl").is(http.StatusAccepted)
	if j := w.finish(a); j.Status != job.Succeeded || j.Result["data_version"] != m.Version {
		t.Errorf("JSON Lines: %+v", j)
	}
	var flipped bytes.Buffer
	for line := range strings.Lines(string(csv)) {
		cells := strings.Split(strings.TrimSpace(line), ",")
		slices.Reverse(cells)
		flipped.WriteString(strings.Join(cells, ",") + "\n")
	}
	if j := w.upload("loan", "", flipped.Bytes()); j.Status != job.Succeeded || j.Result["data_version"] != m.Version {
		t.Errorf("columns in another order: %+v", j)
	}
	if after := w.objects("processed/"); !slices.Equal(before, after) {
		t.Errorf("stored again: %v", after)
	}
	if n := len(w.objects("raw/loan/")); n != 4 { // four spellings
		t.Errorf("%d raw objects", n)
	}
	if again, _ := w.show("loan", m.Version); again.Source != m.Source || !again.Created.Equal(m.Created) || len(w.log("loan")) != 1 {
		t.Errorf("the first manifest does not stand: %+v", again)
	}
	w.upload("loan", "", append(people(320, 1), "31,2500,Rome,1\n"...))
	w.upload("loan", "ignore=city", csv)
	log := w.log("loan")
	if len(log) != 3 || log[2].Version != m.Version || log[0].Version == log[1].Version {
		t.Errorf("%+v", log)
	}
	other, _ := w.show("loan", log[0].Version)
	if other.Content != m.Content {
		t.Errorf("the same rows with another meaning have the content %s, not %s", other.Content, m.Content)
	}
}

// TestTheWayBack: from a model to its data, from the data to its models, and from a prediction to both; the rows come back and prove their name.
func TestTheWayBack(t *testing.T) {
	w := loans(t)
	champion := w.state("loan").Versions[0]
	m, models := w.show("loan", champion.DataVersion[:8])
	if m.Version != champion.DataVersion || len(models) != 1 || models[0].Version != 1 || !slices.Contains(models[0].Aliases, "champion") {
		t.Fatalf("%+v %+v", m, models)
	}
	if info := w.get("/model_info").is(200).tree(); info["data_version"] != m.Version {
		t.Errorf("%v", info)
	}
	if p := w.post("/predict", ana()).is(200).tree(); p["data_version"] != m.Version {
		t.Errorf("%v", p)
	}
	var h struct{ History []dashboard.Moved }
	if w.get("/models/loan/history").is(200).into(&h); len(h.History) != 1 || h.History[0].Data != m.Version || h.History[0].Dataset != "loan" {
		t.Errorf("%+v", h)
	}
	if m.All() != 320 || m.Rows["train"] != 224 || m.Source != "raw/loan/"+m.Digest+".csv" || !m.Validation.Passed || m.Classes["1"]+m.Classes["0"] != 320 || m.Quick == nil || m.Code == "" || m.SuiteSHA == "" || m.Split.Train != 0.7 {
		t.Errorf("%+v", m)
	}
	files := map[string][]byte{}
	for name, f := range m.Files {
		var body []byte
		for int64(len(body)) < f.Bytes {
			body = append(body, w.get("/datasets/loan/versions/"+m.Version+"/files/"+name+"?from="+strconv.Itoa(len(body))).is(200).body...)
		}
		files[name] = body
	}
	f, err := m.Join(files)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := dataset.ReadCSV(bytes.NewReader(people(320, 1)), dataset.Options{})
	if err != nil || dataset.Digest(raw) != dataset.Digest(f) {
		t.Errorf("other rows: %+v %v", version.Compare(raw, f), err)
	}
}

// TestBadReferences: a version that is unknown or ambiguous, and a file that is none.
func TestBadReferences(t *testing.T) {
	w := loans(t)
	id := w.state("loan").Versions[0].DataVersion
	for path, status := range map[string]int{"/datasets/nobody/versions": 404, "/datasets/nobody/versions/latest": 404, "/datasets/loan/versions/ffff0000": 404, "/datasets/loan/versions/ab": 400, "/datasets/loan/versions/latest^": 404,
		"/datasets/loan/versions/" + strings.Repeat("a", 64): 404, "/datasets/loan/versions/..%2f..%2fx": 404, "/datasets/loan/versions?limit=0": 400, "/datasets/loan/versions?skip=x": 400,
		"/datasets/loan/versions/" + id + "/files/secret": 404, "/datasets/loan/versions/" + id + "/files/..%2fmanifest.json": 404, "/datasets/loan/versions/" + id + "/files/train.csv?from=999999999": 400,
		"/datasets/loan/versions/" + id + "/files/train.csv?from=-1": 400, "/datasets": 200, "/datasets/loan/versions?limit=1": 200, "/datasets/loan/versions/" + id[:4]: 200} {
		w.get(path).is(status)
	}
	for body, status := range map[string]int{`{"version":"ffff0000","reason":"x"}`: 404, `{"version":"ab","reason":"x"}`: 400, `{"version":"latest"}`: 400, `{"version":"latest","reason":" "}`: 400, `{"vers":"latest","reason":"x"}`: 400} {
		w.post("/datasets/loan/pin", body).is(status)
	}
	w.post("/datasets/nobody/pin", `{"version":"latest","reason":"x"}`).is(404)
	w.post("/datasets/nobody/selection", `{}`).is(404)
	w.post("/train", map[string]any{"dataset": "loan", "version": "ffff0000"}).is(404)
}

// TestDamagedData: an object that was changed behind the platform's back is refused by its name, whoever reads it, and its version is not chosen.
func TestDamagedData(t *testing.T) {
	w := loans(t)
	w.upload("loan", "", append(people(320, 1), people(60, 5)[len("age,income,city,default\n"):]...))
	id := w.log("loan")[0].Version
	spoil := func(name string) (mend func()) {
		t.Helper()
		file := filepath.Join(w.dir, "data", version.Dir("loan", id), name)
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		write := func(b []byte) {
			t.Helper()
			_ = os.Chmod(file, 0o600)
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(bytes.Replace(whole, []byte("1"), []byte("2"), 1))
		return func() { write(whole) }
	}
	mend := spoil("train.csv")
	if a := w.get("/datasets/loan/versions/" + id + "/files/train.csv").is(400); !strings.Contains(string(a.body), "train.csv of data version") || !strings.Contains(string(a.body), "damaged") {
		t.Errorf("%s", a.body)
	}
	if j := w.finish(w.post("/train", map[string]any{"dataset": "loan", "version": id}).is(http.StatusAccepted)); j.Status != job.Failed || !strings.Contains(j.Error, "damaged") {
		t.Errorf("%+v", j)
	}
	mend()
	if j := w.finish(w.post("/train", map[string]any{"dataset": "loan", "version": id}).is(http.StatusAccepted)); j.Status != job.Succeeded {
		t.Errorf("%+v", j)
	}
	spoil("manifest.json")
	w.get("/datasets/loan/versions/" + id).is(400)
	if log := w.log("loan"); log[0].Problem == "" || log[1].Problem != "" {
		t.Errorf("%+v", log)
	}
	var choice selection.Choice
	w.post("/datasets/loan/selection", `{"dry_run":true}`).is(200).into(&choice)
	if choice.Version == id || choice.Verdicts[1].Version != id || choice.Verdicts[1].Status != selection.Refused {
		t.Errorf("%+v", choice)
	}
}

// TestSelection: training without a version takes what the rule chooses, held against live traffic; a pin goes before it; both are in the ledger, and
// what a retraining assembles says of what and why.
func TestSelection(t *testing.T) {
	w := loans(t)
	w.twice()
	old := w.log("loan")[0].Version
	w.clock.add(30 * 24 * time.Hour)
	moved := bytes.ReplaceAll(people(400, 9), []byte("Oslo"), []byte("Kiel")) // no client asks about Kiel
	w.upload("loan", "", moved)
	ids, truths := w.ask(120, 3)
	w.clock.add(time.Minute)

	var choice selection.Choice
	w.post("/datasets/loan/selection", `{"dry_run":true}`).is(200).into(&choice)
	if choice.Version != old || choice.Decided != "drift" || len(choice.Verdicts) != 2 || choice.Verdicts[1].Criterion != "drift" || choice.Verdicts[1].Drift == nil {
		t.Fatalf("%+v", choice)
	}
	if n := count(w.entries("loan"), audit.DataSelected); n != 0 {
		t.Errorf("a dry run is in the ledger")
	}
	if j := w.finish(w.post("/train", map[string]any{"dataset": "loan"}).is(http.StatusAccepted)); j.Result["data_version"] != old {
		t.Errorf("%+v", j)
	}
	newest := w.log("loan")[0].Version
	if newest == old {
		t.Fatal("nothing was uploaded")
	}
	w.post("/datasets/loan/pin", map[string]string{"version": newest[:10], "reason": "the old clinic is closed"}).is(200)
	if j := w.finish(w.post("/train", map[string]any{"dataset": "loan"}).is(http.StatusAccepted)); j.Result["data_version"] != newest {
		t.Errorf("%+v", j)
	}
	w.post("/datasets/loan/pin", map[string]string{"version": "", "reason": "it is open again"}).is(200)

	w.label(ids, truths)
	jobs := w.nextWeek()
	made, _ := w.show("loan", jobs[len(jobs)-1].Result["data_version"])
	if !slices.Equal(made.Parents, []string{"loan@" + old}) || made.Fresh == 0 || made.Selection == nil || len(made.Selection.Reasons) == 0 || made.Selection.Policy != selection.DefaultPolicy().Digest() {
		t.Errorf("%+v %+v", made.Parents, made.Selection)
	}
	var said []audit.Entry
	for _, e := range w.entries("loan") {
		if e.Kind == audit.DataSelected || e.Kind == audit.DataPinned {
			said = append(said, e)
		}
	}
	rules := map[string]int{}
	for _, e := range said {
		rules[string(e.Kind)+" "+e.Policy.Rule]++
	}
	if want := map[string]int{"data.selected drift": 2, "data.selected pinned": 1, "data.pinned ": 2}; !maps.Equal(rules, want) {
		t.Errorf("%v, not %v", rules, want)
	}
	w.sound("loan")
}
