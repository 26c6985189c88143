package train

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"mlops/functions/internal/table"
	"mlops/shared/dataset"
	"mlops/shared/dataset/version"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/training"
)

// blobs are objects in memory.
type blobs map[string][]byte

func (b blobs) Create(_ context.Context, key string, body []byte) error {
	if old, ok := b[key]; ok && !bytes.Equal(old, body) {
		return fault.Conflictf("there is another %s", key)
	}
	b[key] = body
	return nil
}

func (b blobs) Get(_ context.Context, key string, _ int64) ([]byte, error) {
	if body, ok := b[key]; ok {
		return body, nil
	}
	return nil, fault.NotFoundf("no %s", key)
}

func (b blobs) List(_ context.Context, prefix, after string, limit int) (keys []string, err error) {
	for k := range b {
		if strings.HasPrefix(k, prefix) && k > after {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys[:min(len(keys), limit)], nil
}

var at = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// A short training leaves no fit behind; of one that lasts, all are there for the next, but not for another table, and not once they are damaged.
func TestFitsAreKept(t *testing.T) {
	store, now := blobs{}, at
	open := func(dir string) *Fits {
		f := &Fits{Blobs: store, Dir: dir, After: at.Add(keepAfter), Now: func() time.Time { return now }}
		if err := f.open(context.Background()); err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := open("a")
	f.Put("one", []float64{0.25, 0.75})
	if len(store) != 0 {
		t.Fatalf("%d objects after a moment", len(store))
	}
	now = at.Add(time.Minute)
	f.Put("two", []float64{1})
	if len(store) != 2 || f.err != nil {
		t.Fatalf("%d objects after a minute, %v", len(store), f.err)
	}
	again := open("a")
	if !slices.Equal(again.Get("one"), []float64{0.25, 0.75}) || !slices.Equal(again.Get("two"), []float64{1}) || again.Get("three") != nil || open("b").Get("one") != nil {
		t.Errorf("%v, %v", again.Get("one"), again.Get("two"))
	}
	store["a/one"] = bytes.Clone(store["a/one"])
	store["a/one"][12] ^= 1
	store["a/two"] = EncodeFit("three", []float64{1})
	if again.Get("one") != nil || again.Get("two") != nil {
		t.Error("what is damaged, or of another name, is taken")
	}
	e := Environment{Code: "mlops 1", Arch: "amd64"}
	if Scope("d", e) == Scope("d", Environment{Code: "mlops 2", Arch: "amd64"}) || Scope("d", e) == Scope("d", Environment{Code: "mlops 1", Arch: "arm64"}) || Scope("d", e) == Scope("c", e) {
		t.Error("two scopes are one")
	}
}

// Wherever a file of fits is torn, those before the tear are read, and it is known how far they reach.
func TestRecordsTorn(t *testing.T) {
	one, two := Record("one", []float64{1, 2}), Record("two", []float64{3})
	all := slices.Concat(one, two)
	for n := range len(all) + 1 {
		fits, whole := Records(all[:n])
		want, end := 0, 0
		if n >= len(one) {
			want, end = 1, len(one)
		}
		if n == len(all) {
			want, end = 2, n
		}
		if len(fits) != want || whole != end {
			t.Fatalf("%d of %d bytes: %d fits up to %d", n, len(all), len(fits), whole)
		}
	}
}

// A search ends in time for the last fit, which is reckoned as twice the longest.
func TestWatchEndsInTime(t *testing.T) {
	now := at
	w := NewWatch(func() time.Time { return now }, at.Add(time.Minute), nil)
	stop := w.Stop(context.Background())
	fits := 0
	for w.Show(training.Progress{Running: "linear C=1"}); !stop(); fits++ {
		now = now.Add(10 * time.Second)
		w.Show(training.Progress{Running: "linear C=1"})
	}
	if fits != 4 || w.Seconds["linear C=1"] != 40 || w.Longest != 10*time.Second {
		t.Errorf("%d fits, %v", fits, w.Seconds)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if !w.Stop(ctx)() {
		t.Error("it goes on though nobody waits")
	}
}

func TestDeadlineLeavesTimeToStore(t *testing.T) {
	ctx, cancel := context.WithDeadline(context.Background(), at.Add(15*time.Minute))
	defer cancel()
	for _, c := range []struct {
		ctx   context.Context
		limit time.Duration
		want  time.Time
	}{{ctx, 0, at.Add(15*time.Minute - 45*time.Second)}, {ctx, time.Minute, at.Add(time.Minute)}, {ctx, time.Hour, at.Add(15*time.Minute - 45*time.Second)},
		{context.Background(), time.Minute, at.Add(time.Minute)}, {context.Background(), 0, time.Time{}}} {
		if got := deadline(c.ctx, at, c.limit); !got.Equal(c.want) {
			t.Errorf("limit %v: %v, want %v", c.limit, got, c.want)
		}
	}
	short, cancelShort := context.WithDeadline(context.Background(), at.Add(time.Minute))
	defer cancelShort()
	if got := deadline(short, at, 0); !got.Equal(at.Add(45 * time.Second)) {
		t.Errorf("a minute: %v", got)
	}
}

// On Lambda a fit takes as many threads as whole processors come with the memory.
func TestThreadsByMemory(t *testing.T) {
	for mb, want := range map[string]int{"128": 1, "512": 1, "1769": 1, "3537": 1, "3538": 2, "10240": 5} {
		t.Setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", mb)
		if got := Threads(); got != want {
			t.Errorf("%s MB: %d threads, want %d", mb, got, want)
		}
	}
	t.Setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048")
	if Memory() != 2048 {
		t.Errorf("%d MB", Memory())
	}
}

// A data version that does not fit is refused by its manifest, before a byte of it is read, with what to raise.
func TestTooLargeIsSaidBefore(t *testing.T) {
	h := &Handler{MemoryMB: 1024}
	m := table.Manifest{Dataset: "big", Task: dataset.Binary, Rows: map[string]int{"train": 2_000_000, "val": 400_000}, Files: version.Files{"train.csv": {Bytes: 400 << 20}, "val.csv": {Bytes: 80 << 20}}}
	for range 30 {
		m.Schema.Fields = append(m.Schema.Fields, dataset.Field{})
	}
	err := h.enough(m, training.Spec{})
	if fault.CodeOf(err) != training.CodeTooLittle || !strings.Contains(err.Error(), "raise the memory of the function train") {
		t.Errorf("%v", err)
	}
	h.MemoryMB = 10_240
	if err := h.enough(m, training.Spec{}); err != nil {
		t.Errorf("%v", err)
	}
}

func TestTunedNamesEveryMistake(t *testing.T) {
	_, _, err := tuned(event.Tuning{ClassWeight: 3, CostFP: -1, Budget: -2, TimeLimit: "later"})
	var fields []string
	for _, d := range fault.Details(err) {
		fields = append(fields, d.Field)
	}
	if !slices.Equal(fields, []string{"class_weight", "cost_fp", "budget", "time_limit"}) {
		t.Errorf("%v", fields)
	}
}

// On a platform a training that dies is taken up when its event comes again: from the store, with the same artefact.
func TestTakenUpFromTheStore(t *testing.T) {
	n := 240
	x, y := make([]float64, n), make([]float64, n)
	for i := range n {
		x[i], y[i] = float64(i*37%n), float64((i*37%n+i%5*40)/n)
	}
	f, err := dataset.NewFrame(dataset.NumericColumn("x", x))
	if err != nil {
		t.Fatal(err)
	}
	l := dataset.Labels{Name: "y", Task: dataset.Binary, Classes: []string{"0", "1"}, Y: y}
	store, now := blobs{}, at.Add(time.Hour)
	run := func(dieAfter int) (sha string, fits *Fits) {
		fits = &Fits{Blobs: store, Dir: "fits", After: at, Now: func() time.Time { return now }}
		if err := fits.open(context.Background()); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if v := recover(); v != nil && v != any("killed") {
				panic(v)
			}
		}()
		spec := training.Spec{Algorithm: "boosting", Params: map[string]any{"trees": 20.0}, Kept: fits}
		r, err := training.Train(f, l, spec, nil, func(p training.Progress) {
			if p.Done == dieAfter {
				panic("killed")
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		b, err := r.Model.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return model.Digest(b), fits
	}
	if sha, _ := run(7); sha != "" || len(store) != 7 {
		t.Fatalf("%d fits are kept", len(store))
	}
	again, fits := run(-1)
	if len(fits.found) != 7 || len(store) != 10 {
		t.Errorf("%d found, %d kept in all", len(fits.found), len(store))
	}
	clear(store)
	if whole, _ := run(-1); whole != again {
		t.Errorf("taken up %s, run through %s", again, whole)
	}
}
