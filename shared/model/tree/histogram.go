package tree

import (
	"slices"
	"sync"
)

// cell sums the gradients and second derivatives of the rows in one bin.
type cell struct{ g, h float64 }

// histogram holds the packed cells of every feature, see fixed.
type histogram []int64

// Sums is the pair of gradient and second derivative of every row, side by side.
type Sums [][2]float32

// chunk is how many rows are brought near before they are summed: their bins and gradients stay in the first cache.
const chunk = 512

// bench is what one goroutine sums in.
type bench struct {
	cells  [lineFeatures / 8][8][256]int64 // of a block's features; all zero between uses
	bins   [gathered][chunk][8]uint8
	packed [chunk]int64
	open   []cell // a feature's cells dequantised
}

// benches are handed from one goroutine to the next.
type benches struct {
	sync.Mutex
	free []*bench
}

func (b *benches) take() *bench {
	b.Lock()
	defer b.Unlock()
	if n := len(b.free); n > 0 {
		w := b.free[n-1]
		b.free = b.free[:n-1]
		return w
	}
	return &bench{open: make([]cell, 256)}
}

func (b *benches) give(w *bench) {
	b.Lock()
	b.free = append(b.free, w)
	b.Unlock()
}

// build sums rows into h. Whole numbers do not mind in which order: blocks of features and ranges of rows are summed side by side.
func (t *Grower) build(h histogram, rows []int32) {
	clear(h)
	parts := 1
	if len(t.lines) < 2*t.threads {
		parts = t.threads
	}
	var joining sync.Mutex
	Parallel(parts*len(t.lines), t.threads, len(rows)*len(t.features), func(from, to int) {
		w := t.benches.take()
		for task := from; task < to; {
			l := &t.lines[task/parts]
			past := min(to, (task/parts+1)*parts) // the parts of one block that are ours lie side by side
			first, last := task%parts, past-task/parts*parts
			w.sum(l, rows[len(rows)*first/parts:len(rows)*last/parts], t.packed)
			joining.Lock()
			w.empty(l, t.Table, h)
			joining.Unlock()
			task = past
		}
		t.benches.give(w)
	})
}

// gathered is how many words of a row are brought near at once.
const gathered = 4

// sum adds rows to the cells of a block's features.
func (w *bench) sum(l *lines, rows []int32, packed []int64) {
	for some := range slices.Chunk(rows, chunk) {
		for i, r := range some {
			w.packed[i&(chunk-1)] = packed[r]
		}
		for k := 0; k < l.words; k += gathered {
			w.gather(l, k, some)
			for g := range min(gathered, l.words-k) {
				if l.features-8*(k+g) <= 4 {
					sum4(&w.cells[k+g], &w.bins[g], &w.packed, len(some))
				} else {
					sum8(&w.cells[k+g], &w.bins[g], &w.packed, len(some))
				}
			}
		}
	}
}

// gather brings words of each row near. It does nothing else, so that many rows are waited for at once.
func (w *bench) gather(l *lines, word int, rows []int32) {
	bins, words := l.bins[word:], l.words
	if words-word >= gathered {
		for i, r := range rows {
			p, i := bins[int(r)*words:][:gathered], i&(chunk-1)
			w.bins[0][i], w.bins[1][i], w.bins[2][i], w.bins[3][i] = p[0], p[1], p[2], p[3]
		}
		return
	}
	for g := range words - word {
		near := &w.bins[g&(gathered-1)]
		for i, r := range rows {
			near[i&(chunk-1)] = bins[int(r)*words+g]
		}
	}
}

// sum8 is the kernel, where training spends its time: eight features of n rows.
func sum8(h *[8][256]int64, bins *[chunk][8]uint8, packed *[chunk]int64, n int) {
	for i := range min(n, chunk) {
		b, v := &bins[i], packed[i]
		h[0][b[0]] += v
		h[1][b[1]] += v
		h[2][b[2]] += v
		h[3][b[3]] += v
		h[4][b[4]] += v
		h[5][b[5]] += v
		h[6][b[6]] += v
		h[7][b[7]] += v
	}
}

// sum4 is the kernel for a word of at most four features.
func sum4(h *[8][256]int64, bins *[chunk][8]uint8, packed *[chunk]int64, n int) {
	for i := range min(n, chunk) {
		b, v := &bins[i], packed[i]
		h[0][b[0]] += v
		h[1][b[1]] += v
		h[2][b[2]] += v
		h[3][b[3]] += v
	}
}

// empty adds the cells of a block's features to h and leaves zeros.
func (w *bench) empty(l *lines, t *Table, h histogram) {
	for j := range l.features {
		b := &t.features[l.first+j]
		from, to := w.cells[j/8][j%8][:b.size()], h[b.at:b.at+b.size()]
		for i, v := range from {
			to[i] += v
		}
		clear(from)
	}
	for j := l.features; j < 8*l.words; j++ { // places without a feature summed the padding
		w.cells[j/8][j%8][0] = 0
	}
}

// dequantise is a feature's part of a histogram as numbers, good until the next call.
func (w *bench) dequantise(f *fixed, packed []int64) []cell {
	for i, v := range packed {
		w.open[i] = f.sum(v)
	}
	return w.open[:len(packed)]
}

// subtract takes o's cells from h's, which leaves the other child's: half of all histograms cost no pass over rows.
func (h histogram) subtract(o histogram) {
	o = o[:len(h)]
	for i := range h {
		h[i] -= o[i]
	}
}
