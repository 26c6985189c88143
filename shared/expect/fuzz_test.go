package expect

import (
	"math"
	"strings"
	"testing"
	"time"
)

// FuzzTexts feeds the small languages inside of suites.
func FuzzTexts(f *testing.F) {
	for _, s := range []string{"n > 2 and (s in ['a', 'b']) or not x.isnull()", `col("n") <= 1e3`, "^[^@\\s]+@[\\w.-]+\\.[a-z]{2,}$", "%d/%m/%Y %H:%M:%S.%f", "3rd of May 2001 10:36 pm", "2*(a-1)/-b", "%_x%", "20240131T235959Z", "s.str.contains('(?=a)') and (n + 1) ** 2 > -3 % 2 and 1 < n.abs() <= 4", "now() - timedelta(weeks=2^3) * abs(-b)", "(?P<a>.)(?P=a)(?!x)[]a-[]", "datetime(2024, 2, day=29)"} {
		f.Add(s)
	}
	frame := small(f)
	f.Fuzz(func(t *testing.T, s string) {
		table := &table{frame: frame, made: map[string]*series{}}
		if holds, _, err := parseCondition(s, "", table); err == nil {
			for i := range frame.Rows() {
				holds(i)
			}
		}
		if r, err := compileRegex(s); err == nil {
			r(s)
		}
		if p, err := compileStrptime(s); err == nil {
			p.parses(s)
		}
		dateutilParseable(s)
		if like, _ := likeTest(s, &kwargs{}); !strings.ContainsAny(s, "%_") && !like(s) {
			t.Errorf("%q is not like itself", s)
		}
		if v, err := parameter(s, map[string]any{"$PARAMETER.a": 2.0}, parameters{suite: map[string]any{"b": 3.0}, now: time.Unix(0, 0)}); err == nil {
			if x, ok := v.(float64); ok && (math.IsNaN(x) || math.IsInf(x, 0)) {
				t.Errorf("%q is %v", s, x)
			}
		}
	})
}
