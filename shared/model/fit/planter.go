package fit

import (
	"math"
	"math/rand/v2"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/tree"
	"mlops/shared/number"
)

// planter is what all trees of a forest have in common.
type planter struct {
	*Data
	Forest
	threads int
	table   *tree.Table
	rules   tree.DeepRules
	link    model.Link
	base    []float64 // what trees start from: the share of each class, or the mean
	scale   float64   // regression: deviation of the target, which the trees see standardised; else 1
	y       []float64 // regression: the standardised target
	classes [][]int32 // Balanced: the rows of each class that has any
	fewest  int       // Balanced: the rows of the rarest of them
}

func newPlanter(f Forest, d *Data, o Options) (*planter, error) {
	p := &planter{Data: d, Forest: f, threads: max(1, o.Threads), scale: 1, link: model.Share}
	if f.Balanced {
		if d.Labels.Task == dataset.Regression {
			return nil, fault.Invalidf("balanced_bootstrap draws equally many rows of every class: %s has values, not classes", d.Labels.Name)
		}
		p.deal()
	}
	p.rules = tree.DeepRules{MinLeaf: f.MinLeaf, MaxDepth: f.MaxDepth, Random: f.Extra, Ask: max(1, int(math.Round(f.FeatureShare*float64(len(d.Features)))))}
	switch d.Labels.Task {
	case dataset.Regression:
		p.link = model.Identity
		mean, sd := d.moments()
		p.base, p.scale, p.y = []float64{mean}, sd, make([]float64, d.Rows)
		for i, y := range d.Labels.Y {
			p.y[i] = (y - mean) / sd
		}
	case dataset.Binary:
		p.base = p.start()[1:]
	default:
		p.base = p.start()
	}
	if p.link == model.Share {
		p.rules.Pull = forestPull
	}
	p.weigh()
	p.table = tree.Bin(d.columns(), d.Rows, f.Bins, p.threads)
	return p, nil
}

// start is the share of each class in what trees see.
func (p *planter) start() []float64 {
	if !p.Balanced {
		return p.shares()
	}
	even := make([]float64, len(p.Labels.Classes))
	for k := range even {
		even[k] = 1 / float64(len(even))
	}
	return even
}

// deal sorts the rows by class.
func (p *planter) deal() {
	p.classes = make([][]int32, len(p.Labels.Classes))
	for i, y := range p.Labels.Y {
		p.classes[int(y)] = append(p.classes[int(y)], int32(i))
	}
	p.classes = slices.DeleteFunc(p.classes, func(rows []int32) bool { return len(rows) == 0 }) // a fold may lack a class
	p.fewest = p.Rows
	for _, rows := range p.classes {
		p.fewest = min(p.fewest, len(rows))
	}
}

// weigh finds the unit, a power of two, in which sums are whole numbers: the sum over all draws of one tree stays below 2^62, and nothing more
// than 2^-30 of the heaviest row is lost.
func (p *planter) weigh() {
	heaviest, most := 0.0, 0.0
	for i := range p.Rows {
		w := p.weight(i)
		heaviest = max(heaviest, w)
		if p.y != nil {
			w *= max(1, math.Abs(p.y[i]))
		}
		most = max(most, w)
	}
	_, whole := math.Frexp(most * float64(p.Rows)) // below 2^whole
	_, row := math.Frexp(heaviest)
	p.rules.Unit = math.Ldexp(1, min(62-whole, 30-row))
}

// worker grows one tree after the other.
type worker struct {
	*planter
	grower *tree.Deep
	sums   []tree.Sum
	times  []int32
	step   []int64 // OutOfBag: by score, then row: sum of steps, in units of 2^-36; whole numbers, so that the order of trees has no part in it
	count  []int32 // OutOfBag: trees that did not see the row
}

func (p *planter) hire() *worker {
	w := &worker{planter: p, grower: tree.NewDeep(p.table, p.rules), sums: make([]tree.Sum, p.Rows), times: make([]int32, p.Rows)}
	if p.OutOfBag {
		w.step, w.count = make([]int64, p.Rows*len(p.base)), make([]int32, p.Rows)
	}
	return w
}

// outOfBagUnit is what a step of 1 counts in worker.step: 2,000 steps of magnitude below 2^15 fit.
const outOfBagUnit = 1 << 36

// plant draws a sample and grows a tree on it for each score.
func (w *worker) plant(random *rand.Rand) [][]model.Node {
	w.sample(random)
	if w.OutOfBag {
		for i, n := range w.times {
			if n == 0 {
				w.count[i]++
			}
		}
	}
	out := make([][]model.Node, len(w.base))
	for score, base := range w.base {
		for i, n := range w.times {
			w.sums[i] = w.sum(i, float64(n), score)
		}
		job := tree.DeepJob{Sums: w.sums, Random: random, Scale: w.scale / float64(w.Trees), Base: base}
		if w.y != nil {
			job.Base = 0
		}
		if w.OutOfBag {
			step := w.step[score*w.Rows:]
			job.Out = func(row int32, v float64) {
				if w.times[row] == 0 {
					step[row] += int64(math.Round(v * outOfBagUnit))
				}
			}
		}
		out[score] = w.grower.Grow(job)
	}
	return out
}

// sample draws how many times each row is in the tree's sample.
func (w *worker) sample(random *rand.Rand) {
	clear(w.times)
	switch {
	case w.Balanced:
		for _, rows := range w.classes {
			for range w.fewest {
				w.times[rows[random.IntN(len(rows))]]++
			}
		}
	case w.sampled():
		for range w.Rows {
			w.times[random.IntN(w.Rows)]++
		}
	default:
		for i := range w.times {
			w.times[i] = 1
		}
	}
}

// sum is what row i, drawn so many times, adds to the tree of a score.
func (w *worker) sum(i int, times float64, score int) tree.Sum {
	unit := times * w.weight(i) * w.rules.Unit
	var y float64
	switch class := w.Labels.Y[i]; {
	case w.y != nil:
		y = w.y[i]
	case w.Labels.Task == dataset.Binary:
		y = class
	case int(class) == score:
		y = 1
	}
	return tree.Sum{Y: int64(math.Round(unit * y)), Weight: int64(math.Round(unit))}
}

// outOfBag measures the forest on every row by the trees whose sample it was not in; a row that all trees saw is left out.
func (p *planter) outOfBag(workers []*worker) (*model.Report, error) {
	step, count := make([]int64, p.Rows*len(p.base)), make([]int32, p.Rows)
	for _, w := range workers {
		for i := range step {
			if w != nil {
				step[i] += w.step[i]
			}
		}
		for i := range count {
			if w != nil {
				count[i] += w.count[i]
			}
		}
	}
	var rows []int
	var raw []float64
	for i, n := range count {
		if n == 0 {
			continue
		}
		rows = append(rows, i)
		at := len(raw)
		for score, base := range p.base {
			raw = append(raw, base+float64(p.scale*(float64(step[score*p.Rows+i])/outOfBagUnit/float64(n))))
		}
		if p.Labels.Task == dataset.Binary {
			raw = append(raw, 0)
		}
		p.link.Apply(raw[at:], len(p.base))
	}
	r := &model.Report{OutOfBagRows: len(rows)}
	if len(rows) == 0 {
		return r, nil
	}
	m, err := evaluate.Measure(p.Labels.Take(rows), raw)
	if err != nil {
		return nil, fault.Wrap(err, "measure a forest on its %d out-of-bag rows", len(rows))
	}
	r.OutOfBag = map[string]number.Float{}
	for name, e := range m {
		r.OutOfBag[name] = e.Value
	}
	return r, nil
}
