package drift

import (
	"mlops/shared/dataset"
	"mlops/shared/drift/joint"
	"mlops/shared/fault"
)

// ProfileOf makes the profile of a reference that is read twice and never held: the first time for the kinds of the columns and their
// bins, the second to count on these. Memory does not grow with the rows. Up to 65,536 rows it is what NewProfile makes of the table; of
// more, all counts and moments, repeated rows and the noise of stretches are exact, on bins that are cut at estimated quantiles; extremes are
// exact, too; quartiles, and to 1.6 % (standard error) the numbers of distinct values, are estimates. How the columns go together (Profile.Joint) is
// learnt from the sample of the rows that the quantiles come from: 32,768 to 65,536 of them, evenly drawn, where NewProfile looks at 100,000 at most.
//
// A quantile lies within 1.1 % of the rows of its rank (four standard errors, at the median; 0.5 % at the 5th and 95th percentiles) where there
// are at most 128 columns, and within 3.1 % where there are 1,000 or more. Of a category with more than 131,072 levels those that a sample
// of the rows finds the most frequent are kept.
//
// Errors are those of the source, as dataset.Scan gives them.
func ProfileOf(s dataset.Source, o dataset.Options) (*Profile, error) {
	p, _, err := ProfileAndRows(s, o, "", func(int) int { return 0 })
	return p, err
}

// ProfileAndRows is ProfileOf with the order of the rows as Reference.Order has it, and gives rows of the reference, drawn evenly and in their order: at most as many as most says for the number of columns, about half
// as many at least, or all.
func ProfileAndRows(s dataset.Source, o dataset.Options, order string, most func(columns int) int) (*Profile, *dataset.Frame, error) {
	if d := checkOrder(order); d != nil {
		return nil, nil, fault.Invalidf("profile %s", s.Name).With(d...)
	}
	d, h, err := draftOf(s, o)
	if err != nil {
		return nil, nil, err
	}
	sampled, p, courses := d.sample.frame(), d.profile(), make([]course, len(d.columns))
	rows := d.sample.fewer(sampled, most(len(h.Names)))
	for i := range courses {
		courses[i] = d.columns[i].course
		courses[i].settle(p.Rows)
	}
	d = nil
	inTime, err := p.countAgain(s, h.Options(o), order, courses)
	if err != nil {
		return nil, nil, err
	}
	p.Joint = joint.New(sampled, nil, inTime)
	return p, rows, p.Validate()
}

// draftOf is the first reading of a reference.
func draftOf(s dataset.Source, o dataset.Options) (*draft, dataset.Heading, error) {
	var drafts []*draft
	h, err := dataset.Scan(s, o, func(h dataset.Heading, takers int) ([]func(dataset.Batch) error, error) {
		if n := len(h.Names); n > maxFeatures {
			return nil, fault.Invalidf("profile %s: it has %d columns, at most %d can be", s.Name, n, maxFeatures)
		}
		drafts = make([]*draft, takers)
		take := make([]func(dataset.Batch) error, takers)
		for i := range take {
			drafts[i] = newDraft(h)
			take[i] = drafts[i].add
		}
		return take, nil
	})
	if err != nil {
		return nil, h, err
	}
	for _, d := range drafts[1:] {
		drafts[0].merge(d)
	}
	return drafts[0], h, nil
}

// countAgain is the second reading of a reference. It reports whether the rows are taken to be in the order of time.
func (p *Profile) countAgain(s dataset.Source, o dataset.Options, order string, courses []course) (inTime bool, err error) {
	var stretches []*stretch
	t, err := p.tallyOf(s, o, func(_ dataset.Heading, takers int) (look []func(dataset.Batch)) {
		stretches = make([]*stretch, takers)
		for i := range stretches {
			stretches[i] = p.newStretch(courses)
			look = append(look, stretches[i].add)
		}
		return look
	})
	if err != nil {
		return false, err
	}
	if t.rows != p.Rows {
		return false, fault.Invalidf("profile %s: it had %d rows when first read, and %d when read again", s.Name, p.Rows, t.rows)
	}
	for i, c := range t.features {
		p.Features[i].fill(c)
	}
	p.Repeated.Rows, p.Repeated.Repeated = t.duplicates.counts()
	for _, w := range stretches[1:] {
		stretches[0].merge(w)
	}
	return p.learnOrder(stretches[0], order), nil
}

// TallyOf counts a window that is read from s, and never held, on as many processors as there are; it is what Tally makes of the whole table.
// Errors are those of the source, as dataset.Scan gives them.
func (p *Profile) TallyOf(s dataset.Source, o dataset.Options) (*Tally, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return p.tallyOf(s, o, nil)
}

// TallyAndRows is TallyOf, and gives rows of the window as ProfileAndRows does of the reference.
func (p *Profile) TallyAndRows(s dataset.Source, o dataset.Options, most func(columns int) int) (*Tally, *dataset.Frame, error) {
	if err := p.Validate(); err != nil {
		return nil, nil, err
	}
	var samples []*sample
	t, err := p.tallyOf(s, o, func(h dataset.Heading, takers int) (look []func(dataset.Batch)) {
		samples = make([]*sample, takers)
		for i := range samples {
			samples[i] = newSample(h, most(len(h.Names)))
			look = append(look, samples[i].add)
		}
		return look
	})
	if err != nil {
		return nil, nil, err
	}
	for _, o := range samples[1:] {
		samples[0].merge(o)
	}
	return t, samples[0].frame(), nil
}

// tallyOf is TallyOf with somebody at every taker's side who looks at the batches too, if beside is not nil; it is asked anew at every reading.
func (p *Profile) tallyOf(s dataset.Source, o dataset.Options, beside func(h dataset.Heading, takers int) []func(dataset.Batch)) (*Tally, error) {
	var parts []*Tally
	_, err := dataset.Scan(s, o, func(h dataset.Heading, takers int) ([]func(dataset.Batch) error, error) {
		parts = make([]*Tally, takers)
		take, look := make([]func(dataset.Batch) error, takers), make([]func(dataset.Batch), takers)
		if beside != nil {
			look = beside(h, takers)
		}
		for i := range take {
			t, look := p.newTally(), look[i]
			parts[i] = t
			take[i] = func(b dataset.Batch) error {
				t.batch(b)
				if look != nil {
					look(b)
				}
				return nil
			}
		}
		return take, nil
	})
	if err != nil {
		return nil, err
	}
	for _, t := range parts[1:] {
		if err := parts[0].Merge(t); err != nil {
			return nil, err
		}
	}
	return parts[0], nil
}
