package fit

import "math"

// Twins tells for each row the first row that has the same features, which is the row itself where there is none before it. Two missing
// values are the same, and so are 0 and -0.
func (d *Data) Twins() []int32 {
	hash, buffer := make([]uint64, d.Rows), make([]float64, d.Rows)
	for j := range d.Columns {
		for i, v := range d.Columns[j].read(buffer) {
			h := (hash[i] ^ math.Float64bits(v+0)) * 0x9e3779b97f4a7c15
			hash[i] = h ^ h>>29
		}
	}
	size := 4
	for size < 2*d.Rows {
		size *= 2
	}
	seen := make([]int32, size) // 1 + a row at the first free place from its hash on
	first := make([]int32, d.Rows)
	for i, h := range hash {
		at := int(h>>20) & (size - 1)
		for seen[at] > 0 && !(hash[seen[at]-1] == h && d.alike(int(seen[at]-1), i)) {
			at = (at + 1) & (size - 1)
		}
		if seen[at] == 0 {
			seen[at] = int32(i + 1)
		}
		first[i] = seen[at] - 1
	}
	return first
}

// alike compares two rows.
func (d *Data) alike(a, b int) bool {
	for j := range d.Columns {
		if math.Float64bits(d.Columns[j].At(a)+0) != math.Float64bits(d.Columns[j].At(b)+0) {
			return false
		}
	}
	return true
}
