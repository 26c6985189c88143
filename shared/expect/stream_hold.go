package expect

import (
	"cmp"
	"math"
	"slices"
	"sync/atomic"

	"mlops/shared/dataset"
)

// holder keeps columns of a table as it is read, for what cannot be asked a batch at a time.
type holder struct {
	wanted []bool // by column
	most   int    // rows, beyond which nothing is kept
	rows   *atomic.Int64
	coders []coder
	runs   []heldRun
}

// heldRun is a run of rows; of a column of texts it has codes of the holder's coder.
type heldRun struct {
	first, rows int
	columns     []dataset.Column
	holder      *holder
}

func newHolder(wanted []bool, most int, rows *atomic.Int64) *holder {
	return &holder{wanted: wanted, most: most, rows: rows, coders: make([]coder, len(wanted))}
}

func (k *holder) add(b dataset.Batch) {
	if k.rows.Add(int64(b.Frame.Rows())) > int64(k.most) {
		k.runs, k.coders = nil, make([]coder, len(k.wanted))
		return
	}
	run := heldRun{first: b.First, rows: b.Frame.Rows(), columns: make([]dataset.Column, len(k.wanted)), holder: k}
	for i := range k.wanted {
		c := &b.Frame.Columns[i]
		if !k.wanted[i] {
			continue
		}
		if c.Kind == dataset.Numeric {
			run.columns[i].Float = slices.Clone(c.Float)
			continue
		}
		k.coders[i].use(c.Levels)
		code := make([]int32, len(c.Code))
		for j, v := range c.Code {
			if code[j] = -1; v >= 0 {
				code[j] = k.coders[i].rank[v]
			}
		}
		run.columns[i].Code = code
	}
	k.runs = append(k.runs, run)
}

// held is the table of what holders kept. A column that was not wanted is there by its name, with all values missing.
func held(h dataset.Heading, holders []*holder) *dataset.Frame {
	var runs []heldRun
	rows := 0
	for _, k := range holders {
		runs = append(runs, k.runs...)
		k.runs = nil
	}
	slices.SortFunc(runs, func(a, b heldRun) int { return cmp.Compare(a.first, b.first) })
	for _, r := range runs {
		rows += r.rows
	}
	var gap dataset.Column
	f := hollow(h)
	for i := range f.Columns {
		c := &f.Columns[i]
		switch {
		case !holders[0].wanted[i]:
			if gap.Float == nil {
				gap.Float = slices.Repeat([]float64{math.NaN()}, rows)
			}
			*c = dataset.Column{Name: c.Name, Float: gap.Float}
		case c.Kind == dataset.Numeric:
			v := make([]float64, 0, rows)
			for j := range runs {
				v = append(v, runs[j].columns[i].Float...)
				runs[j].columns[i].Float = nil
			}
			*c = dataset.NumericColumn(c.Name, v)
		default:
			c.Code, c.Levels = joinTexts(runs, i, rows, holders)
		}
	}
	return f
}

// joinTexts puts the codes of all holders into those of one dictionary.
func joinTexts(runs []heldRun, i, rows int, holders []*holder) ([]int32, []string) {
	var levels []string
	for _, k := range holders {
		levels = append(levels, k.coders[i].texts...)
	}
	slices.Sort(levels)
	levels = slices.Compact(levels)
	ranks := map[*holder][]int32{}
	for _, k := range holders {
		rank := make([]int32, len(k.coders[i].texts))
		for j, text := range k.coders[i].texts {
			at, _ := slices.BinarySearch(levels, text)
			rank[j] = int32(at)
		}
		ranks[k] = rank
	}
	code := make([]int32, 0, rows)
	for j := range runs {
		rank := ranks[runs[j].holder]
		for _, v := range runs[j].columns[i].Code {
			if v >= 0 {
				v = rank[v]
			}
			code = append(code, v)
		}
		runs[j].columns[i].Code = nil
	}
	return code, levels
}
