package drift

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mlops/shared/dataset"
)

// stored is a frame as a CSV file in memory.
func stored(t *testing.T, f *dataset.Frame) dataset.Source {
	t.Helper()
	var b bytes.Buffer
	if err := dataset.WriteCSV(&b, f); err != nil {
		t.Fatal(err)
	}
	return dataset.SourceAt("t.csv", bytes.NewReader(b.Bytes()), int64(b.Len()))
}

// whole is what a source reads as.
func whole(t *testing.T, s dataset.Source) *dataset.Frame {
	t.Helper()
	r, err := s.Open()
	if err != nil {
		t.Fatal(err)
	}
	f, err := dataset.Read(r, s.Name, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Up to 65,536 rows a profile that was streamed is the profile of the table, letter by letter.
func TestProfileOfEqualsNewProfile(t *testing.T) {
	for _, rows := range []int{1, 2, 100, 20_000, maxSample}[:fewer(5, 4)] {
		streamsAlike(t, fmt.Sprint(rows, " rows"), stored(t, newWorld(uint64(rows)).frame(rows)))
	}
}

// streamsAlike fails unless the streamed profile of a source is that of its table, which it returns.
func streamsAlike(t *testing.T, name string, s dataset.Source) *Profile {
	t.Helper()
	got, err := ProfileOf(s, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := NewProfile(Reference{Frame: whole(t, s)})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := asJSON(t, got), asJSON(t, want); a != b {
		t.Errorf("%s: streamed\n%.3000s\nthe table's\n%.3000s", name, a, b)
	}
	return want
}

// The order of the rows, and what their stretches tell of windows, are the table's too.
func TestProfileOfKnowsTheOrderOfRows(t *testing.T) {
	const rows = 30_000 // some batches
	rng := rand.New(rand.NewPCG(6, 6))
	noise := make([]float64, rows)
	for i := range noise {
		noise[i] = rng.NormFloat64()
	}
	sorted := 0
	cells := map[string]func(i int) string{
		"independent":          func(int) string { return fmt.Sprint(rng.IntN(5)) },
		"two groups":           func(i int) string { return fmt.Sprint("g", i/28_000) },
		"five groups":          func(i int) string { return fmt.Sprint(i / 6000) },
		"a group that returns": func(i int) string { return fmt.Sprint(i / 6000 % 4) },
		"twenty groups":        func(i int) string { return fmt.Sprint("g", i/1500) },
		"too many groups":      func(i int) string { return fmt.Sprint("g", i/1400) },
		"a group is missing":   func(i int) string { return []string{"a", "", "b"}[i/10_000] },
		"a number is missing":  func(i int) string { return []string{"1", "", "2"}[i/10_000] },
		"missing twice":        func(i int) string { return []string{"1", "", "2", "", "3"}[i/6000] },
		"a rare group":         func(i int) string { return fmt.Sprint("x", i/29_990) },
		"a counter":            func(i int) string { return fmt.Sprint(i) },
		"a counter down":       func(i int) string { return fmt.Sprint(-2 * i) },
		"sorted":               func(i int) string { return fmt.Sprint(i * i) },
		"sorted down":          func(i int) string { return fmt.Sprint(-i * i) },
		"sorted but the last":  func(i int) string { return fmt.Sprint(i * i * (1 - 2*(i/(rows-1)))) },
		"constant":             func(int) string { return "7" },
		"wandering":            func(i int) string { return fmt.Sprint(math.Sin(float64(i)/2000) + noise[i]) },
		"wandering levels":     func(i int) string { return fmt.Sprint("w", i/2000%7+rng.IntN(3)) },
	}
	for k, name := range sortedKeys(cells) {
		if k%fewer(1, 3) > 0 {
			continue
		}
		cell := cells[name]
		var in bytes.Buffer
		in.WriteString("noise,x,text\n")
		for i := range rows {
			fmt.Fprintf(&in, "%v,%s,%s\n", noise[i], cell(i), strings.Repeat("t", 40))
		}
		if streamsAlike(t, name, dataset.SourceAt("t.csv", bytes.NewReader(in.Bytes()), int64(in.Len()))).Sorted != "" {
			sorted++
		}
	}
	if sorted < fewer(5, 2) {
		t.Errorf("only %d of the tables are sorted", sorted)
	}
}

// rankOf is the share of sorted that is below v, and that is not above it.
func rankOf(sorted []float64, v float64) (low, high float64) {
	below, _ := slices.BinarySearch(sorted, v)
	upTo, _ := slices.BinarySearch(sorted, math.Nextafter(v, math.Inf(1)))
	n := float64(len(sorted))
	return float64(below) / n, float64(upTo) / n
}

// Of more rows, counts and moments are still exact, and quantiles lie within the error that is stated, on the bins and elsewhere.
func TestProfileOfManyRows(t *testing.T) {
	rows, table := fewer(150_000, 80_000), &dataset.Frame{}
	for i, c := range newWorld(5).frame(rows).Columns {
		if i%fewer(1, 3) == 0 {
			table.Columns = append(table.Columns, c)
		}
	}
	s := stored(t, table)
	got, err := ProfileOf(s, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := ProfileOf(s, dataset.Options{})
	if err != nil || asJSON(t, got) != asJSON(t, again) {
		t.Errorf("another profile when read again: %v", err)
	}
	frame := whole(t, s)
	want, err := NewProfile(Reference{Frame: frame})
	if err != nil {
		t.Fatal(err)
	}
	if *got.Repeated != *want.Repeated || got.Sorted != want.Sorted {
		t.Errorf("repeated rows %+v, of the table %+v; sorted by %q, %q", got.Repeated, want.Repeated, got.Sorted, want.Sorted)
	}
	if g, w := got.Joint, want.Joint; g == nil || g.Fitted+g.Held < maxSample/2-1000 || g.Fitted+g.Held > maxSample || len(g.Columns) != len(w.Columns) || math.Abs(float64(g.Mean/w.Mean)-1) > 0.1 {
		t.Errorf("columns together, of a sample %.500s\nof the table %.500s", asJSON(t, g), asJSON(t, w))
	}
	for i := range want.Features {
		g, w := &got.Features[i], &want.Features[i]
		if g.Rows != w.Rows || g.Missing != w.Missing || g.Zeros != w.Zeros || g.Mean.String() != w.Mean.String() || g.SD.String() != w.SD.String() ||
			g.Min.String() != w.Min.String() || g.Max.String() != w.Max.String() || g.Integer != w.Integer || !slices.Equal(g.Levels, w.Levels) || g.Other != w.Other {
			t.Errorf("%s: streamed %+v, the table's %+v", w.Name, *g, *w)
		}
		if off := math.Abs(float64(g.Distinct)/float64(w.Distinct) - 1); off > 4*0.016 {
			t.Errorf("%s: %d distinct values, estimated %d", w.Name, w.Distinct, g.Distinct)
		}
		if w.Kind == dataset.Categorical {
			continue
		}
		if len(g.Noise) != len(w.Noise) {
			t.Errorf("%s: noise %v, the table's %v", w.Name, g.Noise, w.Noise)
		}
		exact := *g
		exact.fill(exact.count(&frame.Columns[i], rows))
		if !slices.Equal(exact.Counts, g.Counts) {
			t.Errorf("%s: counts %v, exactly %v", w.Name, g.Counts, exact.Counts)
		}
		sorted := slices.DeleteFunc(slices.Clone(frame.Columns[i].Float), math.IsNaN)
		slices.Sort(sorted)
		for q, v := range map[float64]float64{0.25: float64(g.Q1), 0.5: float64(g.Median), 0.75: float64(g.Q3)} {
			if low, high := rankOf(sorted, v); low > q+0.011 || high < q-0.011 {
				t.Errorf("%s: the quantile %v is %v, of which %.4f to %.4f is below", w.Name, q, v, low, high)
			}
		}
	}
}

// A window's tally is that of the table, whatever its columns are: numbers that came as text, late texts, infinities among them, codes for
// categories, columns that are gone or new.
func TestTallyOfEqualsTally(t *testing.T) {
	w, rows := newWorld(3), fewer(30_000, 8000)
	p := w.profile(t, 5000)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, spoil := range []func(i int, cells []string){
		func(int, []string) {},
		func(i int, cells []string) { cells[0] = []string{"inf", "x", "0x10", "1e3", " 5 "}[i%5] },
		func(i int, cells []string) {
			if i == rows-1 {
				cells[1] = "late"
			}
		},
		func(i int, cells []string) { cells[len(cells)-1] = fmt.Sprint(i % 3) },
		func(i int, cells []string) { cells[len(cells)-1] = fmt.Sprintf("new%d", rng.IntN(100)) },
	} {
		var b bytes.Buffer
		if err := dataset.WriteCSV(&b, w.frame(50)); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(b.String()), "\n")
		var in bytes.Buffer
		in.WriteString(lines[0] + ",unknown\n")
		for i := range rows {
			cells := strings.Split(lines[1+i%50], ",")
			spoil(i, cells)
			in.WriteString(strings.Join(cells, ",") + ",7\n")
		}
		s := dataset.SourceAt("t.csv", bytes.NewReader(in.Bytes()), int64(in.Len()))
		got, err := p.TallyOf(s, dataset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		want, err := p.Tally(Window{Frame: whole(t, s)})
		if err != nil {
			t.Fatal(err)
		}
		a, err := p.Compare(got, DefaultPolicy())
		if err != nil {
			t.Fatal(err)
		}
		b2, err := p.Compare(want, DefaultPolicy())
		if err != nil {
			t.Fatal(err)
		}
		if x, y := asJSON(t, a), asJSON(t, b2); x != y {
			t.Errorf("streamed\n%.3000s\nthe table's\n%.3000s", x, y)
		}
	}
}

// Drafts of parts, whichever way the rows fall to them, make the whole's profile to the last bit.
func TestDraftsOfPartsAreThatOfTheWhole(t *testing.T) {
	frame := newWorld(8).frame(100_000)
	h := dataset.Heading{Names: frame.Names()}
	for i := range frame.Columns {
		h.Kinds = append(h.Kinds, frame.Columns[i].Kind)
	}
	rng := rand.New(rand.NewPCG(4, 4))
	var first string
	for _, k := range []int{1, 2, 7} {
		parts := make([]*draft, k)
		for i := range parts {
			parts[i] = newDraft(h)
		}
		for from := 0; from < frame.Rows(); {
			n := min(1+rng.IntN(9000), frame.Rows()-from)
			rows := make([]int, n)
			for i := range rows {
				rows[i] = from + i
			}
			parts[rng.IntN(k)].add(dataset.Batch{Frame: frame.Take(rows), First: from})
			from += n
		}
		for _, d := range parts[1:] {
			parts[0].merge(d)
		}
		got := asJSON(t, parts[0].profile())
		if first == "" {
			first = got
		} else if got != first {
			t.Errorf("%d parts make another profile", k)
		}
	}
}

// A column with more different texts than are counted keeps the frequent ones, and memory for no more.
func TestProfileOfIdentifiers(t *testing.T) {
	const rows = 200_000
	r := func() io.Reader {
		pr, pw := io.Pipe()
		go func() {
			var b bytes.Buffer
			b.WriteString("id,n\n")
			for i := range rows {
				if i%10 == 0 {
					b.WriteString("unknown,1\n")
				} else {
					fmt.Fprintf(&b, "id-%d,2\n", i)
				}
				if b.Len() > 1<<16 {
					pw.Write(b.Bytes())
					b.Reset()
				}
			}
			pw.Write(b.Bytes())
			pw.Close()
		}()
		return pr
	}
	s := dataset.Source{Name: "t.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(r()), nil }}
	p, err := ProfileOf(s, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := p.Features[0]
	at, found := slices.BinarySearch(f.Levels, "unknown")
	if !found || f.Counts[at] != rows/10 || len(f.Levels) != maxLevels || f.Other != rows-rows/10-(maxLevels-1) {
		t.Errorf("%d levels, unknown among them %v, %d others", len(f.Levels), found, f.Other)
	}
	if off := math.Abs(float64(f.Distinct)/(rows*0.9) - 1); off > 4*0.016 {
		t.Errorf("%d distinct", f.Distinct)
	}
}

// Of both tables rows are drawn while they are read: all in their order, as long as they are few, and of more the same ones whoever takes the
// batches, from everywhere in the table.
func TestRowsWhileReading(t *testing.T) {
	const rows, most = 60_000, 5000
	var in bytes.Buffer
	in.WriteString("row,text\n")
	for i := range rows {
		fmt.Fprintf(&in, "%d,%s\n", i, []string{"", "a", "b"}[i%3])
	}
	s := dataset.SourceAt("t.csv", bytes.NewReader(in.Bytes()), int64(in.Len()))
	p, all, err := ProfileAndRows(s, dataset.Options{}, "", func(int) int { return rows })
	if err != nil || asJSON(t, all) != asJSON(t, whole(t, s)) {
		t.Errorf("not all %d rows: %v", rows, err)
	}
	_, some, err := ProfileAndRows(s, dataset.Options{}, "", func(int) int { return most })
	if err != nil {
		t.Fatal(err)
	}
	tally, again, err := p.TallyAndRows(s, dataset.Options{}, func(columns int) int { return most / 2 * columns })
	if err != nil || tally.rows != rows {
		t.Fatal(tally.rows, err)
	}
	if asJSON(t, some) != asJSON(t, again) {
		t.Error("the rows that are drawn depend on who reads")
	}
	if n := some.Rows(); n > most || n < most*2/5 {
		t.Errorf("%d rows drawn, of at most %d", n, most)
	}
	row, text, tenths := some.Columns[0].Float, &some.Columns[1], [10]int{}
	for i, r := range row {
		if i > 0 && r <= row[i-1] || text.Missing(i) != (int(r)%3 == 0) || !text.Missing(i) && text.Text(i) != []string{"", "a", "b"}[int(r)%3] {
			t.Fatalf("row %d: %v, %q", i, r, text.Text(i))
		}
		tenths[int(r)*10/rows]++
	}
	if low := slices.Min(tenths[:]); low < len(row)/10/2 {
		t.Errorf("rows by tenths of the table: %v", tenths)
	}
}

func TestDistinctCounter(t *testing.T) {
	for _, n := range []int{0, 1, 2, 20, 1000, 5000, 20_000, 1_000_000} {
		var whole, a, b distinctCounter
		for i := range n {
			h := mixed(math.Float64bits(float64(i)))
			whole.add(h)
			whole.add(h)
			if a.add(h); i%3 == 0 {
				b.add(h)
			}
		}
		a.merge(&b)
		if a != whole {
			t.Errorf("%d: parts differ from the whole", n)
		}
		if got := whole.estimate(); math.Abs(float64(got-n)) > 4*0.016*float64(n)+0.5 {
			t.Errorf("%d values, estimated %d", n, got)
		}
	}
}
