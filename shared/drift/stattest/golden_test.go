package stattest

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// float is a number of an oracle, which writes nan and inf as text.
type float float64

func (f *float) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		b = b[1 : len(b)-1]
	}
	v, err := strconv.ParseFloat(string(b), 64)
	*f = float(v)
	return err
}

// near fails unless got is within rel of want, relatively, or within 1e-300 of it; NaN and infinities must be the same.
func near(t *testing.T, what string, got, want, rel float64) {
	t.Helper()
	if got == want || math.IsNaN(got) && math.IsNaN(want) || math.Abs(got-want) <= rel*math.Abs(want)+1e-300 {
		return
	}
	t.Errorf("%s = %.17g, want %.17g, off by %.2g", what, got, want, math.Abs(got/want-1))
}

const (
	closed = 1e-9 // of closed forms and statistics
	tail   = 1e-6 // of p-values
)

// golden is golden.json: what Evidently and SciPy say of pairs of columns.
type golden struct {
	Pairs map[string]struct {
		Kind      string
		Evidently map[string]struct {
			Score *float
			Error string
		}
		SciPy map[string]json.RawMessage
	}
}

func goldenPath(name string) string {
	root := os.Getenv("MLOPS_SHARED")
	if root == "" {
		root = "../../../../shared" // beside the repository
	}
	return filepath.Join(root, "oracle", "drift", name)
}

// column is the values of a CSV of one column, without its header and what is missing.
func column(t *testing.T, name string) (texts []string) {
	t.Helper()
	f, err := os.Open(goldenPath(name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(z)
	for s.Scan(); s.Scan(); {
		if s.Text() != "" && s.Text() != `""` {
			texts = append(texts, s.Text())
		}
	}
	return texts
}

// numbers are the finite values, ascending.
func numbers(t *testing.T, texts []string) (x []float64) {
	t.Helper()
	for _, s := range texts {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		if !math.IsInf(v, 0) && !math.IsNaN(v) {
			x = append(x, v)
		}
	}
	slices.Sort(x)
	return x
}

// categories are texts as numbers of the same order, so that Levels counts them.
func categories(texts, all []string) (x []float64) {
	for _, s := range texts {
		i, _ := slices.BinarySearch(all, s)
		x = append(x, float64(i))
	}
	slices.Sort(x)
	return x
}

// answer is what a test says: its statistic, its p-value (or the distance again), and its error.
type answer struct {
	statistic, p float64
	err          error
}

func of(statistic, p float64, err error) answer { return answer{statistic, p, err} }

func distance(d float64, err error) answer { return answer{d, d, err} }

// answers is everything the package says of two samples, under Evidently's names and SciPy's.
func answers(a, b []float64, numeric bool) map[string]answer {
	_, ref, cur := Levels(a, b)
	n, m := len(a), len(b)
	p, q := Shares(ref), Shares(cur)
	hits := func(counts []int) int { return sum(counts[min(1, len(counts)):]) }
	r := map[string]answer{"hellinger": distance(Hellinger(p, q), nil)}
	if len(ref) <= 100 {
		r["TVD"] = of(TotalVariation(ref, cur, 2000, 1))
	}
	r["chisquare"] = of(ChiSquare(ref, cur))
	r["g_test"] = of(G(ref, cur))
	r["z"] = of(Proportions(hits(ref), n, hits(cur), m))
	if r["fisher_exact"] = distance(math.NaN(), &Undefined{"", "more than two levels"}); len(ref) == 2 {
		r["fisher_exact"] = of(FisherExact(cur[1], cur[0], ref[1], ref[0]))
	}
	if numeric {
		refBins, curBins := Bins(a, b)
		p, q = Shares(refBins), Shares(curBins)
		r["ks"], r["ks_2samp"] = of(KolmogorovSmirnov(a, b)), of(KolmogorovSmirnov(a, b))
		r["ks_2samp_asymp"] = of(KolmogorovSmirnovAsymptotic(a, b))
		r["mannw"], r["mannwhitneyu_less"] = of(MannWhitney(a, b, Less)), of(MannWhitney(a, b, Less))
		r["mannwhitneyu_two_sided"] = of(MannWhitney(a, b, TwoSided))
		r["t_test"], r["ttest_ind_equal_var"], r["ttest_welch"] = of(StudentT(a, b)), of(StudentT(a, b)), of(WelchT(a, b))
		r["anderson"], r["anderson_ksamp"] = of(AndersonDarling(a, b)), of(AndersonDarling(a, b))
		r["cramer_von_mises"], r["cramervonmises_2samp"] = of(CramerVonMises(a, b)), of(CramerVonMises(a, b))
		r["es"], r["epps_singleton_2samp"] = of(EppsSingleton(a, b)), of(EppsSingleton(a, b))
		r["wasserstein"], r["wasserstein_distance"] = distance(WassersteinNormed(a, b)), distance(Wasserstein(a, b))
		r["ed"], r["energy_distance"] = distance(Energy(a, b)), distance(Energy(a, b))
		r["hellinger"] = distance(HellingerOfNumbers(a, b), nil)
		r["chisquare_on_num"], r["z_on_num"] = r["chisquare"], r["z"]
		if n <= 2000 {
			r["empirical_mmd"] = of(MMD(a, b, 500, 1))
		}
	}
	r["chisquare_gof_vs_scaled_ref"], r["g_test_loglikelihood_unscaled_ref"], r["tvd"] = r["chisquare"], r["g_test"], r["TVD"]
	r["psi"], r["kl_div"], r["jensenshannon"] = distance(PSI(FillZeros(p), FillZeros(q)), nil), distance(KL(FillZeros(p), FillZeros(q)), nil), distance(JensenShannon(p, q), nil)
	return r
}

// permuted are the tests whose p-values are drawn.
var permuted = []string{"TVD", "empirical_mmd"}

func TestGolden(t *testing.T) {
	var g golden
	b, err := os.ReadFile(goldenPath("golden.json"))
	if err != nil {
		t.Skipf("no oracle: %v (set MLOPS_SHARED to the directory that holds oracle/)", err)
	}
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for name, pair := range g.Pairs {
		t.Run(name, func(t *testing.T) {
			refTexts, curTexts := column(t, name+".ref.csv.gz"), column(t, name+".cur.csv.gz")
			var x, y []float64
			if pair.Kind == "num" {
				x, y = numbers(t, refTexts), numbers(t, curTexts)
			} else {
				all := slices.Sorted(slices.Values(slices.Concat(refTexts, curTexts)))
				all = slices.Compact(all)
				x, y = categories(refTexts, all), categories(curTexts, all)
			}
			got := answers(x, y, pair.Kind == "num")
			for test, want := range pair.Evidently {
				a, known := got[test]
				compared++
				switch rel := tail; {
				case !known:
					t.Errorf("nothing says %s", test)
				case want.Error != "":
					if u := (&Undefined{}); !errors.As(a.err, &u) {
						t.Errorf("%s: %v, want an error as %s", test, a, want.Error)
					}
				case slices.Contains(permuted, test):
					if math.Abs(a.p-float64(*want.Score)) > 0.05 {
						t.Errorf("%s: p = %g, want %g", test, a.p, *want.Score)
					}
				default:
					if a.statistic == a.p {
						rel = closed
					}
					near(t, test, a.p, float64(*want.Score), rel)
				}
			}
			for test, raw := range pair.SciPy {
				compared += compareSciPy(t, name, test, raw, got, x, y)
			}
		})
	}
	if compared < 300 {
		t.Errorf("only %d numbers were compared", compared)
	}
}

// compareSciPy compares one entry of SciPy's, and says how many it was.
func compareSciPy(t *testing.T, pair, test string, raw json.RawMessage, got map[string]answer, x, y []float64) int {
	t.Helper()
	var want struct {
		Statistic, PValue *float
		Clipped           *float `json:"pvalue_clipped_0.001_0.25"`
		SD                *float `json:"ref_std_ddof0"`
		Error             string
		Ref, Cur          []float64
		Edges             []float64
	}
	if test == "counts" {
		return compareCounts(t, raw, x, y)
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatalf("%s: %v", test, err)
	}
	switch test {
	case "bins_raw", "bins_zero_filled":
		compareBins(t, test, want.Ref, want.Cur, want.Edges, x, y)
		return 1
	case "chi2_contingency_2xk":
		return 0 // package drift has this test, and compares it
	}
	a, known := got[test]
	switch {
	case !known:
		t.Errorf("nothing says %s", test)
		return 0
	case want.Error != "":
		if u := (&Undefined{}); !errors.As(a.err, &u) {
			t.Errorf("%s: %v, want an error as %s", test, a, want.Error)
		}
		return 1
	}
	if test == "epps_singleton_2samp" && pair == "10_num_constant_diff" {
		want.Statistic = new(float(math.Inf(1))) // SciPy divides by the rounding of a covariance that is 0
	}
	near(t, test+" statistic", a.statistic, float64(*want.Statistic), closed)
	for _, p := range []*float{want.PValue, want.Clipped} {
		if p != nil {
			near(t, test+" p", a.p, float64(*p), tail)
		}
	}
	if want.SD != nil {
		_, squares := moments(x)
		near(t, "sd", math.Sqrt(squares/float64(len(x))), float64(*want.SD), closed)
	}
	return 2
}

func compareCounts(t *testing.T, raw json.RawMessage, x, y []float64) int {
	t.Helper()
	var want struct{ Ref, Cur []int }
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	if _, ref, cur := Levels(x, y); !slices.Equal(ref, want.Ref) || !slices.Equal(cur, want.Cur) {
		t.Errorf("levels: %v %v, want %v", ref, cur, want)
	}
	return 1
}

// compareBins compares shares and edges to the bit; without edges the order is Python's of a set.
func compareBins(t *testing.T, what string, ref, cur, edges, x, y []float64) {
	t.Helper()
	refBins, curBins := Bins(x, y)
	p, q := Shares(refBins), Shares(curBins)
	if what == "bins_zero_filled" {
		p, q = FillZeros(p), FillZeros(q)
	}
	if edges == nil {
		for _, shares := range [][]float64{p, q, ref, cur} {
			slices.Sort(shares)
		}
	} else if got := Edges(x, y); !slices.Equal(got, edges) {
		t.Errorf("%s: edges %v, want %v", what, got, edges)
	}
	if !slices.Equal(p, ref) || !slices.Equal(q, cur) {
		t.Errorf("%s: %v %v, want %v %v", what, p, q, ref, cur)
	}
}
