package host

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mlops/functions/internal/job"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/platform/local"
	"mlops/shared/platform/store"
	"mlops/shared/platform/storetest"
	"mlops/shared/registry"
)

var everyEvent = []event.Type{event.DatasetUploaded, event.DatasetValidated, event.DatasetRejected, event.TrainRequested, event.ModelTrained, event.ModelGated, event.TrainingFailed, event.AliasMoved,
	event.DriftRequested, event.DriftMeasured, event.AlertReceived, event.OwnerAlerted, event.ApprovalRequested, event.ApprovalDecided, event.RetrainRequested, event.RetrainDue, event.ReportRequested, event.SweepRequested}

// twice sends every event a second time as soon as it was seen, and remembers it.
func (w *world) twice() *[]event.Event {
	var seen []event.Event
	known := map[string]bool{}
	err := w.State.Bus.Subscribe(local.Subscriber{Function: "again", Types: everyEvent, Handle: func(ctx context.Context, e event.Event) error {
		if known[e.ID] {
			return nil
		}
		known[e.ID] = true
		seen = append(seen, e)
		return w.State.Store.Commit(ctx, control.Change{Events: []event.Event{e}})
	}})
	if err != nil {
		w.Fatal(err)
	}
	return &seen
}

// facts is what must not depend on how often an event came: the registry, who was told, how jobs ended, and what the ledger counts.
func (w *world) facts(names ...string) string {
	w.Helper()
	out := ""
	for _, name := range names {
		counts := map[audit.Kind]int{}
		for _, e := range w.entries(name) {
			counts[e.Kind]++
		}
		out += fmt.Sprintf("%+v\n%v\n", w.state(name), counts)
	}
	docs, err := w.State.Store.List(background, "job", "", "", 0)
	if err != nil {
		w.Fatal(err)
	}
	for _, d := range docs {
		out += string(d.Body) + "\n"
	}
	mails, err := w.State.Mails.List(background)
	if err != nil {
		w.Fatal(err)
	}
	for _, m := range mails {
		out += m.ID + " " + m.To + "\n"
	}
	return out
}

// TestEveryEventTwice plays upload, training, gate, promotion, a forced release and an alert with each event delivered twice, and then all
// of them once more from the last to the first. Nothing happens twice.
func TestEveryEventTwice(t *testing.T) {
	w := empty(t)
	w.State.Bus.OnFailure = func(f local.Failure) { t.Errorf("%s did not take %s: %v", f.Function, f.Event.Type, f.Err) }
	seen := w.twice()
	if j := w.upload("loan", "target=default", people(320, 1)); j.Status != job.Succeeded || j.Stage != "promote" {
		t.Fatalf("%+v", j)
	}
	if j := w.finish(w.post("/train", `{"dataset":"loan","algorithm":"baseline"}`).is(http.StatusAccepted)); j.Status != job.Succeeded {
		t.Fatalf("%+v", j)
	}
	w.clock.add(time.Hour)
	w.post("/models/loan/promotions", `{"version":"2","reason":"hotfix","force":true}`).is(http.StatusAccepted)
	w.drain()
	w.post("/alerts", `{"version":"4","alerts":[{"status":"firing","fingerprint":"f1","labels":{"alertname":"HighErrorRate","severity":"critical"}}]}`).is(http.StatusAccepted)
	w.drain()
	if j := w.finish(w.post("/drift/check", `{"model":"loan"}`).is(http.StatusAccepted)); j.Status != job.Succeeded {
		t.Errorf("%+v", j)
	}
	if j := w.finish(w.post("/reports", `{"kind":"weekly"}`).is(http.StatusAccepted)); j.Status != job.Succeeded {
		t.Errorf("%+v", j)
	}
	if j := w.upload("loan", "target=nothing", people(320, 1)); j.Status != job.Failed {
		t.Errorf("%+v", j)
	}

	entries := w.entries("loan")
	promoted := 0
	for _, e := range entries {
		if e.Kind == audit.AliasPromoted && e.Actor.ID == "agent" {
			promoted++
		}
	}
	if promoted != 1 || count(entries, audit.TrainDone) != 2 || count(entries, audit.ValidatePassed) != 1 || count(entries, audit.ValidateFailed) != 1 || count(entries, audit.IncidentOpened) > 1 {
		t.Errorf("%d promotions by the agent in %d entries", promoted, len(entries))
	}
	if s := w.state("loan"); len(s.Versions) != 2 {
		t.Errorf("%d versions", len(s.Versions))
	}
	refused := 0
	mails, err := w.State.Mails.List(background)
	for _, m := range mails {
		if strings.Contains(m.Subject, "an upload was refused") {
			refused++
		}
	}
	if err != nil || refused != 1 || len(mails)-refused > 1 {
		t.Errorf("the owner has %d mails of one incident and %d of one refused upload, %v", len(mails)-refused, refused, err)
	}
	w.sound("loan")
	if len(*seen) < 10 {
		t.Fatalf("only %d events were seen", len(*seen))
	}

	before := w.facts("loan")
	w.clock.add(time.Hour)
	for _, e := range slices.Backward(*seen) {
		if err := w.State.Store.Commit(background, control.Change{Events: []event.Event{e}}); err != nil {
			t.Fatal(err)
		}
		w.drain()
	}
	if after := w.facts("loan"); after != before {
		t.Errorf("a replay from the last to the first changed\n%s\nto\n%s", before, after)
	}
	w.sound("loan")
}

// flaky is a platform whose control store fails at random: before it did anything, or after, with the reply lost.
func flaky(t *testing.T, seed uint64, share float64) (*world, *storetest.Faults) {
	t.Helper()
	c := &clock{t: epoch}
	state, err := local.Open(folder(t), c.now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { state.Close() })
	faults := storetest.NewFaults(storetest.Random(seed, share))
	state.Store = store.New(faults.Table(state.Table), c.now)
	state.Store.OnEvents = state.Bus.Wake
	state.Store.Wait = func(context.Context, time.Duration) error { return nil }
	h := &Host{State: state, options: Options{Dir: state.Dir, Now: c.now, PublicURL: "https://mlops.example", Window: 48 * time.Hour, Attempts: 1000, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}}
	if err := h.wire(); err != nil {
		t.Fatal(err)
	}
	return &world{t, h, c, state.Dir}, faults
}

// TestFlakyStore trains and promotes over a store that loses a third of its calls, half of them after they took effect.
func TestFlakyStore(t *testing.T) {
	for seed := range uint64(3) {
		w, faults := flaky(t, seed, 0.35)
		try := func(do func() answer) answer {
			t.Helper()
			for range 100 {
				if a := do(); a.status != http.StatusServiceUnavailable {
					return a
				}
			}
			t.Fatal("it never went through")
			return answer{}
		}
		started := try(func() answer {
			return w.post("/datasets/loan?target=default", string(people(320, 1)), "Content-Type: text/csv")
		}).is(http.StatusAccepted)
		for range 200 {
			w.drain()
			w.clock.add(2 * time.Hour) // longer than any pause before another attempt
			if s, err := w.State.Table.Query(background, "deadletter", store.Query{Consistent: true}); err != nil || len(s) > 0 {
				t.Fatalf("given up: %s, %v", s[0].Body, err)
			}
		}
		faults.Heal()
		w.drain()
		var j job.Job
		w.get("/jobs/" + started.tree()["job_id"].(string)).is(http.StatusOK).into(&j)
		if j.Status != job.Succeeded || j.Stage != "promote" {
			t.Errorf("seed %d: %+v", seed, j)
		}
		if v, _, ok := w.state("loan").At(registry.Champion); !ok || v.Number != 1 || len(w.state("loan").Versions) != 1 {
			t.Errorf("seed %d: %+v", seed, w.state("loan"))
		}
		entries := w.entries("loan")
		for kind, want := range map[audit.Kind]int{audit.ValidatePassed: 1, audit.TrainDone: 1, audit.GatePassed: 1, audit.AliasPromoted: 1, audit.PromotionVerified: 1} {
			if n := count(entries, kind); n != want {
				t.Errorf("seed %d: %s stands %d times in the ledger", seed, kind, n)
			}
		}
		w.sound("loan")
	}
}

// TestGivenUp breaks the policy while a model is on its way: the event that nobody can handle is set aside, and its job says so.
func TestGivenUp(t *testing.T) {
	w := empty(t)
	w.options.Log = slog.New(slog.DiscardHandler)
	policy := filepath.Join(w.dir, "config", "policy.yaml")
	good, err := os.ReadFile(policy)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(policy, []byte("colour: red\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := w.send("POST", "/datasets/loan?target=default", w.Keys.Operate, bytes.NewReader(people(320, 1)), "Content-Type: text/csv").is(http.StatusAccepted)
	for range 6 {
		w.drain()
		w.clock.add(2 * time.Hour)
	}
	if j := w.finish(a); j.Status != job.Failed || !strings.Contains(j.Error, "colour") {
		t.Errorf("%+v", j)
	}
	if _, _, ok := w.state("loan").At(registry.Champion); ok {
		t.Error("something serves that nobody decided on")
	}
	if err := os.WriteFile(policy, good, 0o600); err != nil {
		t.Fatal(err)
	}
	w.post("/models/loan/promotions", `{"version":"1","reason":"the policy is mended"}`).is(http.StatusAccepted)
	w.drain()
	w.sound("loan")
	w.post("/predict", ana()).is(http.StatusOK)
}
