package tree

// partition moves the rows that go left to the front, keeping the order on both sides, and returns how many they are. Ranges are
// parted side by side and then brought together.
func (t *Grower) partition(from, to int, s *split) int {
	right := s.sides(&t.features[s.feature])
	bins, rows, spare := t.bins[s.feature], t.order[from:to], t.spare[from:to]
	type part struct{ from, left, past int }
	parts := make([]part, 1)
	if len(rows) >= least {
		parts = make([]part, t.threads)
	}
	Parallel(len(parts), t.threads, len(rows), func(first, last int) {
		for p := first; p < last; p++ {
			a, b := len(rows)*p/len(parts), len(rows)*(p+1)/len(parts)
			parts[p] = part{a, a + divide(rows[a:b], spare[a:b], bins, &right), b}
		}
	})
	left := 0
	for _, p := range parts {
		left += copy(rows[left:], rows[p.from:p.left])
	}
	at := left
	for _, p := range parts {
		at += copy(rows[at:], spare[p.from:p.from+p.past-p.left])
	}
	return left
}

// divide leaves the rows that go left at the front of rows and puts the others into spare. A row is written to both places and only the
// place that is right moves on: there is no branch to mispredict.
func divide(rows, spare []int32, bins []uint8, right *[256]uint8) int {
	left, away := 0, 0
	for _, r := range rows {
		c := int(right[bins[r]])
		rows[left], spare[away] = r, r
		left += 1 - c
		away += c
	}
	return left
}
