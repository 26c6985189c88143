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
// gradient boosting decision tree", 2017): log loss for classes (one tree a class and round if they are more than two), squared loss for
// values. Missing values and categories are split natively.
//
// A zero field is left to the size of the table; see Resolve.
type Boosting struct {
	Trees        int     // rounds, in [1, 10,000]
	Leaves       int     // of a tree, at most, in [2, 4,096]
	LearningRate float64 // share of each step that is taken, in (0, 1]
	L2           float64 // penalty on leaf values, in [0, 1e6]; negative = none
	MinLeaf      int     // rows in a leaf, at least, in [1, 1e6]
	MinHessian   float64 // second derivatives in a leaf, at least; 0 = 1e-3
	Bins         int     // of a numeric feature, in [2, 255]
	Subsample    float64 // share of rows that each tree sees, in (0, 1]
	FeatureShare float64 // share of features that each tree may ask, in (0, 1]
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
	return b
}

// fill sets a field that is 0.
func fill[T int | float64](field *T, v T) {
	if *field == 0 {
		*field = v
	}
}

// Fit adds one tree after the other, each a step down the loss's gradient.
func (b Boosting) Fit(d *Data, o Options) (model.Predictor, error) {
	b = b.resolve(d.Labels.Task, d.Rows)
	if err := d.check(); err != nil {
		return nil, err
	}
	if _, err := Parse(b.Algorithm(), b.Params()); err != nil {
		return nil, err
	}
	s := newStage(d)
	threads := max(1, o.Threads)
	table := tree.Bin(d.columns(), d.Rows, b.Bins, threads)
	if need := b.Leaves * table.HistogramBytes(); need > mostMemory {
		return nil, fault.Invalidf("%d leaves on %d features need %d MB for histograms, at most %d MB are taken: use fewer leaves or bins",
			b.Leaves, len(d.Features), need>>20, mostMemory>>20)
	}
	t := tree.NewGrower(table, tree.Rules{Leaves: b.Leaves, L2: max(b.L2, 0), MinLeaf: b.MinLeaf, MinHessian: b.MinHessian}, threads)
	sums := make(tree.Sums, d.Rows)
	out := model.NewTrees(s.link, d.Features, s.base)
	random := rand.New(rand.NewPCG(o.Seed, 0x6d6c6f7073)) // the second word is arbitrary and fixed
	for range b.Trees {
		if o.stopped() {
			return nil, ErrStopped
		}
		kept := sample(random, d.Rows, b.Subsample)
		use := pick(random, len(d.Features), b.FeatureShare)
		s.probabilities(threads)
		for k := range s.base {
			s.gradients(k, sums, kept, threads)
			job := tree.Job{Sums: sums, Use: use, Scale: b.LearningRate * s.scale, Scores: s.score[k*d.Rows : (k+1)*d.Rows]}
			if err := out.Add(t.Grow(job)); err != nil {
				return nil, fault.Wrap(err, "grow a tree on %d rows", d.Rows)
			}
		}
	}
	return out, nil
}

// stage is how far boosting has come: the raw scores of every row, and what the loss makes of them.
type stage struct {
	d     *Data
	link  model.Link
	base  []float64 // of each score
	scale float64   // regression: deviation of the target, which the trees see standardised; else 1
	score []float64 // by score, then row
	p     []float64 // multiclass: probabilities, by class, then row
}

func newStage(d *Data) *stage {
	s := &stage{d: d, scale: 1, score: make([]float64, d.Rows*d.outputs())}
	switch d.Labels.Task {
	case dataset.Binary:
		p := d.shares()
		s.link, s.base = model.Logit, []float64{math.Log(p[1] / p[0])}
	case dataset.Multiclass:
		s.link, s.p = model.Softmax, make([]float64, len(s.score))
		for _, p := range d.shares() {
			s.base = append(s.base, math.Log(p))
		}
	default:
		mean, sd := d.moments()
		s.link, s.base, s.scale = model.Identity, []float64{mean}, sd
	}
	for k, v := range s.base {
		for i := range d.Rows {
			s.score[k*d.Rows+i] = v
		}
	}
	return s
}

// probabilities computes p from the scores, once a round: all classes' trees are steps from the same point.
func (s *stage) probabilities(threads int) {
	n, k := s.d.Rows, len(s.base)
	if s.p == nil {
		return
	}
	tree.Parallel(n, threads, 8*n*k, func(from, to int) {
		for i := from; i < to; i++ {
			top, sum := math.Inf(-1), 0.0
			for c := range k {
				top = max(top, s.score[c*n+i])
			}
			for c := range k {
				s.p[c*n+i] = math.Exp(s.score[c*n+i] - top)
				sum += s.p[c*n+i]
			}
			for c := range k {
				s.p[c*n+i] /= sum
			}
		}
	})
}

// gradients writes the loss's gradient and second derivative by score k of every row. A row that is not kept weighs nothing.
func (s *stage) gradients(k int, to tree.Sums, kept []bool, threads int) {
	n, classes := s.d.Rows, float64(len(s.base))
	y, score := s.d.Labels.Y, s.score[k*n:(k+1)*n]
	tree.Parallel(n, threads, 8*n, func(from, past int) {
		for i := from; i < past; i++ {
			var g, h float64
			switch s.link {
			case model.Logit:
				p := 1 / (1 + math.Exp(-score[i]))
				g, h = p-y[i], p*(1-p)
			case model.Softmax:
				p := s.p[k*n+i]
				g, h = p, p*(1-p)*classes/(classes-1) // the factor makes two classes equal to the logistic case (Friedman, 2001)
				if int(y[i]) == k {
					g--
				}
			default:
				g, h = (score[i]-y[i])/s.scale, 1
			}
			if s.d.Weight != nil {
				g, h = g*s.d.Weight[i], h*s.d.Weight[i]
			}
			if kept != nil && !kept[i] {
				g, h = 0, 0
			}
			to[i] = [2]float32{float32(g), float32(h)}
		}
	})
}

// sample keeps each of n rows with probability share; nil keeps all.
func sample(random *rand.Rand, n int, share float64) []bool {
	if share >= 1 {
		return nil
	}
	kept := make([]bool, n)
	for i := range kept {
		kept[i] = random.Float64() < share
	}
	return kept
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
