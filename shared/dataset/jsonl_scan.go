package dataset

import (
	"io"
	"slices"

	"mlops/shared/fault"
)

// jsonScan is a scan of JSON Lines.
type jsonScan struct {
	*jsonScanner
	found problems // of all batches
	told  map[[2]string]bool
	whole []*builder // by column: what all rows say of it, without the values
	kinds []Kind     // that the taker was told; nil = it was told nothing yet
	taker func(Batch) error
	void  bool // what the taker was told is wrong
}

// scanJSONL is one pass, in batches of at most so many rows. It is to be made again if a key or a kind was not told, which o then knows.
func scanJSONL(r io.Reader, o *Options, begin Begin, most int) (h Heading, again bool, err error) {
	lines, err := newJSONScanner(r, *o)
	if err != nil {
		return h, false, err
	}
	s := &jsonScan{jsonScanner: lines, told: map[[2]string]bool{}, found: lines.problems}
	s.plain = o.keys != nil // else the first batch has its numbers back, where a text comes in it
	for _, name := range o.keys {
		s.begun(name)
	}
	for last := false; !last; s.before += s.row {
		s.problems = problems{part: true}
		last = s.records(most, batchCells)
		s.found.merge(&s.problems, s.before, s.options.Limits.Rows, s.told)
		if s.err != nil {
			return h, false, s.failure(&s.found)
		}
		s.sum()
		if err := s.give(&h, begin); err != nil {
			return h, false, err
		}
		s.plain = true
		for _, b := range s.columns {
			b.plain = true
			b.clear()
		}
	}
	return s.end(h, o)
}

// sum adds a batch to what is known of all rows.
func (s *jsonScan) sum() {
	for i, b := range s.columns {
		if i == len(s.whole) {
			s.whole = append(s.whole, &builder{name: b.name, mustNumber: b.mustNumber, plain: true, missing: b.missing})
		}
		w := s.whole[i]
		w.text = w.text || b.text
		w.present, w.infinite = w.present+b.present, w.infinite+b.infinite
		if w.firstInf == 0 && b.firstInf > 0 {
			w.firstInf = s.before + b.firstInf
		}
		if s.kinds != nil && (i >= len(s.kinds) || b.text != (s.kinds[i] == Categorical)) || b.infinite > 0 {
			s.void = true
		}
	}
}

// give hands a batch to the taker, who is told of the columns before the first.
func (s *jsonScan) give(h *Heading, begin Begin) error {
	if s.kinds == nil && len(s.columns) > 0 {
		s.void = s.void || s.before > 0 // rows without any key came before
		s.kinds = make([]Kind, len(s.columns))
		for i, b := range s.columns {
			if s.kinds[i] = Numeric; b.text {
				s.kinds[i] = Categorical
			}
			if s.options.wants(b.name) {
				h.Names, h.Kinds = append(h.Names, b.name), append(h.Kinds, s.kinds[i])
			}
		}
		if h.Names == nil {
			s.void = true // perhaps a later row has one that is wanted
			return nil
		}
		take, err := begin(*h, 1)
		if err != nil {
			return err
		}
		s.taker = take[0]
	}
	if s.kinds == nil || s.void || s.row == 0 {
		return nil
	}
	f := &Frame{}
	for _, b := range s.columns {
		if s.options.wants(b.name) {
			f.Columns = append(f.Columns, b.batch())
		}
	}
	return s.taker(Batch{f, s.before})
}

// end says what came of it when all rows are known.
func (s *jsonScan) end(h Heading, o *Options) (Heading, bool, error) {
	if s.found.none() && len(s.columns) == 0 {
		return h, false, fault.Invalidf("read JSON Lines: there are %d objects and no key in any of them", s.before)
	}
	again := s.void || len(s.kinds) != len(s.columns)
	var texts, names []string
	for i, w := range s.whole {
		w.settle(&s.found)
		if names = append(names, w.name); w.text {
			texts = append(texts, w.name)
		}
		again = again || w.text != (s.kinds[i] == Categorical)
	}
	checkNamed(s.options, func(name string) bool { _, has := s.index[name]; return has }, names, &s.found)
	if !s.found.none() {
		return h, false, s.found.fault()
	}
	if !slices.ContainsFunc(names, o.wants) {
		return h, false, o.noneWanted(s.found.what)
	}
	h.Rows, h.keys = s.before, names
	o.texts, o.keys = texts, names
	return h, again, nil
}
