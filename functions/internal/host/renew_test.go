package host

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"mlops/functions/internal/job"
	"mlops/functions/internal/table"
	"mlops/shared/audit"
	"mlops/shared/dataset"
	"mlops/shared/event"
	"mlops/shared/registry"
	"mlops/shared/topology"
)

// nextWeek moves the clock to the next time that retrainings are due, lets the schedules run, and gives the retrainings there have been.
func (w *world) nextWeek() []job.Job {
	w.Helper()
	now := w.clock.now()
	due := time.Unix(0, 0).UTC().Add(topology.Monday + 5*time.Hour)
	for !due.After(now) {
		due = due.Add(topology.Week)
	}
	w.clock.add(due.Sub(now) + time.Minute)
	return w.renewals()
}

func (w *world) renewals() []job.Job {
	w.Helper()
	if err := w.State.Bus.Tick(background, w.clock.now()); err != nil {
		w.Fatal(err)
	}
	w.drain()
	docs, err := w.State.Store.List(background, "job", "", "", 0)
	if err != nil {
		w.Fatal(err)
	}
	var out []job.Job
	for _, d := range docs {
		var j job.Job
		if err := json.Unmarshal(d.Body, &j); err != nil {
			w.Fatal(err)
		}
		if j.Kind == "retrain" {
			out = append(out, j)
		}
	}
	return out
}

// ask has rows predicted, and gives their inference ids and truths.
func (w *world) ask(rows int, seed uint64) (ids []string, truths []any) {
	w.Helper()
	f, err := dataset.ReadCSV(bytes.NewReader(people(rows, seed)), dataset.Options{})
	if err != nil {
		w.Fatal(err)
	}
	for i := range rows {
		row := map[string]any{}
		for j := range f.Columns {
			row[f.Columns[j].Name] = f.Columns[j].Value(i)
		}
		truths = append(truths, row["default"])
		delete(row, "default")
		ids = append(ids, w.post("/predict", row).is(http.StatusOK).tree()["inference_id"].(string))
	}
	return ids, truths
}

func (w *world) label(ids []string, truths []any) {
	w.Helper()
	var all []map[string]any
	for i, id := range ids {
		all = append(all, map[string]any{"inference_id": id, "label": truths[i]})
	}
	if a := w.post("/feedback", map[string]any{"feedback": all}).is(http.StatusOK).tree(); a["accepted"] != float64(len(ids)) {
		w.Fatalf("%v", a)
	}
}

func (w *world) manifest(v registry.Version) table.Manifest {
	w.Helper()
	m, err := table.ReadManifest(background, bucket{w.State.Data}, v.Dataset, v.DataVersion)
	if err != nil {
		w.Fatal(err)
	}
	return m
}

// TestRetrainingOnSchedule: where nothing changed nothing is registered; labels make a new version, each label counts once however late it
// comes, and every event may come twice.
func TestRetrainingOnSchedule(t *testing.T) {
	w := loans(t)
	w.twice()
	last := func(jobs []job.Job, n int) job.Job {
		t.Helper()
		if len(jobs) != n || jobs[n-1].Status != job.Succeeded {
			t.Fatalf("%d retrainings, not %d: %+v", len(jobs), n, jobs)
		}
		return jobs[n-1]
	}
	if j := last(w.nextWeek(), 1); j.Stage != "unchanged" || j.Result["version"] != "1" || j.Result["fresh"] != "0" || !strings.Contains(j.Result["note"], "exists already") {
		t.Errorf("nothing changed, and %+v", j)
	}
	w.clock.add(time.Hour)
	last(w.renewals(), 1) // the week's has been
	base := w.state("loan").Versions[0]

	ids, truths := w.ask(40, 3)
	w.label(ids[:25], truths[:25])
	if j := last(w.nextWeek(), 2); j.Result["fresh"] != "25" || j.Result["version"] != "2" {
		t.Fatalf("25 labels, and %+v", j)
	}
	if j := last(w.nextWeek(), 3); j.Result["fresh"] != "25" || j.Stage != "unchanged" {
		t.Errorf("no label more, and %+v", j)
	}
	w.label(ids[25:], truths[25:])
	if j := last(w.nextWeek(), 4); j.Result["fresh"] != "40" || j.Result["version"] != "3" {
		t.Fatalf("15 late labels, and %+v", j)
	}
	versions := w.state("loan").Versions
	rows := func(m table.Manifest) int { return m.Rows["train"] + m.Rows["val"] + m.Rows["test"] }
	for i, fresh := range []int{0, 25, 40} {
		if m := w.manifest(versions[i]); m.Fresh != fresh || rows(m) != rows(w.manifest(base))+fresh {
			t.Errorf("version %d: %d fresh of %v", i+1, m.Fresh, m.Rows)
		}
	}

	more := append(people(320, 1), bytes.TrimPrefix(people(30, 5), []byte("age,income,city,default\n"))...)
	if j := w.upload("loan", "target=default", more); j.Status != job.Succeeded {
		t.Fatalf("%+v", j)
	}
	versions = w.state("loan").Versions
	if j := last(w.nextWeek(), 5); j.Result["fresh"] != "0" || j.Result["data_version"] != versions[len(versions)-1].DataVersion {
		t.Errorf("an upload tells of the time before it: %+v", j)
	}
	if n := count(w.entries("loan"), audit.RetrainIntended); n != 5 {
		t.Errorf("%d retrainings in the ledger", n)
	}
	w.sound("loan")
}

// TestRetrainingLeavesAlone: a model whose kill switch is on is not retrained, one without a champion neither, and another question that is
// asked of the same dataset does not change what the model is trained to answer.
func TestRetrainingLeavesAlone(t *testing.T) {
	w := loans(t)
	if j := w.upload("loan", "target=city&model=city", people(320, 1)); j.Status != job.Succeeded {
		t.Fatalf("%+v", j)
	}
	w.post("/models/city/switch", `{"kill":true,"reason":"holiday"}`).is(http.StatusOK)
	if jobs := w.nextWeek(); len(jobs) != 1 || jobs[0].Model != "loan" || jobs[0].Stage != "unchanged" {
		t.Errorf("%+v", jobs)
	}
	if n := len(w.state("city").Versions); n != 1 {
		t.Errorf("%d versions of what is switched off", n)
	}
	if jobs := empty(t).nextWeek(); len(jobs) != 0 {
		t.Errorf("%+v", jobs)
	}
}

// TestSchedulesOff: a schedule that is off does not run.
func TestSchedulesOff(t *testing.T) {
	h, err := Open(Options{Dir: folder(t), Now: (&clock{t: epoch}).now, Off: []string{"retrain", "weekly", "drift"}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	var seen []event.Type
	if err := h.State.Bus.Tick(background, epoch); err != nil {
		t.Fatal(err)
	}
	docs, err := h.State.Store.List(background, "outbox", "", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range docs {
		var e event.Event
		if err := json.Unmarshal(d.Body, &e); err != nil {
			t.Fatal(err)
		}
		seen = append(seen, e.Type)
	}
	if len(seen) != 1 || seen[0] != event.SweepRequested {
		t.Errorf("published %v", seen)
	}
	if h, err := Open(Options{Dir: folder(t), Now: (&clock{t: epoch}).now, Off: []string{"retraining"}, Log: slog.New(slog.DiscardHandler)}); err == nil {
		h.Close()
		t.Error("an unknown schedule can be off")
	} else if !strings.Contains(err.Error(), "retrain") {
		t.Error(err)
	}
}
