package fit

import (
	"math/rand/v2"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/model/tree"
)

// stage is how far boosting has come: the raw scores of every row, and what the loss makes of them.
type stage struct {
	*loss
	d       *Data // with the weights that count: 0 where a row is held out
	y       []float64
	alpha   float64 // of the loss
	level   float64 // of the quantile that leaves or the start aim at
	rate    float64
	threads int
	base    []float64 // of each score
	scale   float64   // what gradients are divided by: squared loss sees the target standardised; else 1
	score   []float64 // by score, then row
	p       []float64 // softmax: probabilities, by class, then row
	delta   float64   // huber
	bent    float64   // huber: the first delta
	sums    tree.Sums
	rows    []int32   // those that are learnt from: not held out, of positive weight
	held    []int32   // those that early stopping listens to
	ear     []float64 // their weights
}

// newStage starts from the best constant scores for the rows that are not held out.
func newStage(b *Boosting, d *Data, held []int32, threads int) *stage {
	s := &stage{loss: b.loss(), d: d, y: d.Labels.Y, alpha: b.Alpha, level: 0.5, rate: b.LearningRate, threads: max(1, threads), scale: 1,
		score: make([]float64, d.Rows*d.outputs()), sums: make(tree.Sums, d.Rows), held: held}
	if s.name == "quantile" {
		s.level = b.Alpha
	}
	s.holdOut()
	for i := range d.Rows {
		if s.d.weight(i) > 0 {
			s.rows = append(s.rows, int32(i))
		}
	}
	switch d.Labels.Task {
	case dataset.Regression:
		_, s.scale = s.d.moments()
	case dataset.Multiclass:
		s.p = make([]float64, len(s.score))
	}
	s.base = s.start(s)
	for k, v := range s.base {
		for i := range d.Rows {
			s.score[k*d.Rows+i] = v
		}
	}
	return s
}

// holdOut takes the held rows' weights off the data and keeps them apart.
func (s *stage) holdOut() {
	if len(s.held) == 0 {
		return
	}
	train := *s.d
	train.Weight = make([]float64, s.d.Rows)
	for i := range train.Weight {
		train.Weight[i] = s.d.weight(i)
	}
	for _, r := range s.held {
		s.ear = append(s.ear, train.Weight[r])
		train.Weight[r] = 0
	}
	s.d = &train
}

// gradients writes the derivatives by score k of every row's weighted loss.
func (s *stage) gradients(k int) {
	n, weight := s.d.Rows, s.d.Weight
	tree.Parallel(n, s.threads, 8*n, func(from, to int) {
		s.derive(s, k, from, to)
		if weight == nil {
			return
		}
		for i := from; i < to; i++ {
			s.sums[i][0] = float32(float64(s.sums[i][0]) * weight[i])
			s.sums[i][1] = float32(float64(s.sums[i][1]) * weight[i])
		}
	})
}

// heldLoss is the mean loss of the held rows.
func (s *stage) heldLoss() float64 {
	var sum, weight float64
	for i, r := range s.held {
		if s.ear[i] > 0 {
			sum += float64(s.ear[i] * s.of(s, int(r)))
			weight += s.ear[i]
		}
	}
	return sum / weight
}

// sample parts the rows that count into those of the next tree, each with probability share, and the rest, whose scores the tree changes
// too. All rows of the data are nil.
func (s *stage) sample(random *rand.Rand, share float64) (rows, rest []int32) {
	if share >= 1 && len(s.rows) == s.d.Rows {
		return nil, nil
	}
	rest = append(rest, s.held...)
	for _, r := range s.rows {
		if share >= 1 || random.Float64() < share {
			rows = append(rows, r)
		} else {
			rest = append(rest, r)
		}
	}
	if len(rows) == 0 { // of a few rows chance may take none
		return s.rows, s.held
	}
	slices.Sort(rest)
	return rows, rest
}

// leaf is how the loss gives leaves their values; nil = by their steps.
func (s *stage) leaf() tree.Value {
	if s.value == nil {
		return nil
	}
	return func(rows []int32, step float64) float64 { return s.rate * s.value(s, rows, step) }
}
