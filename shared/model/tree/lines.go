package tree

// lineFeatures is how many features a block of lines has at most: 64 bytes are a line of the processor's cache.
const lineFeatures = 64

// lines are the bins of up to 64 features, row after row: what a histogram of all features needs of a row lies in one or two lines of the
// cache, where columns are spread over one each.
type lines struct {
	first, features int        // features first .. first+features-1
	words           int        // of eight features, in a row
	bins            [][8]uint8 // word w of row i at i*words+w; places beyond the last feature are 0
}

// rowMajor copies the bins of all features into lines.
func (t *Table) rowMajor(threads int) []lines {
	var out []lines
	for first := 0; first < len(t.features); first += lineFeatures {
		n := min(lineFeatures, len(t.features)-first)
		l := lines{first: first, features: n, words: (n + 7) / 8}
		l.bins = make([][8]uint8, t.rows*l.words)
		out = append(out, l)
	}
	const block = 1 << 10 // rows at a time: their lines stay in the cache until the last column is copied
	Parallel((t.rows+block-1)/block, threads, t.rows*len(t.features), func(from, to int) {
		for from, to := from*block, min(to*block, t.rows); from < to; from += block {
			for i := range out {
				out[i].copy(t.bins, from, min(from+block, to))
			}
		}
	})
	return out
}

// copy fills rows from..to-1.
func (l *lines) copy(columns [][]uint8, from, to int) {
	for j := range l.features {
		at := from*l.words + j/8
		for _, bin := range columns[l.first+j][from:to] {
			l.bins[at][j%8] = bin
			at += l.words
		}
	}
}
