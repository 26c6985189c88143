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
	drafts = nil
	t, err := p.tallyOf(s, h.Options(o))
	if err != nil {
		return nil, err
	}
	if t.rows != p.Rows {
		return nil, fault.Invalidf("profile %s: it had %d rows when first read, and %d when read again", s.Name, p.Rows, t.rows)
	}
	for i, c := range t.features {
		p.Features[i].fill(c)
	}
	return p, p.Validate()
}

// TallyOf counts a window that is read from s, and never held, on as many processors as there are; it is what Tally makes of the whole table.
// Errors are those of the source, as dataset.Scan gives them.
func (p *Profile) TallyOf(s dataset.Source, o dataset.Options) (*Tally, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return p.tallyOf(s, o)
}

func (p *Profile) tallyOf(s dataset.Source, o dataset.Options) (*Tally, error) {
	var parts []*Tally
	_, err := dataset.Scan(s, o, func(_ dataset.Heading, takers int) ([]func(dataset.Batch) error, error) {
		parts = make([]*Tally, takers)
		take := make([]func(dataset.Batch) error, takers)
		for i := range take {
			parts[i] = p.newTally()
			take[i] = parts[i].batch
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
