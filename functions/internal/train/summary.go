package train

import (
	"fmt"
	"strings"

	"mlops/shared/evaluate"
	"mlops/shared/training"
)

// warning is what whoever decides about the version should know: columns that leak the target, a search that was cut short.
func (a *artefact) warning() string {
	var words []string
	for _, w := range []string{training.Words(a.result.Leaks), Stopped(a.result)} {
		if w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, "; ")
}

func (a *artefact) summary() string {
	s := fmt.Sprintf("%d fits of %d candidates; %s", a.result.Fits, len(a.result.Candidates), strings.Join(best(a.result.Candidates, a.result.Metric), ", "))
	if e, ok := a.result.Nested[a.result.Metric]; ok {
		s += fmt.Sprintf("; %.3f [%.3f, %.3f] without the luck of the choice", float64(e.Value), float64(e.Low), float64(e.High))
	}
	if c := a.result.Calibrated; c != nil && c.Method != "" {
		s += "; calibrated by " + CalibrationWords(c)
	}
	if d := a.result.Decision; d != nil {
		s += fmt.Sprintf("; positive from %.3g on, which costs %.3g a row (%.3g at 0.5)", d.Threshold, float64(d.Cost), float64(d.AtHalf))
	}
	if warning := a.warning(); warning != "" {
		s += "; " + warning
	}
	return s
}

// best names the best candidate of each algorithm, the chosen one first.
func best(candidates []training.Candidate, metric string) []string {
	var out []string
	byAlgorithm := map[string]int{}
	for i, c := range candidates {
		if len(c.Folds) < 2 && !c.Chosen {
			continue // dropped early: its mean says little
		}
		if c.Chosen {
			out = append(out, fmt.Sprintf("%s %.3f +-%.3f %s chosen", c.Name(), float64(c.Mean), float64(c.SE), metric))
			byAlgorithm[c.Algorithm] = -1
		}
		k, seen := byAlgorithm[c.Algorithm]
		if better := evaluate.Greater(metric) == (c.Mean > candidates[max(0, k)].Mean); !seen || k >= 0 && better {
			byAlgorithm[c.Algorithm] = i
		}
	}
	for i, c := range candidates {
		if k, ok := byAlgorithm[c.Algorithm]; ok && k == i && !c.Chosen {
			out = append(out, fmt.Sprintf("%s %.3f +-%.3f", c.Name(), float64(c.Mean), float64(c.SE)))
		}
	}
	return out
}
