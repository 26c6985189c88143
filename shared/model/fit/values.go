package fit

import "math"

// Values are those of one feature, one a row, in one of three forms. They are not written to: they may be the table's own.
type Values struct {
	Float  []float64 // as model.Predictor reads them
	Single []float32 // the same in half the memory, of those who have no more digits
	Code   []int32   // a category's codes in the table; negative = missing
	Level  []float64 // what each of these codes is to model.Predictor

	rows []int32 // which rows of these they are, in this order; nil = all
}

// Len is the number of rows.
func (v *Values) Len() int {
	if v.rows != nil {
		return len(v.rows)
	}
	return max(len(v.Float), len(v.Single), len(v.Code))
}

// At is the value of row i.
func (v *Values) At(i int) float64 {
	if v.rows != nil {
		i = int(v.rows[i])
	}
	switch {
	case v.Float != nil:
		return v.Float[i]
	case v.Single != nil:
		return float64(v.Single[i])
	case v.Code[i] < 0:
		return math.NaN()
	}
	return v.Level[v.Code[i]]
}

// read gives the values of all rows: as they are where they lie side by side, else written to buffer, or to a new slice when that has not
// the length.
func (v *Values) read(buffer []float64) []float64 {
	if v.rows == nil && v.Float != nil {
		return v.Float
	}
	if len(buffer) != v.Len() {
		buffer = make([]float64, v.Len())
	}
	switch {
	case v.rows != nil && v.Float != nil:
		for i, r := range v.rows {
			buffer[i] = v.Float[r]
		}
	case v.rows == nil && v.Single != nil:
		for i, x := range v.Single {
			buffer[i] = float64(x)
		}
	default:
		for i := range buffer {
			buffer[i] = v.At(i)
		}
	}
	return buffer
}

// taker takes the same rows of one column after the other. Columns that were taken together before share the list of their rows.
type taker struct {
	rows      []int
	from, got []int32 // the last list that was taken from, and what came of it
}

// view are the rows of v, without copying values.
func (t *taker) view(v *Values) Values {
	if t.got == nil || !one(t.from, v.rows) {
		t.from, t.got = v.rows, make([]int32, len(t.rows))
		for i, r := range t.rows {
			if v.rows != nil {
				r = int(v.rows[r])
			}
			t.got[i] = int32(r)
		}
	}
	out := *v
	out.rows = t.got
	return out
}

// one reports whether two lists are one.
func one(a, b []int32) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// copy are the rows of v in memory of their own.
func (t *taker) copy(v *Values) Values {
	out := make([]float64, len(t.rows))
	for i, r := range t.rows {
		out[i] = v.At(r)
	}
	return Values{Float: out}
}
