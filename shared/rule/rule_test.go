package rule

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"mlops/shared/fault"
)

func pointer[T any](v T) *T { return &v }

func everything() Set {
	return Set{Digest: "d", Rules: []Rule{
		{Column: "age", Reject: true, Required: true},
		{Column: "age", Reject: true, Min: pointer(0.0), Max: pointer(120.0), StrictMin: true},
		{Column: "city", In: &Values{Texts: []string{"Bern", "3"}}},
		{Column: "code", NotIn: &Values{Numbers: []float64{9}, Texts: []string{"x"}}},
		{Column: "zip", MinLength: pointer(4), MaxLength: pointer(4), Pattern: `^\d+$`},
		{Column: "free", NoPattern: `<script`},
		{Column: "target", Reject: true, Required: true},
	}}
}

// TestCheck: each problem has field, code, what was got and expected, and says whether the row is refused.
func TestCheck(t *testing.T) {
	c, err := everything().Compile(func(name string) bool { return name != "target" })
	if err != nil || c.Len() != 6 || !c.Same("d") || c.Same("") || !(*Checker)(nil).Same("") {
		t.Fatalf("%v, %v", c, err)
	}
	for name, x := range map[string]struct {
		row  map[string]any
		want []string
	}{
		"good":           {map[string]any{"age": json.Number("40"), "city": "Bern", "code": 1.0, "zip": "3000", "free": "a"}, nil},
		"texts as such":  {map[string]any{"age": "40", "city": 3.0, "code": nil, "zip": "NA", "free": ""}, nil},
		"nothing":        {map[string]any{}, []string{"age missing a value true"}},
		"a gap's text":   {map[string]any{"age": "NA"}, []string{"age missing a value true"}},
		"edge":           {map[string]any{"age": 0}, []string{"age out_of_range 0..120 true"}},
		"far":            {map[string]any{"age": 121.0, "city": "Roma", "code": json.Number("9.0"), "zip": "30", "free": "<script>"}, []string{"age out_of_range 0..120 true", "city not_in_set one of Bern, 3 false", "code excluded none of 9, x false", "zip wrong_length 4 characters false", "free pattern no match of <script false"}},
		"pattern":        {map[string]any{"age": true, "zip": "abcd", "code": "x"}, []string{"code excluded none of 9, x false", "zip pattern 4 characters false"}},
		"another type":   {map[string]any{"age": []any{1}, "city": map[string]any{}}, []string{"city not_in_set one of Bern, 3 false"}},
		"not a number":   {map[string]any{"age": "forty"}, nil},
		"a number > 1e9": {map[string]any{"age": json.Number("1e400")}, nil},
	} {
		var got []string
		c.Check(x.row, func(d fault.Detail, reject bool) {
			got = append(got, fmt.Sprint(d.Field, " ", d.Code, " ", d.Expected, " ", reject))
		})
		if !slices.Equal(got, x.want) {
			t.Errorf("%s: %q, wanted %q", name, got, x.want)
		}
	}
	if _, err := (Set{Rules: []Rule{{Column: "a", Pattern: "("}}}).Compile(func(string) bool { return true }); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
}

// TestGoodRowsCostNothing: a row that breaks no rule allocates nothing.
func TestGoodRowsCostNothing(t *testing.T) {
	c, _ := everything().Compile(func(name string) bool { return name != "target" })
	row := map[string]any{"age": 40.0, "city": "Bern", "code": 1.0, "zip": "3000", "free": "a"}
	if n := testing.AllocsPerRun(100, func() { c.Check(row, func(fault.Detail, bool) { t.Fatal("found") }) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCheck(b *testing.B) {
	c, _ := everything().Compile(func(name string) bool { return name != "target" })
	row := map[string]any{"age": 40.0, "city": "Bern", "code": 1.0, "zip": "3000", "free": "a"}
	for b.Loop() {
		c.Check(row, func(fault.Detail, bool) {})
	}
}
