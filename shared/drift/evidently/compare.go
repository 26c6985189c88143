package evidently

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"mlops/shared/fault"
)

// Format is which report of Evidently's an answer is, and so by which rules columns get their types.
type Format string

// The formats.
const (
	Plain    Format = "report"   // drift_by_columns, with everything known; columns as in 0.7
	Snapshot Format = "snapshot" // what 0.7's Report([DataDriftPreset()]).run(..).json() gives
	AsDict   Format = "as_dict"  // what the legacy Report(metrics=[DataDriftPreset()]).as_dict() gave; columns as before 0.7
)

// Formats in the order in which they are offered.
var Formats = []Format{Plain, Snapshot, AsDict}

// result is a column with what was found.
type result struct {
	planned
	value   evaluation // infinities dropped: what 0.7 calls ValueDrift
	counted evaluation // as Evidently counts drifted columns; it differs from value only where a sample has an infinity and no missing value
	notes   []string
	ref     *distribution
	cur     *distribution
}

// evaluation is one test of one column.
type evaluation struct {
	method     *method // nil where the column came to no test
	threshold  float64
	score      float64 // NaN where there is none
	drifted    bool
	nRef, nCur int
	err        error // why there is no score
	unmade     bool  // err is not Evidently's: it would have given a score
}

// Comparison is what Compare found. Report, Snapshot and AsDict write it.
type Comparison struct {
	config     Config
	results    []result
	left       []LeftOut
	nRef, nCur int // rows
}

// Compare compares two tables as Evidently does, columns in parallel, and needs no more room than two more copies of one column for each thread. It
// lets go of each column's values when it takes it up: the tables must not be used afterwards.
//
// The error, Invalid, names every choice in o that is none, and an empty table. What is wrong with one column is that column's result.
func Compare(ref, cur *Table, o Config, f Format) (*Comparison, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if !slices.Contains(Formats, f) {
		return nil, fault.Invalidf("compare as %q: the formats are %q", f, Formats)
	}
	if ref.Rows == 0 || cur.Rows == 0 {
		return nil, fault.Invalidf("compare tables of %d and %d rows: both need at least one", ref.Rows, cur.Rows)
	}
	if err := o.against(ref, cur); err != nil {
		return nil, err
	}
	plan := o.plan
	if f == AsDict {
		plan = o.planLegacy
	}
	todo, left := plan(ref, cur)
	c := &Comparison{config: o, results: make([]result, len(todo)), left: left, nRef: ref.Rows, nCur: cur.Rows}
	each(len(todo), func(i int, s *sorter) {
		r := &c.results[i]
		r.planned = todo[i]
		r.compare(ref.column(r.name), cur.column(r.name), &o, f, s)
	})
	return c, nil
}

// each calls f for 0 to n-1 on as many threads as there are, each with a sorter of its own.
func each(n int, f func(int, *sorter)) {
	next := make(chan int)
	var wait sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			s := &sorter{}
			for i := range next {
				f(i, s)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wait.Wait()
}

// compare judges one column.
func (r *result) compare(ref, cur *Column, o *Config, f Format, s *sorter) {
	if err := barred(r.planned, ref, cur); err != nil {
		r.value = evaluation{score: math.NaN(), threshold: math.NaN(), err: err}
		r.counted = r.value
		return
	}
	ref.sorted, cur.sorted = s.joined(0, ref), s.joined(1, cur)
	p := pair{kind: r.kind, ref: newSample(ref, true), cur: newSample(cur, true)}
	r.value = p.evaluate(r.planned, o)
	r.counted = r.value
	raw := pair{kind: r.kind, ref: newSample(ref, ref.Missing > 0), cur: newSample(cur, cur.Missing > 0)}
	if raw.infinite() {
		r.counted = raw.evaluate(r.planned, o)
	}
	r.note(&p, &raw)
	if f == AsDict {
		r.ref, r.cur = distributions(r.kind, ref, cur)
	}
	ref.sorted, cur.sorted = nil, nil
}

// barred is why Evidently cannot take up the column at all.
func barred(p planned, ref, cur *Column) error {
	switch {
	case ref == nil:
		return fmt.Errorf("cannot find column '%s' in reference dataset", p.name)
	case cur == nil:
		return fmt.Errorf("cannot find column '%s' in current dataset", p.name)
	case p.kind == unknown:
		return errors.New("the column has no type that drift is measured of")
	}
	return nil
}

// evaluate chooses the test and makes it.
func (p *pair) evaluate(of planned, o *Config) (e evaluation) {
	e = evaluation{nRef: p.ref.n, nCur: p.cur.n, score: math.NaN(), threshold: math.NaN()}
	for _, side := range []struct {
		n    int
		name string
	}{{p.ref.n, "reference"}, {p.cur.n, "current"}} {
		if side.n == 0 {
			e.err = fmt.Errorf("an empty column '%s' was provided for drift calculation in the %s dataset", of.name, side.name)
			return e
		}
	}
	if e.err = p.wantNumbers(of.name); e.err != nil {
		return e
	}
	if name := o.method(of); name == "" {
		e.method = defaultMethod(p)
	} else {
		e.method, e.err = selected(name, of.kind)
	}
	e.threshold = e.method.threshold
	if chosen := o.threshold(of); chosen != nil {
		e.threshold = *chosen
	}
	if e.err != nil {
		return e
	}
	if e.method.score == nil {
		e.err, e.unmade = errors.New("drift of free text is not reproduced: Evidently trains a classifier whose answer no other program can repeat; "+
			"name the column in categorical_columns to compare its texts as categories"), true
		return e
	}
	score := e.method.score
	if p.infinite() && e.method.infinite != nil {
		score = e.method.infinite
	}
	if e.score, e.err = score(p); e.err != nil {
		e.score = math.NaN()
	}
	e.drifted = e.err == nil && e.method.drifted(e.score, e.threshold)
	return e
}

// note says what is odd about the column's numbers.
func (r *result) note(p, raw *pair) {
	if raw.infinite() && (r.counted.drifted != r.value.drifted || !same(r.counted.score, r.value.score)) {
		r.notes = append(r.notes, "infinite values: Evidently drops them from the column's score, and, since no value is missing beside them, not where it counts drifted columns")
	}
	if p.mixed() {
		r.notes = append(r.notes, "one file has numbers, the other texts: no value of one equals any of the other")
	}
	if m := r.value.method; m != nil && r.kind == Numerical && slices.Equal(m.types, ofLevels) && m != defaultMethod(p) {
		r.notes = append(r.notes, "Evidently refuses this test of a numerical column to those who ask for it")
	}
}

func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
