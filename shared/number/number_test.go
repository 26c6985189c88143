package number

import (
	"math"
	"testing"
)

// The spellings of Python 3.11.
func TestPython(t *testing.T) {
	for want, v := range map[string]float64{"0.05": 0.05, "1.0": 1, "-0.0": math.Copysign(0, -1), "1e-05": 1e-5, "0.0001": 1e-4, "1e+16": 1e16, "1234567.0": 1234567,
		"9999999999999998.0": 9999999999999998, "1.7976931348623157e+308": math.MaxFloat64, "5e-324": 5e-324, "inf": math.Inf(1), "-inf": math.Inf(-1), "nan": math.NaN()} {
		if got := Python(v); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for want, got := range map[string]string{"1 row": Count(1, "row"), "0 rows": Count(0, "row"), "1 category": Count(1, "category"), "2 categories": Count(2, "category")} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
