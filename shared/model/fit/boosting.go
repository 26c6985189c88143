package fit

import (
	"math"
	"math/rand/v2"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/tree"
)

// Boosting fits gradient boosted trees on histograms, leaf-wise, in the manner of LightGBM (G. Ke et al., "LightGBM: a highly efficient
// gradient boosting decision tree", 2017): one tree a round, or one a class if they are more than two. Missing values and categories are split
// natively. The losses stand in losses.
//
// A zero field is left to the size of the table, the task or the loss; see Resolve.
type Boosting struct {
	Trees        int     // rounds, in [1, 10,000]
	Leaves       int     // of a tree, at most, in [2, 4,096]
	Depth        int     // splits above a leaf, at most, in [1, 128]
	LearningRate float64 // share of each step that is taken, in (0, 1]
	L1           float64 // penalty on the magnitude of leaf values, in [0, 1e6]. Squared and Huber loss see values in units of the target's deviation
	L2           float64 // penalty on their squares, in [0, 1e6]; negative = none
	MinLeaf      int     // rows in a leaf, at least, in [1, 1e6]
	MinHessian   float64 // second derivatives in a leaf, at least; 0 = 1e-3
	Bins         int     // of a numeric feature, in [2, 255]
	Subsample    float64 // share of rows that each tree sees, in (0, 1]
	FeatureShare float64 // share of features that each tree may ask, in (0, 1]

	Loss  string  // logistic, softmax, squared, absolute, huber, quantile or poisson; "" = the task's usual one, the first of these
	Alpha float64 // of quantile loss: which quantile; of Huber loss: the share of residuals that count by their squares; in (0, 1)

	// Monotone is 1 for numeric features with which the prediction must not fall, -1 for those with which it must not rise, others and missing
	// values being what they may.
	Monotone map[string]int
	// Interactions are groups of features: those asked on the way to a leaf lie in one group together, so that the score is a sum of functions of one
	// group each. Features that no group names make up another one.
	Interactions [][]string

	ClassWeight ClassWeight

	EarlyStopping   int     // rounds without a better loss on held-out rows after which no more trees are grown; 0 = all are
	ValidationShare float64 // of rows held out for that, in (0, 0.5]
}

// mostMemory is how many bytes histograms may take.
const mostMemory = 2 << 30

// Algorithm is "boosting".
func (Boosting) Algorithm() string { return "boosting" }

// Complexity grows with the number of leaves.
func (b Boosting) Complexity() int {
	b = b.resolve(dataset.Binary, 0)
	return 10_000 + b.Trees*b.Leaves
}

// resolve fills the fields that are left to the table's size. Defaults of 31 leaves and rate 0.1, LightGBM's, overfit tables of a few
// hundred rows: they cost 0.01 to 0.03 AUC and a quarter more log loss on five public sets than small trees, slow steps and a penalty.
// Squared loss bears larger trees than log loss at every size.
func (b Boosting) resolve(task dataset.Task, rows int) Boosting {
	d := Boosting{Trees: 100, Leaves: 31, LearningRate: 0.1, MinLeaf: 20, L2: -1}
	switch value := task == dataset.Regression; {
	case value && rows < 1_000:
		d = Boosting{Trees: 200, Leaves: 7, LearningRate: 0.05, MinLeaf: 10, L2: 1}
	case value && rows < 2_000:
		d = Boosting{Trees: 200, Leaves: 15, LearningRate: 0.05, MinLeaf: 10, L2: 1}
	case value && rows < 10_000:
		d = Boosting{Trees: 200, Leaves: 31, LearningRate: 0.05, MinLeaf: 20, L2: 1}
	case !value && rows < 4_000:
		d = Boosting{Trees: 100, Leaves: 7, LearningRate: 0.05, MinLeaf: 10, L2: 1}
	case !value && rows < 10_000:
		d = Boosting{Trees: 150, Leaves: 15, LearningRate: 0.07, MinLeaf: 20, L2: 1}
	}
	fill(&b.Trees, d.Trees)
	fill(&b.Leaves, d.Leaves)
	fill(&b.LearningRate, d.LearningRate)
	fill(&b.L2, d.L2)
	fill(&b.MinLeaf, d.MinLeaf)
	fill(&b.MinHessian, 1e-3)
	fill(&b.Bins, tree.MostBins)
	fill(&b.Subsample, 1)
	fill(&b.FeatureShare, 1)
	if b.Loss == "" {
		b.Loss = usualLoss(task)
	}
	if l := b.loss(); l != nil {
		fill(&b.Alpha, l.alpha)
	}
	if b.EarlyStopping > 0 {
		fill(&b.ValidationShare, 0.1) // LightGBM and scikit-learn leave the choice open, and hold out as much where they choose
	}
	return b
}

// fill sets a field that is 0.
func fill[T int | float64](field *T, v T) {
	if *field == 0 {
		*field = v
	}
}

// Fit adds one tree after the other, each a step down the loss's gradient.
//
// With EarlyStopping a part of the rows, stratified by class or value, groups undivided, in data ordered by time the last rows, is held out: when the
// mean loss on it has not become less for so many rounds, the trees up to the best round are the model. Options.Note is told.
func (b Boosting) Fit(d *Data, o Options) (model.Predictor, error) {
	b = b.resolve(d.Labels.Task, d.Rows)
	if err := d.check(); err != nil {
		return nil, err
	}
	if err := b.Check(d); err != nil {
		return nil, err
	}
	weighted, err := b.ClassWeight.apply(d)
	if err != nil {
		return nil, err
	}
	s := newStage(&b, weighted, b.hold(weighted, o.Seed), o.Threads)
	table := tree.Bin(d.columns(), d.Rows, b.Bins, s.threads)
	if need := b.Leaves * table.HistogramBytes(); need > mostMemory {
		return nil, fault.Invalidf("%d leaves on %d features need %d MB for histograms, at most %d MB are taken: use fewer leaves or bins",
			b.Leaves, len(d.Features), need>>20, mostMemory>>20)
	}
	return b.grow(s, tree.NewGrower(table, b.rules(d.Features), s.threads), o)
}

// grow adds the trees.
func (b *Boosting) grow(s *stage, t *tree.Grower, o Options) (model.Predictor, error) {
	out := model.NewTrees(s.link, s.d.Features, s.base)
	random := rand.New(rand.NewPCG(o.Seed, 0x6d6c6f7073)) // the second word is arbitrary and fixed
	best := Note{Loss: math.Inf(1), Held: len(s.held)}
	for round := 1; round <= b.Trees; round++ {
		if o.stopped() {
			return nil, ErrStopped
		}
		rows, rest := s.sample(random, b.Subsample)
		use := pick(random, len(s.d.Features), b.FeatureShare)
		if s.round != nil {
			s.round(s)
		}
		for k := range s.base {
			s.gradients(k)
			job := tree.Job{Sums: s.sums, Rows: rows, Rest: rest, Use: use, Scale: b.LearningRate * s.scale, Value: s.leaf(), Scores: s.score[k*s.d.Rows : (k+1)*s.d.Rows]}
			if err := out.Add(t.Grow(job)); err != nil {
				return nil, fault.Wrap(err, "grow a tree on %d rows", s.d.Rows)
			}
		}
		if best.Held == 0 {
			continue
		}
		if best.Grown = round; s.improves(&best) {
			best.Rounds = round
		} else if round-best.Rounds >= b.EarlyStopping {
			break
		}
	}
	if best.Held > 0 {
		best.Rounds = max(best.Rounds, 1)
		out.Keep(best.Rounds * len(s.base))
		if o.Note != nil {
			o.Note(best)
		}
	}
	return out, nil
}

// improves notes the held rows' loss if it is the least so far.
func (s *stage) improves(best *Note) bool {
	loss := s.heldLoss()
	if !(loss < best.Loss) {
		return false
	}
	best.Loss = loss
	return true
}

// pick chooses a share of n features, at least one; nil is all.
func pick(random *rand.Rand, n int, share float64) []bool {
	if share >= 1 {
		return nil
	}
	use := make([]bool, n)
	for _, j := range random.Perm(n)[:max(1, int(math.Round(share*float64(n))))] {
		use[j] = true
	}
	return use
}
