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
// split among a few features drawn at random; the prediction is their mean. Of more than two classes each has its own trees, on the same
// samples. Trees are grown on bins, with missing values and categories split natively.
//
// A zero field is left to the size of the table; see Resolve.
type Forest struct {
	Trees        int     // in [1, 2,000]
	MinLeaf      int     // rows in a leaf, at least, in [1, 1e6]
	FeatureShare float64 // share of features that a leaf draws, in (0, 1]
	Bins         int     // of a numeric feature, in [2, 255]
}

// forestLeaves is about how many leaves a forest may have in all: some 30 MB of artefact.
const forestLeaves = 1_000_000

// Algorithm is "forest".
func (Forest) Algorithm() string { return "forest" }

// Complexity is that of the largest boosting and more: a forest has no small form.
func (f Forest) Complexity() int { return 1_000_000 + f.resolve(dataset.Binary, 0, 1).Trees }

// resolve fills the fields that are left to the table's size. Leaves of at least five rows give better probabilities than single rows do
// (log loss 0.41 against 0.50 on five public sets); values gain from smaller ones. Leaves grow with the table to keep the artefact small.
func (f Forest) resolve(task dataset.Task, rows, features int) Forest {
	fill(&f.Trees, 100)
	fill(&f.Bins, tree.MostBins)
	least, share := 5, math.Sqrt(float64(features))/float64(features)
	if task == dataset.Regression {
		least, share = 2, 0.4
	}
	fill(&f.MinLeaf, max(least, rows*f.Trees/forestLeaves))
	fill(&f.FeatureShare, share)
	return f
}

// Fit grows the trees side by side: each has a random source of its own.
func (f Forest) Fit(d *Data, o Options) (model.Predictor, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	f = f.resolve(d.Labels.Task, d.Rows, len(d.Features))
	if _, err := Parse(f.Algorithm(), f.Params()); err != nil {
		return nil, err
	}
	threads := max(1, o.Threads)
	p := &planter{Data: d, share: 1 / float64(f.Trees), table: tree.Bin(d.columns(), d.Rows, f.Bins, threads),
		rules: tree.Rules{MinLeaf: f.MinLeaf, MinHessian: 1e-9, Ask: max(1, int(math.Round(f.FeatureShare*float64(len(d.Features)))))}}
	link := p.start()
	out := model.NewTrees(link, d.Features, p.base)
	growers := make([]*tree.Grower, threads)
	for first := 0; first < f.Trees; first += 4 * threads { // in batches, so that nobody waits long for a stop
		if o.stopped() {
			return nil, ErrStopped
		}
		batch := make([][][]model.Node, min(4*threads, f.Trees-first))
		tree.Parallel(threads, threads, math.MaxInt, func(from, to int) {
			for w := from; w < to; w++ {
				if growers[w] == nil {
					growers[w] = tree.NewGrower(p.table, p.rules, 1)
				}
				for i := w; i < len(batch); i += threads {
					batch[i] = p.plant(growers[w], rand.New(rand.NewPCG(o.Seed, uint64(first+i))))
				}
			}
		})
		for _, trees := range batch {
			for _, nodes := range trees {
				if err := out.Add(nodes); err != nil {
					return nil, fault.Wrap(err, "grow a forest on %d rows", d.Rows)
				}
			}
		}
	}
	return out, nil
}

// planter is what all trees of a forest have in common.
type planter struct {
	*Data
	table *tree.Table
	rules tree.Rules
	base  []float64 // what trees start from: the share of each class, or the mean
	scale float64   // regression: deviation of the target, which the trees see standardised; else 1
	share float64   // of a tree in the mean
}

// start finds what trees start from. The leaves of classes are pulled towards it by one row's weight (the m-estimate of B. Cestnik, 1990,
// with m = 1), so that no class ever has probability 0 because it was rare.
func (p *planter) start() model.Link {
	p.scale = 1
	switch p.Labels.Task {
	case dataset.Regression:
		mean, sd := p.moments()
		p.base, p.scale = []float64{mean}, sd
		return model.Identity
	case dataset.Binary:
		p.base = p.shares()[1:]
	default:
		p.base = p.shares()
	}
	p.rules.L2 = 1
	return model.Share
}

// plant draws a bootstrap sample and grows a tree on it for each score. Squared loss makes a leaf's step the mean of its rows, and the
// gain of a split the decrease of their variance, which for a class is that of Gini's impurity.
func (p *planter) plant(g *tree.Grower, random *rand.Rand) [][]model.Node {
	times := make([]float64, p.Rows)
	for range p.Rows {
		times[random.IntN(p.Rows)]++
	}
	var rows []int32
	for i, n := range times {
		if n > 0 {
			rows = append(rows, int32(i))
			times[i] = n * p.weight(i)
		}
	}
	sums, out := make(tree.Sums, p.Rows), make([][]model.Node, len(p.base))
	for class, base := range p.base {
		for i, y := range p.Labels.Y {
			if p.Labels.Task == dataset.Multiclass {
				if int(y) == class {
					y = 1
				} else {
					y = 0
				}
			}
			sums[i] = [2]float32{float32((base - y) / p.scale * times[i]), float32(times[i])}
		}
		out[class] = g.Grow(tree.Job{Sums: sums, Rows: rows, Random: random, Scale: p.scale * p.share})
	}
	return out
}
