package fit

import (
	"math"
	"math/rand/v2"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/tree"
)

// Forest fits a random forest (L. Breiman, "Random forests", 2001): trees grown deep, each on a bootstrap sample, each leaf looking for its
// split among a few features drawn at random; the prediction is their mean. With Extra it fits extremely randomised trees (P. Geurts,
// D. Ernst, L. Wehenkel, 2006): on all rows, and of each feature drawn only one cut is looked at, which is drawn, too. Of more than two
// classes each has its own trees, on the same samples. Trees are grown on bins, with missing values and categories split natively.
//
// A zero field is left to the task and the size of the table; see Resolve.
type Forest struct {
	Extra        bool    // algorithm "extra_trees"
	Trees        int     // in [1, 2,000]
	MinLeaf      int     // rows in a leaf, at least, in [1, 1e6]
	MaxDepth     int     // splits above a leaf, at most, in [1, 128]; 0 = 128
	FeatureShare float64 // share of features that a leaf draws, in (0, 1]
	Bins         int     // of a numeric feature, in [2, 255]
	Bootstrap    bool    // extra trees: each on a bootstrap sample after all
	OutOfBag     bool    // measure the forest on rows by the trees that did not see them; see model.Report
	// Balanced makes each tree's sample of equally many draws of every class, as many as the rarest class has rows (C. Chen, A. Liaw,
	// L. Breiman, "Using random forest to learn imbalanced data", 2004). Probabilities are then those of a table with equally frequent classes.
	Balanced    bool
	ClassWeight ClassWeight
}

// forestLeaves is about how many leaves a forest may have in all: some 30 MB of artefact.
const forestLeaves = 1_000_000

// forestPull draws the leaves of classes towards the class's share of all rows by that many rows' weight (the m-estimate of B. Cestnik,
// 1990), so that no class ever has probability 0 because it was rare. A whole row's weight, his m, costs 0.005 log loss: trees are averaged.
const forestPull = 0.2

// Algorithm is "forest" or "extra_trees".
func (f Forest) Algorithm() string {
	if f.Extra {
		return "extra_trees"
	}
	return "forest"
}

// Complexity is that of the largest boosting and more: a forest has no small form.
func (f Forest) Complexity() int {
	fill(&f.Trees, 100)
	return 1_000_000 + f.Trees
}

// resolve fills the fields that are left to the task and the table's size. Small tables take more trees, which there cost nothing. Leaves of
// a few rows give better probabilities than single rows do, values are best with single rows. Leaves grow with the table to keep the
// artefact small. Shares of features: the square root for classes is Breiman's; the others were best on public sets, see docs/FORESTS-AND-LINEAR.md.
func (f Forest) resolve(task dataset.Task, rows, features, scores int) Forest {
	many := rows >= 10_000
	d := Forest{Trees: 300, MinLeaf: 3, FeatureShare: math.Sqrt(float64(features)) / float64(features)}
	switch {
	case task == dataset.Regression:
		d.MinLeaf, d.FeatureShare = 1, 0.4
	case f.Extra:
		d.FeatureShare = max(d.FeatureShare, 0.4)
	case many:
		d.MinLeaf = 5
	}
	if many {
		d.Trees = 100
	}
	fill(&f.Trees, d.Trees)
	fill(&f.Bins, tree.MostBins)
	fill(&f.MinLeaf, max(d.MinLeaf, rows*f.Trees/forestLeaves, rows*f.Trees*scores/(5*forestLeaves)))
	fill(&f.FeatureShare, d.FeatureShare)
	return f
}

// sampled reports whether trees see samples of the rows.
func (f Forest) sampled() bool { return !f.Extra || f.Bootstrap || f.Balanced }

// Fit grows the trees side by side: each has a random source of its own.
func (f Forest) Fit(d *Data, o Options) (model.Predictor, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	f = f.resolve(d.Labels.Task, d.Rows, len(d.Features), d.outputs())
	if _, err := Parse(f.Algorithm(), f.Params()); err != nil {
		return nil, err
	}
	d, err := f.ClassWeight.apply(d)
	if err != nil {
		return nil, err
	}
	p, err := newPlanter(f, d, o)
	if err != nil {
		return nil, err
	}
	out := model.NewTrees(p.link, d.Features, p.base)
	workers := make([]*worker, p.threads)
	bytes := 0
	for first := 0; first < f.Trees; first += 4 * p.threads { // in batches, so that nobody waits long for a stop
		if o.stopped() {
			return nil, ErrStopped
		}
		batch := make([][][]model.Node, min(4*p.threads, f.Trees-first))
		tree.Parallel(p.threads, p.threads, math.MaxInt, func(from, to int) {
			for w := from; w < to; w++ {
				if workers[w] == nil {
					workers[w] = p.hire()
				}
				for i := w; i < len(batch); i += p.threads {
					batch[i] = workers[w].plant(rand.New(rand.NewPCG(o.Seed, uint64(first+i))))
				}
			}
		})
		for _, trees := range batch {
			for _, nodes := range trees {
				bytes += stored(nodes)
				if err := out.Add(nodes); err != nil {
					return nil, fault.Wrap(err, "grow a forest on %d rows", d.Rows)
				}
			}
		}
		if bytes > model.MaxBytes {
			return nil, fault.Invalidf("the first %d of %d trees on %d rows take %d MB, and a model at most %d MB: grow fewer trees, or larger leaves than min_leaf %d", min(first+len(batch), f.Trees), f.Trees, d.Rows, bytes>>20, model.MaxBytes>>20, f.MinLeaf)
		}
	}
	if f.OutOfBag {
		if out.Report, err = p.outOfBag(workers); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// stored is about how many bytes a tree takes in an artefact.
func stored(nodes []model.Node) (bytes int) {
	for _, n := range nodes {
		bytes += 9
		if n.Feature >= 0 {
			bytes += 2 + 8*max(1, len(n.Left))
		}
	}
	return bytes
}
