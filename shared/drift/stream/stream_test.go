package stream

import (
	"cmp"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func detect(t testing.TB, d Detector, values []float64) (at []int) {
	t.Helper()
	for i, x := range values {
		if d.Update(x) {
			at = append(at, i)
		}
	}
	return at
}

// ADWIN and Page-Hinkley detect where river does, and ADWIN is left with river's window.
func TestRiver(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(cmp.Or(os.Getenv("MLOPS_SHARED"), "../../../../shared"), "oracle", "drift", "river_stream.json"))
	if os.IsNotExist(err) {
		t.Skip("river's numbers are not beside the project")
	}
	if err != nil {
		t.Fatal(err)
	}
	var river struct {
		Stream []float64 `json:"stream"`
		PH     struct {
			Detections []int `json:"detections"`
		} `json:"page_hinkley"`
		ADWIN struct {
			Detections []int   `json:"detections"`
			Width      float64 `json:"final_width"`
			Mean       float64 `json:"final_mean"`
			Variance   float64 `json:"final_var"`
		} `json:"adwin"`
		KSWIN struct {
			Alpha float64 `json:"alpha"`
			Index int     `json:"index"`
		} `json:"kswin_docs_first"`
	}
	if err := json.Unmarshal(b, &river); err != nil {
		t.Fatal(err)
	}
	if at := detect(t, NewPageHinkley(), river.Stream); !slices.Equal(at, river.PH.Detections) {
		t.Errorf("Page-Hinkley detects at %v, river at %v", at, river.PH.Detections)
	}
	a := NewADWIN()
	if at := detect(t, a, river.Stream); !slices.Equal(at, river.ADWIN.Detections) {
		t.Errorf("ADWIN detects at %v, river at %v", at, river.ADWIN.Detections)
	}
	near := func(got, want float64) bool { return math.Abs(got-want) <= 1e-12*math.Abs(want) }
	if a.Width != river.ADWIN.Width || !near(a.Mean(), river.ADWIN.Mean) || !near(a.Variance/a.Width, river.ADWIN.Variance) {
		t.Errorf("ADWIN ends with %g values of mean %.15g and variance %.15g, river with %+v", a.Width, a.Mean(), a.Variance/a.Width, river.ADWIN)
	}
	for seed := range uint64(20) { // river's draws are its own: any other finds the same change, about as soon
		k := NewKSWIN()
		k.Alpha, k.Seed = river.KSWIN.Alpha, seed
		if at := detect(t, k, river.Stream); len(at) == 0 || at[0] < 1000 || at[0] > river.KSWIN.Index+14 {
			t.Errorf("KSWIN with seed %d detects at %v, river first at %d", seed, at, river.KSWIN.Index)
		}
	}
}

// The exact test against scipy 1.10.1: ks_2samp(a, b, method="exact").pvalue of samples of n without ties whose distance is h/n.
func TestKolmogorovSmirnov(t *testing.T) {
	for _, c := range []struct {
		h, n int
		p    float64
	}{{9, 30, 0.13500350250095441}, {13, 30, 0.006548396368058784}, {14, 30, 0.0025300622362698397}, {15, 30, 0.0008995776840176799}, {30, 30, 1.6911233892144742e-17}, {2, 5, 0.873015873015873}, {1, 5, 1}} {
		if got := chanceOf(c.h, c.n); math.Abs(got-c.p) > 1e-9*c.p {
			t.Errorf("chance of %d/%d is %.15g, scipy says %.15g", c.h, c.n, got, c.p)
		}
	}
}

// On a sequence that does not change KSWIN errs about as often as the exact test at Alpha = 0.005 can, and none of the others errs more
// than its bound allows; all find a shift soon.
func TestFalseDetections(t *testing.T) {
	const n = 100_000
	random := rand.New(rand.NewPCG(5, 6))
	values := make([]float64, n)
	for i := range values {
		values[i] = random.NormFloat64()
	}
	k := NewKSWIN()
	wrong := len(detect(t, k, values))
	level := chanceOf(13, 30) // the greatest p that the test can give and that is at most Alpha
	for h := 1; h <= 30; h++ {
		if p := chanceOf(h, 30); p <= k.Alpha {
			level = p
			break
		}
	}
	rate := float64(wrong) / n
	t.Logf("KSWIN: %d detections in %d values, %.4f a value; alpha %g, the test's own level %.4f", wrong, n, rate, k.Alpha, level)
	if rate > k.Alpha || rate < level/5 { // neighbouring tests share most of their values, and after a detection it waits for 70
		t.Errorf("KSWIN errs at a rate of %.4f", rate)
	}
	if at := detect(t, NewADWIN(), values); len(at) > 3 {
		t.Errorf("ADWIN errs at %v", at)
	}
	for _, method := range Methods {
		d, err := New(method, nil)
		if err != nil {
			t.Fatal(err)
		}
		shifted := slices.Clone(values[:2000])
		for i := 1000; i < len(shifted); i++ {
			shifted[i] += 3
		}
		at := detect(t, d, shifted)
		i := slices.IndexFunc(at, func(i int) bool { return i >= 1000 })
		if i < 0 || at[i] > 1060 {
			t.Errorf("%s detects a shift of 3 at 1000 at %v", method, at)
		}
	}
}

// A million values leave an ADWIN with a few buckets.
func TestADWINIsSmall(t *testing.T) {
	a, random := NewADWIN(), rand.New(rand.NewPCG(1, 2))
	buckets := 0
	for range 1_000_000 {
		a.Update(random.Float64())
	}
	for _, row := range a.Rows {
		buckets += len(row)
	}
	if limit := a.MaxBuckets * (int(math.Log2(a.Width)) + 2); a.Width < 1e5 || buckets > limit {
		t.Errorf("%d buckets for %g values, at most %d", buckets, a.Width, limit)
	}
}

// A detector that is stored and resumed at any point goes on as if nothing had happened, and what cannot be resumed is refused, not
// believed; no value makes it panic or unfit for storage. ADWIN's buckets always add up to its window.
func TestResume(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		method := rapid.SampledFrom(Methods).Draw(t, "method")
		params := map[string][]byte{"adwin": []byte(`{"clock":4,"delta":0.3}`), "page_hinkley": []byte(`{"threshold":3,"direction":"both"}`), "kswin": []byte(`{"window_size":20,"stat_size":6,"alpha":0.1}`)}[method]
		whole, err := New(method, params)
		if err != nil {
			t.Fatal(err)
		}
		parts, err := New(method, params)
		if err != nil {
			t.Fatal(err)
		}
		extreme := rapid.SampledFrom([]float64{0, 1, -1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, 1e-320})
		for i, x := range rapid.SliceOfN(rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 1), extreme), 0, 200).Draw(t, "values") {
			if i%7 == 3 {
				if parts, err = Resume(parts.State()); err != nil {
					t.Fatal(err)
				}
			}
			if whole.Update(x) != parts.Update(x) {
				t.Fatalf("value %d: the resumed detector decides otherwise", i)
			}
			if a, ok := whole.(*ADWIN); ok {
				held := 0.0
				for k, row := range a.Rows {
					held += math.Ldexp(float64(len(row)), k)
				}
				if held != a.Width {
					t.Fatalf("buckets of %g values in a window of %g", held, a.Width)
				}
			}
		}
		if string(whole.State()) != string(parts.State()) {
			t.Fatalf("%s\n%s", whole.State(), parts.State())
		}
	})
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ method, params string }{
		{"cusum", ""}, {"adwin", `{"delta":0}`}, {"adwin", `{"delta":"x"}`}, {"adwin", `{"lambda":1}`}, {"adwin", `{"clock":0}`}, {"adwin", `{} {}`}, {"adwin", `{"max_buckets":0}`},
		{"page_hinkley", `{"direction":"sideways"}`}, {"page_hinkley", `{"threshold":0}`}, {"kswin", `{"stat_size":60}`}, {"kswin", `{"alpha":1}`}, {"kswin", `{"window_size":1000000}`},
	} {
		params := []byte(c.params)
		if c.params == "" {
			params = nil
		}
		if _, err := New(c.method, params); err == nil {
			t.Errorf("%s %s is taken", c.method, c.params)
		}
	}
	for _, state := range []string{"", "{}", "null", `{"method":"adwin"}`, `{"method":"adwin","state":{"rows":[]}}`, `{"method":"adwin","state":{"width":3,"tick":9,"rows":[[]]}}`,
		`{"method":"adwin","state":{"width":0,"tick":9,"rows":[[],[]]}}`, `{"method":"kswin","state":{"window":[1,2,3]}}`, `{"method":"page_hinkley","state":{"n":-1}}`, `{"method":"page_hinkley","state":{"up":1e300}}`} {
		if _, err := Resume([]byte(state)); err == nil {
			t.Errorf("%s is resumed", state)
		}
	}
}

func FuzzResume(f *testing.F) {
	for _, method := range Methods {
		d, err := New(method, nil)
		if err != nil {
			f.Fatal(err)
		}
		for i := range 150 {
			d.Update(float64(i % 7))
		}
		f.Add([]byte(d.State()))
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		d, err := Resume(state)
		if err != nil {
			return
		}
		for i := range 200 {
			d.Update(float64(i * i % 11))
		}
		if _, err := Resume(d.State()); err != nil {
			t.Errorf("a resumed detector cannot be resumed again: %v", err)
		}
	})
}
