package stattest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// description is kind, size, seed, scale and shift of a sample that testdata/oracle/stattest.py made, too.
type description struct {
	kind  string
	n     int
	seed  uint64
	scale float64
	shift float64
}

func (d *description) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&d.kind, &d.n, &d.seed, &d.scale, &d.shift})
}

// uniform is a splitmix64 stream of numbers in [0, 1).
func uniform(seed uint64, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		z := seed*1_000_003 + uint64(i+1)*0x9E3779B97F4A7C15
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		x[i] = float64((z^z>>31)>>11) * 0x1p-53
	}
	return x
}

// sample is the sample described, ascending.
func (d description) sample() []float64 {
	var u [4][]float64
	for k := range u {
		u[k] = uniform(4*d.seed+uint64(k), d.n)
	}
	x := make([]float64, d.n)
	for i := range x {
		switch d.kind {
		case "bell":
			x[i] = u[0][i] + u[1][i] + u[2][i] + u[3][i] - 2
		case "heavy":
			x[i] = (u[0][i] - 0.5) / (u[1][i] + 0.001)
		case "step":
			x[i] = math.Floor(u[0][i] * 7)
		}
		x[i] = float64(x[i]*d.scale) + d.shift
	}
	slices.Sort(x)
	return x
}

// said is a list of numbers or the text of an exception.
type said struct {
	numbers []float
	raised  string
}

func (s *said) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		return json.Unmarshal(b, &s.raised)
	}
	return json.Unmarshal(b, &s.numbers)
}

// scipy is stattest.json.
type scipy struct {
	Kolmogorov, Cramer, Chi2, Student, Fisher [][]float
	Tables                                    []struct {
		Ref, Cur     []int
		ChiSquare, G said
		KL, JS       float
	}
	Samples []map[string]json.RawMessage
}

func readSciPy(t *testing.T) (s scipy) {
	t.Helper()
	b, err := os.ReadFile("../../../testdata/oracle/stattest.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *scipy) read(t *testing.T, raw json.RawMessage, into any) {
	t.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
}

func TestDistributions(t *testing.T) {
	s := readSciPy(t)
	for _, r := range s.Kolmogorov {
		n, x := int(r[0]), float64(r[1])
		near(t, fmt.Sprintf("kolmogorov(%d, %g)", n, x), kolmogorovTail(n, x), float64(r[2]), tail)
	}
	for _, r := range s.Cramer {
		if got := cramerLimit(float64(r[0])); math.Abs(got-float64(r[1])) > 1e-15 { // of which p is 1 less this; the last units are those of NumPy's exp, which differ from processor to processor
			t.Errorf("cramer(%g) = %.17g, want %.17g", r[0], got, r[1])
		}
	}
	for _, r := range s.Chi2 {
		near(t, fmt.Sprintf("chi2(%g, %g)", r[0], r[1]), chiSquareTail(float64(r[0]), int(r[1])), float64(r[2]), tail)
	}
	for _, r := range s.Student {
		near(t, fmt.Sprintf("student(%g, %g)", r[0], r[1]), studentTails(float64(r[0]), float64(r[1])), float64(r[2]), tail)
	}
	for _, r := range s.Fisher {
		_, p, err := FisherExact(int(r[0]), int(r[1]), int(r[2]), int(r[3]))
		if err != nil {
			t.Error(err)
		}
		near(t, fmt.Sprintf("fisher(%v)", r[:4]), p, float64(r[4]), tail)
	}
}

func TestTables(t *testing.T) {
	for _, c := range readSciPy(t).Tables {
		what := fmt.Sprintf("%v %v: ", c.Ref, c.Cur)
		matches(t, what, "chi-square", of(ChiSquare(c.Ref, c.Cur)), c.ChiSquare)
		matches(t, what, "G", of(G(c.Ref, c.Cur)), c.G)
		p, q := Shares(c.Ref), Shares(c.Cur)
		near(t, what+"KL", KL(p, q), float64(c.KL), closed)
		if got := JensenShannon(p, q); math.Abs(got-float64(c.JS)) > 1e-8 { // the root of a sum whose last digits cancel
			near(t, what+"JS", got, float64(c.JS), closed)
		}
	}
}

// matches compares an answer with SciPy's: an exception is an Undefined.
func matches(t *testing.T, what, test string, got answer, want said) {
	t.Helper()
	rel, what := closed, what+" "+test
	if want.raised != "" {
		if u := (&Undefined{}); !errors.As(got.err, &u) {
			t.Errorf("%s: %v, want an error as %s", what, got, want.raised)
		}
		return
	}
	if got.err != nil {
		t.Errorf("%s: %v, want %v", what, got.err, want.numbers)
		return
	}
	statistic := float64(want.numbers[0])
	switch {
	case test == "es" && math.IsInf(got.statistic, 1) && statistic > 1e30: // the inverse of a covariance that is 0 but for SciPy's rounding
		statistic = got.statistic
	case test == "es":
		rel = tail // of a covariance that is nearly singular where values repeat
	}
	near(t, what+" statistic", got.statistic, statistic, rel)
	if len(want.numbers) > 1 {
		if p := float64(want.numbers[1]); test != "cvm" || math.Abs(got.p-p) > 3e-15 { // p is 1 less a sum: 3e-15 is SciPy's rounding
			near(t, what+" p", got.p, p, tail)
		}
	}
}

func TestSamples(t *testing.T) {
	s := readSciPy(t)
	for _, c := range s.Samples {
		var da, db description
		s.read(t, c["a"], &da)
		s.read(t, c["b"], &db)
		a, b := da.sample(), db.sample()
		what := strings.TrimSpace(fmt.Sprintf("%v %v ", da, db))
		for name, f := range map[string]func() answer{
			"ks":         func() answer { return of(KolmogorovSmirnov(a, b)) },
			"ks_asymp":   func() answer { return of(KolmogorovSmirnovAsymptotic(a, b)) },
			"ks_less":    func() answer { return of(KolmogorovSmirnovOneSided(a, b, Less)) },
			"ks_greater": func() answer { return of(KolmogorovSmirnovOneSided(a, b, Greater)) },
			"mw":         func() answer { return of(MannWhitney(a, b, TwoSided)) },
			"mw_less":    func() answer { return of(MannWhitney(a, b, Less)) },
			"mw_greater": func() answer { return of(MannWhitney(a, b, Greater)) },
			"t":          func() answer { return of(StudentT(a, b)) },
			"welch":      func() answer { return of(WelchT(a, b)) },
			"anderson":   func() answer { return of(AndersonDarling(a, b)) },
			"cvm":        func() answer { return of(CramerVonMises(a, b)) },
			"es":         func() answer { return of(EppsSingleton(a, b)) },
			"w":          func() answer { return distance(Wasserstein(a, b)) },
			"energy":     func() answer { return distance(Energy(a, b)) },
		} {
			var want said
			s.read(t, c[name], &want)
			matches(t, what, name, f(), want)
		}
		s.histogram(t, what, c, a, b)
	}
	if len(s.Samples) < 200 {
		t.Errorf("only %d pairs of samples", len(s.Samples))
	}
}

// histogram compares edges to the bit, and the counts of b.
func (s *scipy) histogram(t *testing.T, what string, c map[string]json.RawMessage, a, b []float64) {
	t.Helper()
	var want []float64
	s.read(t, c["edges"], &want)
	edges := Edges(a, b)
	k := len(edges)
	if got := []float64{edges[0], edges[1], edges[k/2], edges[k-1], float64(k)}; !slices.Equal(got, want) {
		t.Errorf("%s: edges %v, want %v", what, got, want)
		return
	}
	counts := Histogram(b, edges)
	if k < 12 {
		var want []int
		if s.read(t, c["bins"], &want); !slices.Equal(counts, want) {
			t.Errorf("%s: bins %v, want %v", what, counts, want)
		}
		return
	}
	var weighted int
	s.read(t, c["bins"], &weighted)
	for i, n := range counts {
		weighted -= (i + 1) * n
	}
	if weighted != 0 {
		t.Errorf("%s: the bins' weighted counts are off by %d", what, weighted)
	}
}
