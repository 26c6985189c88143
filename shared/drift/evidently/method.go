package evidently

import (
	"fmt"
	"maps"
	"slices"

	"mlops/shared/drift/stattest"
)

// method is one of Evidently's tests.
type method struct {
	name      string // by which it is selected
	display   string // by which reports call it
	types     []Type // it may be selected for
	threshold float64
	drifted   func(score, threshold float64) bool // false for NaN, as in Python
	score     func(p *pair) (float64, error)
	infinite  func(p *pair) (float64, error) // the same where a sample has infinities; nil: infinities are values like others
}

// The directions in which a score is drift. A p-value drifts below, a distance above its threshold; which of them includes it differs by test.
var (
	below   = func(score, threshold float64) bool { return score < threshold }
	upTo    = func(score, threshold float64) bool { return score <= threshold }
	above   = func(score, threshold float64) bool { return score > threshold }
	atLeast = func(score, threshold float64) bool { return score >= threshold }
)

var (
	ofNumbersOnly = []Type{Numerical}
	ofLevels      = []Type{Categorical}
	ofBoth        = []Type{Categorical, Numerical}
	ofTextOnly    = []Type{FreeText}
)

// The seeds and numbers of permutations. Evidently seeds TVD with 0 and MMD not at all; NumPy's generator is not reproduced, its answer is, within
// the noise of so many permutations.
const (
	permutationsTVD = 1000
	permutationsMMD = 100
	seed            = 0
)

// methods by name: Evidently's registry.
var methods = byName(
	method{"ks", "K-S p_value", ofNumbersOnly, 0.05, upTo, ofValues(stattest.KolmogorovSmirnov), nil},
	method{"chisquare", "chi-square p_value", ofLevels, 0.05, below, ofCounts(stattest.ChiSquare), nil},
	method{"z", "Z-test p_value", ofLevels, 0.05, below, proportions, nil},
	method{"g_test", "g_test", ofLevels, 0.1, below, ofCounts(stattest.G), nil},
	method{"fisher_exact", "Fisher's Exact test", ofLevels, 0.1, below, fisher, refuseInfinite("null or inf values are refused")},
	method{"TVD", "Total-Variation-Distance", ofLevels, 0.1, below, totalVariation, nil},
	method{"t_test", "t_test", ofNumbersOnly, 0.05, below, ofValues(stattest.StudentT), isNaN},
	method{"mannw", "Mann-Whitney U-rank test", ofNumbersOnly, 0.05, below, mannWhitney, infiniteMannWhitney},
	method{"anderson", "Anderson-Darling", ofNumbersOnly, 0.1, below, ofValues(stattest.AndersonDarling), nil},
	method{"cramer_von_mises", "Cramer-von Mises", ofNumbersOnly, 0.1, upTo, ofValues(stattest.CramerVonMises), infiniteCramerVonMises},
	method{"es", "Epps-Singleton", ofNumbersOnly, 0.05, below, ofValues(stattest.EppsSingleton), refuseInfinite("the samples must not contain nonfinite values")},
	method{"ed", "Energy-distance", ofNumbersOnly, 0.1, above, distance(stattest.Energy), infiniteDistance},
	method{"wasserstein", "Wasserstein distance (normed)", ofNumbersOnly, 0.1, atLeast, distance(stattest.WassersteinNormed), infiniteNormed},
	method{"psi", "PSI", ofBoth, 0.1, atLeast, divergence(stattest.PSI, true), binned(stattest.PSI, true)},
	method{"kl_div", "Kullback-Leibler divergence", ofBoth, 0.1, atLeast, divergence(stattest.KL, true), binned(stattest.KL, true)},
	method{"jensenshannon", "Jensen-Shannon distance", ofBoth, 0.1, atLeast, divergence(stattest.JensenShannon, false), binned(stattest.JensenShannon, false)},
	method{"hellinger", "Hellinger distance", ofBoth, 0.1, atLeast, hellinger, infiniteHellinger},
	method{"empirical_mmd", "empirical_mmd", ofNumbersOnly, 0.1, below, meanDiscrepancy, isZero},
	method{"perc_text_content_drift", "Percentile text content drift", ofTextOnly, 0.95, above, nil, nil},
	method{"abs_text_content_drift", "Absolute text content drift", ofTextOnly, 0.55, above, nil, nil},
)

func byName(all ...method) map[string]*method {
	m := make(map[string]*method, len(all))
	for i := range all {
		m[all[i].name] = &all[i]
	}
	return m
}

// Methods are the names that a test is selected by, sorted.
func Methods() []string { return slices.Sorted(maps.Keys(methods)) }

// fewRows is the number of reference rows up to which Evidently's defaults are p-values; beyond, they are distances.
const fewRows = 1000

// defaultMethod is the test that Evidently chooses: by type, rows of the reference and distinct values of both.
func defaultMethod(p *pair) *method {
	small := p.ref.n <= fewRows
	switch {
	case p.kind == FreeText && small:
		return methods["perc_text_content_drift"]
	case p.kind == FreeText:
		return methods["abs_text_content_drift"]
	case p.kind == Numerical && p.distinct() > 5 && small:
		return methods["ks"]
	case p.kind == Numerical && p.distinct() > 5:
		return methods["wasserstein"]
	case !small:
		return methods["jensenshannon"]
	case p.distinct() > 2:
		return methods["chisquare"]
	}
	return methods["z"]
}

// selected is the test of that name for a column of that type. The chi-square and the z test, which Evidently gives to numbers by itself but
// refuses to those who ask, are given.
func selected(name string, kind Type) (*method, error) {
	m := methods[name]
	asked := kind == Numerical && (name == "chisquare" || name == "z")
	if !asked && !slices.Contains(m.types, kind) {
		return m, fmt.Errorf("stattest %s is not applicable to a column of type %s; it is for %s", name, kind, quoted(m.types))
	}
	return m, nil
}

func quoted(types []Type) string {
	s := string(types[0])
	for _, t := range types[1:] {
		s += " and " + string(t)
	}
	return s
}
