package dataset

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mlops/shared/fault"
)

var nan = math.NaN()

// table makes a frame of a numeric column a and a categorical one b.
func table(t *testing.T, a []float64, b ...string) *Frame {
	t.Helper()
	f, err := NewFrame(NumericColumn("a", a), CategoricalColumn("b", b, func(s string) bool { return s == "" }))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestColumn(t *testing.T) {
	f := table(t, []float64{2, nan, -0.5, 2, 1e21, 1e-7}, "y", "x", "", "y", "z", "x")
	a, b := f.Column("a"), f.Column("b")
	if got, want := show(f), "\"a\" num 2 _ -0.5 2 1e+21 1e-07\n\"b\" cat y x _ y z x\n"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if !slices.Equal(b.Levels, []string{"x", "y", "z"}) || !slices.Equal(b.Code, []int32{1, 0, -1, 1, 2, 0}) {
		t.Errorf("levels %v, codes %v", b.Levels, b.Code)
	}
	if a.MissingCount() != 1 || b.MissingCount() != 1 || a.Distinct() != 4 || b.Distinct() != 3 {
		t.Errorf("missing %d, %d; distinct %d, %d", a.MissingCount(), b.MissingCount(), a.Distinct(), b.Distinct())
	}
	if a.Value(0) != 2.0 || a.Value(1) != nil || b.Value(0) != "y" || b.Value(2) != nil || a.Text(1) != "" {
		t.Error("values", a.Value(0), a.Value(1), b.Value(0), b.Value(2))
	}
	taken := f.Take([]int{4, 4, 0})
	if got, want := show(taken), "\"a\" num 1e+21 1e+21 2\n\"b\" cat z z y\n"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if n := taken.Column("b").Distinct(); n != 2 || len(taken.Column("b").Levels) != 3 {
		t.Errorf("%d distinct", n)
	}
}

func TestInteger(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		want bool
	}{{[]float64{1, nan, -3}, true}, {[]float64{1, 1.5}, false}, {[]float64{nan}, false}, {nil, false}, {[]float64{math.Inf(1)}, false}, {[]float64{1e300}, true}} {
		if got := NumericColumn("a", c.v).Integer; got != c.want {
			t.Errorf("%v: %v", c.v, got)
		}
	}
}

func TestKindText(t *testing.T) {
	b, err := json.Marshal([]Kind{Numeric, Categorical})
	if string(b) != `["numeric","categorical"]` || err != nil {
		t.Errorf("%s, %v", b, err)
	}
	var k []Kind
	if err := json.Unmarshal(b, &k); err != nil || k[0] != Numeric || k[1] != Categorical {
		t.Errorf("%v, %v", k, err)
	}
	if err := json.Unmarshal([]byte(`["number"]`), &k); err == nil {
		t.Error("number is no kind")
	}
}

func TestNewFrameNamesEveryProblem(t *testing.T) {
	_, err := NewFrame(NumericColumn("a", []float64{1}), NumericColumn("", []float64{1}), NumericColumn("a", []float64{1, 2}),
		Column{Name: "c", Kind: Categorical, Code: []int32{1}, Levels: []string{"x"}}, Column{Name: "d", Kind: Categorical, Code: []int32{0}, Levels: []string{"y", "x"}})
	var codes []string
	for _, d := range fault.Details(err) {
		codes = append(codes, d.Code)
	}
	if want := "empty_name duplicate_name length out_of_range levels"; strings.Join(codes, " ") != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestSelectAndDrop(t *testing.T) {
	f := table(t, []float64{1}, "x")
	s, err := f.Select("b", "a")
	if err != nil || !slices.Equal(s.Names(), []string{"b", "a"}) {
		t.Errorf("%v, %v", s, err)
	}
	if _, err := f.Select("c", "a", "d"); err == nil || err.Error() != "select columns: 2 problems; c: missing, expected one of a, b; d: missing, expected one of a, b" {
		t.Error(err)
	}
	if d := f.Drop("a", "nowhere"); !slices.Equal(d.Names(), []string{"b"}) || len(f.Columns) != 2 {
		t.Errorf("%v", d.Names())
	}
	if (&Frame{}).Rows() != 0 || f.Index("nowhere") != -1 || f.Column("nowhere") != nil {
		t.Error("what is not there is not found")
	}
}

func TestConcat(t *testing.T) {
	a := table(t, []float64{1, 2}, "x", "z")
	b, err := NewFrame(CategoricalColumn("b", []string{"y", "x"}, nil), NumericColumn("new", []float64{7, 8}), NumericColumn("a", []float64{0.5, nan}))
	if err != nil {
		t.Fatal(err)
	}
	c, err := Concat(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := show(c), "\"a\" num 1 2 0.5 _\n\"b\" cat x z y x\n"; got != want {
		t.Errorf("%swant\n%s", got, want)
	}
	if !slices.Equal(c.Column("b").Levels, []string{"x", "y", "z"}) || c.Column("a").Integer {
		t.Errorf("%+v", c)
	}
	if c, err = Concat(a, b.Drop("b")); err != nil || show(c) != "\"a\" num 1 2 0.5 _\n\"b\" cat x z _ _\n" {
		t.Errorf("%v, %v", c, err)
	}
	void, _ := NewFrame(NumericColumn("a", []float64{nan}), NumericColumn("b", []float64{nan}))
	if c, err = Concat(a, void); err != nil || show(c) != "\"a\" num 1 2 _\n\"b\" cat x z _\n" {
		t.Errorf("%v, %v", c, err)
	}
	if c, err = Concat(void, a); err != nil || show(c) != "\"a\" num _ 1 2\n\"b\" cat _ x z\n" {
		t.Errorf("%v, %v", c, err)
	}
	clash, _ := NewFrame(CategoricalColumn("a", []string{"x"}, nil), NumericColumn("b", []float64{1}))
	if _, err := Concat(a, clash); err == nil || len(fault.Details(err)) != 2 {
		t.Errorf("numbers met text: %v", err)
	}
}

func TestDescribe(t *testing.T) {
	f := table(t, []float64{2, nan, -1, 2}, "y", "x", "", "y").Take([]int{0, 1, 2, 0})
	s := Describe(f, map[string]Role{"b": RoleTarget})
	lo, hi := -1.0, 2.0
	want := Schema{Fields: []Field{
		{Name: "a", Kind: Numeric, Integer: true, Role: RoleFeature, Min: &lo, Max: &hi, Missing: 0.25, Distinct: 2},
		{Name: "b", Kind: Categorical, Role: RoleTarget, Levels: []string{"x", "y"}, Missing: 0.25, Distinct: 2},
	}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("%+v", s)
	}
	b, err := json.Marshal(s)
	var back Schema
	if err == nil {
		err = json.Unmarshal(b, &back)
	}
	if err != nil || !reflect.DeepEqual(back, want) {
		t.Errorf("%s, %v", b, err)
	}
	void, _ := NewFrame(NumericColumn("a", []float64{nan}))
	if d := Describe(void, nil).Fields[0]; d.Min != nil || d.Missing != 1 {
		t.Errorf("%+v", d)
	}
}

func TestDigestKnowsContentAndNothingElse(t *testing.T) {
	read := func(name, text string) *Frame {
		f, err := Read(strings.NewReader(text), name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := read("a.csv", "a,b\n1,x\n0,y\n,\n")
	for name, same := range map[string]*Frame{
		"spelling, quotes, CRLF":  read("b.csv", "\"a\",b\r\n1.0,\"x\"\r\n-0e3,y\r\nNA,?\r\n"),
		"another separator":       read("b.tsv", "a\tb\n1\tx\n0\ty\n\t\n"),
		"JSON Lines":              read("b.jsonl", `{"a":1,"b":"x"}`+"\n"+`{"a":0,"b":"y"}`+"\n{}"),
		"JSON in another order":   read("b.jsonl", `{"b":"x"}`+"\n"+`{"b":"y"}`+"\n"+`{"a":null}`).with("a", []float64{1, 0, math.NaN()}),
		"the order of columns":    read("b.csv", "b,a\nx,1\ny,0\n,\n"),
		"a level that no row has": read("b.csv", "a,b\n1,x\n0,y\n,\n5,w\n").Take([]int{0, 1, 2}),
	} {
		if Digest(same) != Digest(f) {
			t.Errorf("%s: another digest for\n%s", name, show(same))
		}
	}
	for name, other := range map[string]*Frame{
		"a value":           read("b.csv", "a,b\n1,x\n0,z\n,\n"),
		"a number":          read("b.csv", "a,b\n1,x\n0.1,y\n,\n"),
		"a name":            read("b.csv", "a,c\n1,x\n0,y\n,\n"),
		"a missing value":   read("b.csv", "a,b\n1,x\n,y\n,\n"),
		"the order of rows": f.Take([]int{1, 0, 2}),
		"a row":             f.Take([]int{0, 1}),
		"a kind":            read("b.jsonl", `{"a":"1","b":"x"}`+"\n"+`{"a":"0","b":"y"}`+"\n{}"),
	} {
		if Digest(other) == Digest(f) {
			t.Errorf("%s: the same digest", name)
		}
	}
	if d := Digest(f); len(d) != 64 || d != strings.ToLower(d) {
		t.Errorf("digest %q", d)
	}
	if left, right := table(t, []float64{1}, "xy"), table(t, []float64{1}, "x"); Digest(left) == Digest(right) {
		t.Error("texts run into each other")
	}
}
