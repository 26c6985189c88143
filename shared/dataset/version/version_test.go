package version

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mlops/shared/dataset"
	"mlops/shared/event"
	"mlops/shared/fault"
)

// drawn is any table that an upload can be: numbers with gaps, texts that need quotes, and a target of two classes.
func drawn(t *rapid.T) *dataset.Frame {
	rows := rapid.IntRange(1, 40).Draw(t, "rows")
	number := rapid.OneOf(rapid.Just(math.NaN()), rapid.Just(math.Copysign(0, -1)), rapid.Float64Range(-1e300, 1e300), rapid.Map(rapid.IntRange(-5, 5), func(i int) float64 { return float64(i) }))
	text := rapid.SampledFrom([]string{"", "a", "b,c", `say "no"`, "two\nlines", " spaced ", "é", "1e", "=1+1"})
	x, c, y := make([]float64, rows), make([]string, rows), make([]float64, rows)
	for i := range rows {
		x[i], c[i], y[i] = number.Draw(t, "x"), text.Draw(t, "c"), float64(rapid.IntRange(0, 1).Draw(t, "y"))
	}
	f, err := dataset.NewFrame(dataset.NumericColumn("x", x), dataset.CategoricalColumn("c", c, func(s string) bool { return s == "" }), dataset.NumericColumn("y", y))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// stored splits a table at will and gives the manifest and the files of it.
func stored(t interface {
	Fatal(...any)
	Helper()
}, f *dataset.Frame, part func(row int) int) (Manifest, map[string][]byte) {
	t.Helper()
	var rows [3][]int
	for i := range f.Rows() {
		k := part(i)
		rows[k] = append(rows[k], i)
	}
	sha := hash(nil)
	m := Manifest{Format: Format, Dataset: "heart", Content: dataset.Digest(f), Created: time.Unix(1e9, 0).UTC(), Code: "test", Source: "raw/heart/" + sha + ".csv", Digest: sha, Target: "y", Positive: "1",
		Task: dataset.Binary, Seed: 1, Rows: map[string]int{}, Files: Files{}, SuiteSHA: sha, Validation: Validation{Passed: true}, Schema: dataset.Describe(f, nil)}
	files := map[string][]byte{Order: Marks(f.Rows(), rows)}
	for k, name := range Parts {
		var buf bytes.Buffer
		if err := dataset.WriteCSV(&buf, f.Take(rows[k])); err != nil {
			t.Fatal(err)
		}
		m.Rows[name], files[name+".csv"] = len(rows[k]), buf.Bytes()
	}
	for name, b := range files {
		m.Files[name] = FileOf(b)
	}
	m.Version = m.Name()
	return m, files
}

// TestJoin: whatever a table holds and however it was parted, its parts make it again, and a changed byte is found and named.
func TestJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawn(t)
		m, files := stored(t, f, func(int) int { return rapid.IntRange(0, 2).Draw(t, "part") })
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		read, err := Read(b)
		if err != nil {
			t.Fatal(err)
		}
		g, err := read.Join(files)
		if err != nil {
			t.Fatal(err)
		}
		if dataset.Digest(g) != dataset.Digest(f) {
			t.Fatalf("other rows came back: %v", Compare(f, g))
		}
		name := rapid.SampledFrom([]string{"train.csv", "val.csv", "test.csv", Order}).Draw(t, "file")
		if len(files[name]) == 0 {
			return
		}
		spoilt := slices.Clone(files[name])
		spoilt[rapid.IntRange(0, len(spoilt)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		files[name] = spoilt
		if _, err := read.Join(files); fault.CodeOf(err) != CodeDamaged || !strings.Contains(err.Error(), name) {
			t.Fatalf("%s was changed: %v", name, err)
		}
	})
}

// TestRead: a manifest that contradicts itself, is another program's or was tampered with is refused, with what is wrong.
func TestRead(t *testing.T) {
	f, err := dataset.NewFrame(dataset.NumericColumn("x", []float64{1, 2, 3}), dataset.NumericColumn("y", []float64{0, 1, 0}))
	if err != nil {
		t.Fatal(err)
	}
	m, _ := stored(t, f, func(i int) int { return i })
	m.Selection = &event.Choice{Policy: "p", Decided: "rows", Reasons: []string{"more"}}
	good, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for change, want := range map[string]string{
		`"target": "y"|"target": "z"`:          "version", // the version is the digest of the meaning too
		`"seed": 1|"seed": 2`:                  "version",
		`"format": 1|"format": 2`:              "format",
		`"format": 1,|`:                        "format",
		`"dataset": "heart"|"dataset": ""`:     "dataset",
		`"task": "binary"|"task": "guess"`:     "task",
		`"train": 1|"train": 7`:                Order,
		`"train.csv"|"../train.csv"`:           "train.csv",
		`"code": "test"|"code": "test","x": 1`: "unknown field",
		`{|[`:                                  "not JSON",
	} {
		from, to, _ := strings.Cut(change, "|")
		spoilt := strings.Replace(string(good), from, to, 1)
		if spoilt == string(good) {
			t.Fatalf("nothing is changed by %s", change)
		}
		if _, err := Read([]byte(spoilt)); fault.CodeOf(err) != CodeDamaged || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", change, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"format":1,"dataset":"a"}`))
	f.Add([]byte(`{"format":1,"rows":{"train":-1},"files":{"split.txt":{"bytes":-1}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := Read(b); err == nil {
			if _, err := m.Encode(); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestResolve holds abbreviations, steps back and their errors.
func TestResolve(t *testing.T) {
	id := func(prefix string) string { return prefix + strings.Repeat("0", 64-len(prefix)) }
	versions := []string{id("aaaa1"), id("bbbb"), id("aaaa2"), id("cccc")}
	for ref, want := range map[string]string{"": "cccc", "latest": "cccc", "^": "aaaa2", "^^": "bbbb", "~2": "bbbb", "latest~3": "aaaa1", "~1^": "bbbb", "aaaa1": "aaaa1", "aaaa2^": "bbbb", "cccc~0": "cccc", id("bbbb"): "bbbb", id("dddd"): "dddd"} {
		if got, err := Resolve(versions, ref); err != nil || got != id(want) {
			t.Errorf("%q is %.8s: %v", ref, got, err)
		}
	}
	for ref, kind := range map[string]fault.Kind{"aaaa": fault.Invalid, "aaa": fault.Invalid, "~x": fault.Invalid, "^2": fault.Invalid, "~-1": fault.Invalid, "~4": fault.NotFound, "aaaa1^": fault.NotFound, "eeee": fault.NotFound, "../x": fault.NotFound,
		"AAAA1": fault.NotFound, "~99999999999999999999": fault.Invalid, id("dddd") + "^": fault.NotFound, id("aaaa1") + "0": fault.NotFound} {
		if got, err := Resolve(versions, ref); err == nil || fault.KindOf(err) != kind {
			t.Errorf("%q is %.8s: %v", ref, got, err)
		}
	}
	_, err := Resolve(versions, "aaaa")
	if d := fault.Details(err); len(d) != 2 || d[0].Got != id("aaaa2") || d[1].Got != id("aaaa1") {
		t.Errorf("the candidates: %+v", d)
	}
	if _, err := Resolve(nil, ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("of none: %v", err)
	}
	for s, want := range map[string][2]string{"heart": {"heart", ""}, "heart@abcd": {"heart", "abcd"}, "heart^": {"heart", "^"}, "heart@abcd~2": {"heart", "abcd~2"}} {
		if d, v, err := ParseReference(s); err != nil || d != want[0] || v != want[1] {
			t.Errorf("%s: %q %q %v", s, d, v, err)
		}
	}
	for _, s := range []string{"", "@abcd", "heart@", "^"} {
		if _, _, err := ParseReference(s); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// TestCompareCounts: rows are compared as multisets. Of any table and any rows taken from it the counts are those of a slow comparison of texts.
func TestCompareCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawn(t)
		rows := func(name string) []int {
			return rapid.SliceOfN(rapid.IntRange(0, f.Rows()-1), 1, 60).Draw(t, name)
		}
		a, b := f.Take(rows("a")), f.Take(rows("b"))
		count := func(g *dataset.Frame) map[string]int {
			out := map[string]int{}
			for i := range g.Rows() {
				text := ""
				for j := range g.Columns {
					v := g.Columns[j].Value(i)
					if v == 0.0 {
						v = 0.0 // not -0
					}
					text += fmt.Sprintf("%#v|", v)
				}
				out[strings.ReplaceAll(text, "-0|", "0|")]++
			}
			return out
		}
		ca, cb, common := count(a), count(b), 0
		for row, n := range ca {
			common += min(n, cb[row])
		}
		d := Compare(a, b)
		if d.Common != common || d.Removed != a.Rows()-common || d.Added != b.Rows()-common {
			t.Fatalf("%+v, not %d in common", d, common)
		}
		if d.Same != (dataset.Digest(a) == dataset.Digest(b)) || d.Same && len(d.Columns) > 0 {
			t.Fatalf("%+v", d)
		}
		back := Compare(b, a)
		if back.Added != d.Removed || back.Removed != d.Added || back.Reordered != d.Reordered || len(back.Columns) != len(d.Columns) {
			t.Fatalf("%+v is not the reverse of %+v", back, d)
		}
	})
}

// TestCompare names what changed.
func TestCompare(t *testing.T) {
	read := func(text string) *dataset.Frame {
		f, err := dataset.ReadCSV(strings.NewReader(text), dataset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	a := read("id,age,city,old\n1,10,Rome,x\n2,20,Oslo,x\n3,30,Rome,x\n3,30,Rome,x\n")
	d := Compare(a, read("age,id,city,new\n30,3,Rome,1\n10,1,Rome,1\n,2,Bern,1\n"))
	if d.Added != 1 || d.Removed != 2 || d.Common != 2 || !d.ColumnOrder || !slices.Equal(d.NewColumns, []string{"new"}) || !slices.Equal(d.GoneColumns, []string{"old"}) || d.Reordered || d.Same {
		t.Errorf("%+v", d)
	}
	var age, city ColumnChange
	for _, c := range d.Columns {
		switch c.Name {
		case "age":
			age = c
		case "city":
			city = c
		}
	}
	// mean 22.5, sd sqrt(((12.5)^2+2.5^2+2*7.5^2)/3) = 9.574; then mean 20
	if age.After.Missing != 1 || age.Before.Mean != 22.5 || math.Abs(float64(age.Before.SD)-9.574271) > 1e-6 || age.After.Mean != 20 || math.Abs(float64(age.Shift)+2.5/9.574271) > 1e-6 {
		t.Errorf("%+v", age)
	}
	// Rome 3/4 -> 2/3, Oslo 1/4 -> 0, Bern 0 -> 1/3: half of 1/12 + 1/4 + 1/3
	if !slices.Equal(city.NewLevels, []string{"Bern"}) || !slices.Equal(city.GoneLevels, []string{"Oslo"}) || math.Abs(float64(city.Shift)-1.0/3) > 1e-12 {
		t.Errorf("%+v", city)
	}
	if d := Compare(a, a.Take([]int{3, 2, 1, 0})); !d.Reordered || d.Same || len(d.Columns) != 0 {
		t.Errorf("%+v", d)
	}
	if d := Compare(a, read("id,age,city,old\n1,old,Rome,x\n")); d.Columns[0].Name != "id" || len(d.Columns) < 2 || d.Columns[1].Before.Kind == d.Columns[1].After.Kind {
		t.Errorf("%+v", d)
	}
	b, err := json.Marshal(d)
	if err != nil || !bytes.Contains(b, []byte(`"shift":`)) {
		t.Errorf("%s %v", b, err)
	}
}
