package drift

import (
	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// ProfileOf makes the profile of a reference that is read twice and never held: the first time for the kinds of the columns and their
// bins, the second to count on these. Memory does not grow with the rows. Up to 65,536 rows it is what NewProfile makes of the table; of
// more, all counts and moments are exact on bins that are cut at estimated quantiles (see the errors below), as are the quartiles and,
// to 1.6 % (standard error), the numbers of distinct values.
//
// A quantile lies within 1.1 % of the rows of its rank (four standard errors, at the median; 0.5 % at the 5th and 95th percentiles) where there
// are at most 128 columns, and within 3.1 % where there are 1,000 or more. Of a category with more than 131,072 levels those that a sample
// of the rows finds the most frequent are kept.
//
// Errors are those of the source, as dataset.Scan gives them.
func ProfileOf(s dataset.Source, o dataset.Options) (*Profile, error) {
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
		return nil, err
	}
	for _, d := range drafts[1:] {
		drafts[0].merge(d)
	}
	p := drafts[0].profile()
	courses := make([]course, len(p.Features))
	for i := range courses {
		courses[i] = drafts[0].columns[i].course
		courses[i].settle(p.Rows)
	}
	drafts = nil
	return p, p.countAgain(s, h.Options(o), courses)
}

// countAgain is the second reading of a reference.
func (p *Profile) countAgain(s dataset.Source, o dataset.Options, courses []course) error {
	var stretches []*stretch
	t, err := p.tallyOf(s, o, func() func(dataset.Batch) {
		stretches = append(stretches, p.newStretch(courses))
		return stretches[len(stretches)-1].add
	})
	if err != nil {
		return err
	}
	if t.rows != p.Rows {
		return fault.Invalidf("profile %s: it had %d rows when first read, and %d when read again", s.Name, p.Rows, t.rows)
	}
	for i, c := range t.features {
		p.Features[i].fill(c)
	}
	for _, w := range stretches[1:] {
		stretches[0].merge(w)
	}
	p.learnOrder(stretches[0])
	return p.Validate()
}

// TallyOf counts a window that is read from s, and never held, on as many processors as there are; it is what Tally makes of the whole table.
// Errors are those of the source, as dataset.Scan gives them.
func (p *Profile) TallyOf(s dataset.Source, o dataset.Options) (*Tally, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return p.tallyOf(s, o, func() func(dataset.Batch) { return func(dataset.Batch) {} })
}

// tallyOf is TallyOf with somebody at every taker's side who looks at the batches too: anew at every reading, of which there is one where
// Options give the kind of every column.
func (p *Profile) tallyOf(s dataset.Source, o dataset.Options, beside func() func(dataset.Batch)) (*Tally, error) {
	var parts []*Tally
	_, err := dataset.Scan(s, o, func(_ dataset.Heading, takers int) ([]func(dataset.Batch) error, error) {
		parts = make([]*Tally, takers)
		take := make([]func(dataset.Batch) error, takers)
		for i := range take {
			t, look := p.newTally(), beside()
			parts[i] = t
			take[i] = func(b dataset.Batch) error {
				t.batch(b)
				look(b)
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
