package remedy

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"mlops/shared/drift"
	"mlops/shared/number"
)

// maxText bounds every sentence of a decision: names of features and alerts come from outside.
const maxText = 400

// oneLine makes s fit for a mail's line and a ledger's field: control characters become spaces, invalid UTF-8 and excess length go.
func oneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "?"), func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
	}), " ")
	if r := []rune(s); len(r) > maxText {
		s = string(r[:maxText-2]) + ".."
	}
	return s
}

// figure prints a measured value with as many digits as its size deserves: 0.034, 12.50, 2,410.
func figure(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "unknown"
	case a >= 100:
		return number.Grouped(v)
	case a >= 1:
		return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 2, 64), ".00")
	case a >= 0.001 || a == 0:
		return strconv.FormatFloat(v, 'f', 3, 64)
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}

// counted is "1 row", "2,410 rows".
func counted(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	if strings.HasSuffix(one, "y") {
		return number.Grouped(float64(n)) + " " + strings.TrimSuffix(one, "y") + "ies"
	}
	return number.Grouped(float64(n)) + " " + one + "s"
}

// listed joins names, at most five of them.
func listed(names []string) string {
	if len(names) > 5 {
		return strings.Join(names[:5], ", ") + fmt.Sprintf(" and %d more", len(names)-5)
	}
	return strings.Join(names, ", ")
}

// ago is a length of time in its natural unit: 20 min, 10 h, 8 days.
func ago(d time.Duration) string {
	switch {
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d/time.Minute))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d/time.Hour))
	}
	return fmt.Sprintf("%d days", int(d/(24*time.Hour)))
}

// metricName is how people write the metric.
func metricName(metric string) string {
	switch metric {
	case "auc", "rmse", "mae", "f1", "ece":
		return strings.ToUpper(metric)
	case "log_loss":
		return "log loss"
	case "brier":
		return "Brier score"
	}
	return metric
}

// measured is "AUC 0.830 [0.800, 0.860], was 0.900, n = 2,410".
func measured(p *drift.Performance) string {
	s := metricName(p.Metric) + " " + figure(float64(p.Value))
	if p.Low.Finite() && p.High.Finite() {
		s += fmt.Sprintf(" [%s, %s]", figure(float64(p.Low)), figure(float64(p.High)))
	}
	if p.Reference.Finite() {
		s += ", was " + figure(float64(p.Reference))
	}
	if p.N > 0 {
		s += ", n = " + number.Grouped(float64(p.N))
	}
	return s
}

// causeName is the cause in plain words.
func causeName(cause string) string {
	return map[string]string{
		CauseNone: "nothing wrong", CauseDuplicate: "a batch sent twice", CauseColumn: "an upstream column fault", CauseUnit: "a unit change upstream",
		CauseData: "an upstream data fault", CauseRelease: "a bad release", CauseErrors: "a failing service", CauseLatency: "a slow service",
		CauseSeason: "a seasonal shift", CauseCategory: "a new category", CauseConcept: "concept drift", CauseCovariate: "covariate drift",
		CauseLabels: "late labels",
	}[cause]
}
