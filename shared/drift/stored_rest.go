package drift

import "encoding/binary"

// storedRest is what a tally says beside its features and answers.
type storedRest struct {
	Target       *storedCounts     `json:"target,omitempty"`
	Segments     []storedSegment   `json:"segments,omitempty"`
	Duplicates   *storedDuplicates `json:"duplicates,omitempty"`
	Faults       map[string]int    `json:"faults,omitempty"`
	Delays       []byte            `json:"delays,omitempty"`
	OtherClasses map[string]int    `json:"other_classes,omitempty"`
	Losses       *storedLosses     `json:"losses,omitempty"`
	Shape        storedShape       `json:"shape,omitzero"`
}

type storedSegment struct {
	Column *storedCounts     `json:"column,omitempty"`
	Rows   []int             `json:"rows"`
	Code   []byte            `json:"code,omitempty"` // little-endian int32
	Within [][]*storedCounts `json:"within"`
}

type storedDuplicates struct {
	Zeros int            `json:"zeros,omitempty"`
	Times map[uint64]int `json:"times"`
}

type storedLosses struct {
	N    int          `json:"n"`
	Sums [4]storedSum `json:"sums"` // of the absolute and squared errors, and of the squares of both
}

func (t *Tally) storedRest() storedRest {
	r := storedRest{Faults: t.faults, Delays: packed(t.delays), OtherClasses: t.otherClasses, Shape: t.shape.stored()}
	if t.target != nil {
		r.Target = t.target.stored()
	}
	for i := range t.segments {
		from := &t.segments[i]
		s := storedSegment{Rows: from.rows, Within: make([][]*storedCounts, len(from.within))}
		if from.column != nil {
			s.Column = from.column.stored()
		}
		for _, k := range from.code {
			s.Code = binary.LittleEndian.AppendUint32(s.Code, uint32(k))
		}
		for k, group := range from.within {
			for _, c := range group {
				s.Within[k] = append(s.Within[k], c.stored())
			}
		}
		r.Segments = append(r.Segments, s)
	}
	if t.duplicates != nil {
		r.Duplicates = &storedDuplicates{t.duplicates.zeros, t.duplicates.times}
	}
	if l := t.losses; l != nil {
		r.Losses = &storedLosses{l.n, [4]storedSum{l.abs.stored(), l.sq.stored(), l.absAbs.stored(), l.sqSq.stored()}}
	}
	return r
}

// readRest takes over the rest; false where it was counted on another profile.
func (t *Tally) readRest(r storedRest) bool {
	p := t.profile
	if len(r.Segments) != len(p.Segments) || (r.Duplicates != nil) != (p.Repeated != nil) || r.Losses != nil && (p.Performance == nil || p.Performance.Error == nil) {
		return false
	}
	t.shape = r.Shape.shape()
	t.faults, t.otherClasses, t.delays = map[string]int{}, map[string]int{}, unpacked(r.Delays)
	for reason, n := range r.Faults {
		t.faults[reason] = n
	}
	for class, n := range r.OtherClasses {
		t.otherClasses[class] = n
	}
	if r.Target != nil {
		if p.Target == nil || !r.Target.fits(p.Target) {
			return false
		}
		t.target = r.Target.counts(p.Target)
	}
	for i := range r.Segments {
		s, ok := r.Segments[i].read(p, &p.Segments[i], len(t.labels))
		if !ok {
			return false
		}
		t.segments = append(t.segments, s)
	}
	if r.Duplicates != nil {
		if r.Duplicates.Zeros < 0 || r.Duplicates.Zeros > 63 {
			return false
		}
		t.duplicates = newDuplicates()
		t.duplicates.merge(&duplicates{r.Duplicates.Zeros, r.Duplicates.Times})
	}
	if l := r.Losses; l != nil {
		t.losses = &losses{n: l.N, abs: l.Sums[0].sum(), sq: l.Sums[1].sum(), absAbs: l.Sums[2].sum(), sqSq: l.Sums[3].sum()}
	}
	return true
}

// read is a segment's part; answered is how many rows have a prediction.
func (s *storedSegment) read(p *Profile, profile *SegmentProfile, answered int) (t segmentTally, ok bool) {
	if len(s.Rows) != len(profile.Groups) || len(s.Within) != len(profile.Groups) || len(s.Code) != 4*answered || s.Column != nil && (profile.Column == nil || !s.Column.fits(profile.Column)) {
		return t, false
	}
	t.rows, t.within = s.Rows, make([][]*counts, len(s.Within))
	if s.Column != nil {
		t.column = s.Column.counts(profile.Column)
	}
	for i := 0; i < len(s.Code); i += 4 {
		k := int32(binary.LittleEndian.Uint32(s.Code[i:]))
		if k < -1 || int(k) >= len(profile.Groups) {
			return t, false
		}
		t.code = append(t.code, k)
	}
	for k, group := range s.Within {
		if len(group) != len(profile.Groups[k].Within) {
			return t, false
		}
		for j, c := range group {
			f := p.feature(profile.Groups[k].Within[j].Name)
			if f == nil || !c.fits(f) {
				return t, false
			}
			t.within[k] = append(t.within[k], c.counts(f))
		}
	}
	return t, true
}
