package quality

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"mlops/shared/number"
)

// MaxPoints is how many batches a history remembers; maxValues bounds the values of all series together, so that a wide table remembers fewer.
const (
	MaxPoints = 120
	maxValues = 20_000
)

// The families of series. Shares are in [0, 1]; completeness, outside and unseen exist for each column, completeness for all cells as well.
const (
	Rows         = "rows"         // of the batch
	Freshness    = "freshness"    // hours since the batch before
	Duplicates   = "duplicates"   // share of rows that repeat an earlier row of the batch
	Completeness = "completeness" // share of values that are not missing
	Outside      = "outside"      // share of the present numbers more than a tenth of the range beyond the range seen before
	Unseen       = "unseen"       // share of the present texts that no batch had before
)

// Families are the names of the families.
var Families = []string{Rows, Freshness, Duplicates, Completeness, Outside, Unseen}

// History is how the data of one dataset, or the traffic of one model, was from batch to batch. It is bounded: 120 batches of 30 columns take
// 100 KB as JSON.
type History struct {
	Subject string                     `json:"subject"`
	Daily   bool                       `json:"daily"`           // one batch a day: seasons are looked for
	At      []time.Time                `json:"at"`              // of the batches, oldest first
	IDs     []string                   `json:"ids"`             // what each was: a job, a day
	Values  map[string][]number.Float  `json:"values"`          // series -> one value a batch; NaN = it has none
	Sizes   map[string][]int           `json:"sizes"`           // column, "" = the table -> rows with a value in each batch, from which its shares are known
	Odd     map[string][]bool          `json:"odd"`             // series -> whether the value was an anomaly; absent = never
	Known   map[string]Known           `json:"known"`           // column -> what was seen
	Level   map[string]time.Time       `json:"level,omitempty"` // series -> when its present level began; what was before is not compared with
	Firing  map[string]time.Time       `json:"firing"`          // series whose newest value is an anomaly -> since when
	Bands   map[string][2]number.Float `json:"bands"`           // series -> where its newest value was expected; absent = nothing was expected yet
}

// Line is how one series stands.
type Line struct {
	Series string       `json:"series"`
	Value  number.Float `json:"value"`          // the newest
	Low    number.Float `json:"low"`            // where it was expected; NaN where nothing was expected yet
	High   number.Float `json:"high"`           //
	Points int          `json:"points"`         // values there are
	Since  time.Time    `json:"since,omitzero"` // when it began to be an anomaly; zero = it is none
}

// Lines are the series: anomalies first, then by name.
func (h *History) Lines() []Line {
	var out []Line
	for _, name := range slices.Sorted(maps.Keys(h.Values)) {
		v := h.Values[name]
		l := Line{Series: name, Value: v[len(v)-1], Low: number.Float(math.NaN()), High: number.Float(math.NaN()), Since: h.Firing[name]}
		if b, ok := h.Bands[name]; ok {
			l.Low, l.High = b[0], b[1]
		}
		for _, x := range v {
			if x.Finite() {
				l.Points++
			}
		}
		out = append(out, l)
	}
	slices.SortStableFunc(out, func(a, b Line) int {
		switch {
		case a.Since.IsZero() == b.Since.IsZero():
			return 0
		case b.Since.IsZero():
			return -1
		}
		return 1
	})
	return out
}

// Anomaly is a value that the series does not bear, or, with Over, the return of one.
type Anomaly struct {
	Series string       `json:"series"`
	Value  number.Float `json:"value"`
	Low    number.Float `json:"low"` // where it was expected
	High   number.Float `json:"high"`
	At     time.Time    `json:"at"`
	Over   bool         `json:"over,omitempty"`
}

// Has reports whether a batch was added.
func (h *History) Has(id string) bool { return slices.Contains(h.IDs, id) }

// Add joins a batch to the history and gives what began to be an anomaly with it, or ceased to be one, by name. A batch that is older than the
// newest one, or known, changes nothing. h is changed.
func (h *History) Add(id string, b Batch, p Policy) []Anomaly {
	if h.Has(id) || len(h.At) > 0 && !b.At.After(h.At[len(h.At)-1]) {
		return nil
	}
	h.ready()
	values, sizes := h.figures(b)
	h.At, h.IDs = append(h.At, b.At), append(h.IDs, id)
	n := len(h.At)
	for name := range values {
		if h.Values[name] == nil {
			h.Values[name] = nan(n - 1)
		}
	}
	for name, size := range sizes {
		h.Sizes[name] = append(append(h.Sizes[name], make([]int, max(0, n-1-len(h.Sizes[name])))...), size)
	}
	for name := range h.Sizes {
		if len(h.Sizes[name]) < n {
			h.Sizes[name] = append(h.Sizes[name], 0)
		}
	}
	var out []Anomaly
	odd := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(h.Values)) {
		v, ok := values[name]
		if !ok {
			v = math.NaN()
		}
		h.Values[name] = append(h.Values[name], number.Float(v))
		if math.IsNaN(v) {
			h.mark(name, false)
			continue
		}
		band, known := h.band(name, p)
		delete(h.Bands, name)
		if known {
			h.Bands[name] = [2]number.Float{number.Float(band.Low), number.Float(band.High)}
		}
		if known && !band.Holds(v) {
			odd[name] = true
			if _, firing := h.Firing[name]; !firing {
				h.Firing[name] = b.At
				out = append(out, Anomaly{Series: name, Value: number.Float(v), Low: number.Float(band.Low), High: number.Float(band.High), At: b.At})
			}
		} else if _, firing := h.Firing[name]; firing {
			delete(h.Firing, name)
			out = append(out, Anomaly{Series: name, Value: number.Float(v), Low: number.Float(band.Low), High: number.Float(band.High), At: b.At, Over: true})
		}
		h.mark(name, odd[name])
	}
	h.learn(b, odd, p)
	h.forget()
	return out
}

func (h *History) ready() {
	if h.Values == nil {
		h.Values, h.Sizes, h.Odd, h.Known, h.Firing = map[string][]number.Float{}, map[string][]int{}, map[string][]bool{}, map[string]Known{}, map[string]time.Time{}
	}
	if h.Level == nil {
		h.Level = map[string]time.Time{}
	}
	if h.Bands == nil {
		h.Bands = map[string][2]number.Float{}
	}
}

func nan(n int) []number.Float {
	out := make([]number.Float, n)
	for i := range out {
		out[i] = number.Float(math.NaN())
	}
	return out
}

// mark notes whether the newest value of a series is an anomaly; nothing is kept of a series that never had one.
func (h *History) mark(name string, odd bool) {
	n := len(h.At)
	if o := h.Odd[name]; o != nil || odd {
		h.Odd[name] = append(append(o, make([]bool, max(0, n-1-len(o)))...), odd)
	}
}

// figures are the values of a batch by series, and the sizes by column.
func (h *History) figures(b Batch) (map[string]float64, map[string]int) {
	v, sizes := map[string]float64{Rows: float64(b.Rows)}, map[string]int{"": b.Rows}
	if n := len(h.At); n > 0 && !h.Daily {
		v[Freshness] = b.At.Sub(h.At[n-1]).Hours()
	}
	if b.Rows == 0 {
		return v, sizes
	}
	v[Duplicates] = float64(b.Duplicates) / float64(b.Rows)
	if b.Cells > 0 {
		v[Completeness] = float64(b.Present) / float64(b.Cells)
	}
	for name, k := range h.Known { // a column that was always there and is not any more is wholly missing
		if k.Batches == len(h.At) && !slices.ContainsFunc(b.Columns, func(c Column) bool { return c.Name == name }) && len(b.Columns) < MaxColumns {
			v[Completeness+"/"+name] = 0
		}
	}
	for _, c := range b.Columns {
		v[Completeness+"/"+c.Name] = float64(c.Present) / float64(b.Rows)
		sizes[c.Name] = c.Present
		k, seen := h.Known[c.Name]
		if c.Present == 0 || !seen || k.Numeric != c.Numeric {
			continue
		}
		if c.Numeric && k.Ranged {
			v[Outside+"/"+c.Name] = float64(c.Outside) / float64(c.Present)
		} else if !c.Numeric && !k.Free && !c.Free {
			v[Unseen+"/"+c.Name] = float64(c.Unseen) / float64(c.Present)
		}
	}
	return v, sizes
}

// learn widens what is known by a batch. What was an anomaly teaches nothing until it has become the level.
func (h *History) learn(b Batch, odd map[string]bool, p Policy) {
	for _, c := range b.Columns {
		k, seen := h.Known[c.Name]
		if !seen || k.Numeric != c.Numeric {
			k = Known{Numeric: c.Numeric, Batches: len(h.At) - 1}
			if seen {
				k.Batches = 0
			}
		}
		k.Batches++
		if c.Present > 0 && !odd[Outside+"/"+c.Name] && !odd[Unseen+"/"+c.Name] || h.settled(Outside+"/"+c.Name, p) || h.settled(Unseen+"/"+c.Name, p) {
			switch {
			case c.Present == 0:
			case c.Numeric && !k.Ranged:
				k.Low, k.High, k.Ranged = c.Low, c.High, true
			case c.Numeric:
				k.Low, k.High = min(k.Low, c.Low), max(k.High, c.High)
			case !k.Free:
				k.Levels = union(k.Levels, c.Levels)
				if k.Free = c.Free || len(k.Levels) > MaxLevels; k.Free {
					k.Levels = nil
				}
			}
		}
		h.Known[c.Name] = k
	}
}

// settled reports whether the newest values of a series were anomalies so often in a row that they are the level.
func (h *History) settled(name string, p Policy) bool { return h.run(name, len(h.At)) >= p.Accept }

// run is how many values of a series before the end-th were anomalies in a row.
func (h *History) run(name string, end int) int {
	o, n := h.Odd[name], 0
	for i := min(end, len(o)) - 1; i >= 0 && o[i]; i-- {
		n++
	}
	return n
}

// band is where the newest value of a series was expected by those before it that were no anomalies.
func (h *History) band(name string, p Policy) (Band, bool) {
	all, n := h.Values[name], len(h.At)-1
	family, column, _ := strings.Cut(name, "/")
	h.accept(name, n, p)
	from := 0
	if since, ok := h.Level[name]; ok {
		from, _ = slices.BinarySearchFunc(h.At, since, time.Time.Compare)
	}
	var past, filled []float64 // filled keeps the season's beat: in the place of a gap or an anomaly stands the value of the season before
	size := 0
	for i := from; i < n; i++ {
		odd := i < len(h.Odd[name]) && h.Odd[name][i]
		v := float64(all[i])
		if !math.IsNaN(v) && !odd {
			past = append(past, v)
			if s := h.Sizes[column]; i < len(s) {
				size += s[i]
			}
		} else if at := len(filled) - p.Season; p.Season > 0 && at >= 0 {
			v = filled[at]
		}
		filled = append(filled, v)
	}
	if !h.Daily || p.Season == 0 || slices.ContainsFunc(filled, math.IsNaN) {
		filled = nil
	}
	value := float64(all[n])
	if r, ok := p.rule(name, family); ok {
		s := r.strategy()
		if s == nil {
			return open, false
		}
		return s.Band(append(past, value))
	}
	least := p.MinPoints
	if from > 0 {
		least = min(least, p.Accept)
	}
	if len(past) < least {
		return open, false
	}
	now := 0
	if s := h.Sizes[column]; n < len(s) {
		now = s[n]
	}
	if family == Completeness { // of all rows, not only of those with a value
		now, size = h.Sizes[""][n], 0
		for i := from; i < n; i++ {
			size += h.Sizes[""][i]
		}
	}
	return p.expect(family, past, filled, now, size), true
}

// accept takes anomalies that stayed for the level: the n-th value is compared with them, and with nothing before.
func (h *History) accept(name string, n int, p Policy) {
	r := h.run(name, n)
	if r < p.Accept {
		return
	}
	h.Level[name] = h.At[n-r]
	for i := n - r; i < n; i++ {
		h.Odd[name][i] = false
	}
}

func (p Policy) rule(name, family string) (Rule, bool) {
	r, ok := p.Series[name]
	if !ok {
		r, ok = p.Series[family]
	}
	return r, ok
}

// forget keeps the history within its bounds.
func (h *History) forget() {
	keep := min(MaxPoints, max(30, maxValues/max(1, len(h.Values))))
	drop := len(h.At) - keep
	if drop <= 0 {
		return
	}
	h.At, h.IDs = slices.Clone(h.At[drop:]), slices.Clone(h.IDs[drop:])
	for name, v := range h.Values {
		v = slices.Clone(v[drop:])
		if !slices.ContainsFunc(v, number.Float.Finite) { // the column has long been gone
			delete(h.Values, name)
			delete(h.Odd, name)
			delete(h.Firing, name)
			delete(h.Bands, name)
			delete(h.Level, name)
			continue
		}
		h.Values[name] = v
		if o := h.Odd[name]; len(o) > drop {
			h.Odd[name] = slices.Clone(o[drop:])
		} else {
			delete(h.Odd, name)
		}
	}
	for name, s := range h.Sizes {
		h.Sizes[name] = slices.Clone(s[drop:])
	}
}
