// Package evidently gives the drift verdict of Evidently 0.7.21 with its numbers and under its names, so that a team can move over and compare:
// which type a column has, which test is its default, the threshold, the flag, the share of drifted columns, and the JSON, quirks included.
// The tests themselves lie in stattest. What differs on purpose: where Evidently raises, and so gives no report at all, that column's result
// is the error, and the others are judged; and the drift of free text, which rests on a random classifier, is named as not reproduced.
//
// Source of the rules: github.com/evidentlyai/evidently, release 0.7.21, and what it answers with pandas 1.5 and SciPy 1.10.
package evidently

import "mlops/shared/dataset"

// Version is the release of Evidently whose verdict this is.
const Version = "0.7.21"

// DType is how pandas' read_csv holds a column; Evidently's rules start from it.
type DType uint8

// The dtypes that a CSV file leads to.
const (
	Float  DType = iota // numbers of which one has a point, an exponent or an infinity, or with gaps; also a column without any value
	Int                 // whole numbers without gaps
	Bool                // True and False without gaps
	Object              // True and False with gaps: an object column that holds no texts
	Text                // texts
)

// Column is one column of a table as the comparison needs it.
type Column struct {
	Name    string
	DType   DType
	Missing int         // rows without a value
	Values  [][]float64 // Float and Int: the present values, infinities included, in pieces and in any order; Compare lets go of them
	Levels  []string    // other dtypes: distinct, ascending by bytes
	Counts  []int       // rows of each level; a level may have none

	sorted []float64 // the values while Compare is at the column
}

// Table is one side of a comparison.
type Table struct {
	Rows    int
	Columns []Column
}

// column is the column called name, or nil.
func (t *Table) column(name string) *Column {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

// names are the columns' names in order.
func (t *Table) names() []string {
	names := make([]string, len(t.Columns))
	for i := range t.Columns {
		names[i] = t.Columns[i].Name
	}
	return names
}

// missing are the texts that pandas 2 reads as "no value".
var missing = []string{"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN",
	"None", "n/a", "nan", "null"}

// Options are how to read a file as pandas.read_csv does by default: its texts for "no value", and infinities are values.
func Options() dataset.Options { return dataset.Options{Missing: missing, Infinite: true} }

// truth is what pandas reads as a truth value.
var truth = map[string]int{"False": 0, "FALSE": 0, "false": 0, "True": 1, "TRUE": 1, "true": 1}

// readTruths turns a column of nothing but truth values into what pandas makes of it.
func (c *Column) readTruths() {
	var counts [2]int
	for i, level := range c.Levels {
		k, is := truth[level]
		if !is {
			return
		}
		counts[k] += c.Counts[i]
	}
	c.DType = Bool
	if c.Missing > 0 {
		c.DType = Object
	}
	c.Levels, c.Counts = []string{"False", "True"}, counts[:]
}

// present is how many rows have a value.
func (c *Column) present() int {
	if c.numbers() {
		return c.numbersPresent()
	}
	n := 0
	for _, k := range c.Counts {
		n += k
	}
	return n
}

func (c *Column) numbersPresent() int {
	n := len(c.sorted)
	for _, piece := range c.Values {
		n += len(piece)
	}
	return n
}

// numbers reports whether the column holds numbers.
func (c *Column) numbers() bool { return c.DType == Float || c.DType == Int }

// moreThan reports whether the column has more than limit distinct values; it looks no further than it must.
func (c *Column) moreThan(limit int) bool {
	if !c.numbers() {
		n := 0
		for _, k := range c.Counts {
			n += min(k, 1)
		}
		return n > limit
	}
	seen := make(map[float64]bool, limit+1)
	for _, piece := range c.Values {
		for _, v := range piece {
			if seen[v] = true; len(seen) > limit {
				return true
			}
		}
	}
	return false
}
