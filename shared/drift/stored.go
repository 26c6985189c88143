package drift

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"time"

	"mlops/shared/drift/joint"
	"mlops/shared/fault"
	"mlops/shared/number"
)

// tallyFormat is the version of what MarshalJSON writes; ReadTally reads no other.
const tallyFormat = 3

// storedTally is a Tally as JSON. Floats that must come back to the bit are base64 of their little-endian IEEE 754 bytes.
type storedTally struct {
	Format      int             `json:"format"`
	Model       string          `json:"model"`
	Version     int             `json:"version"`
	Rows        int             `json:"rows"`
	Start       time.Time       `json:"start,omitzero"`
	End         time.Time       `json:"end,omitzero"`
	Features    []*storedCounts `json:"features"`
	Prediction  *storedCounts   `json:"prediction,omitempty"`
	Predictions []byte          `json:"predictions,omitempty"`
	Labels      []byte          `json:"labels,omitempty"`
	Joint       *joint.Sums     `json:"joint,omitempty"`
	Rest        storedRest      `json:"rest,omitzero"`
	Season      *storedTally    `json:"season,omitempty"` // on the bins of the season's profile
}

type storedCounts struct {
	Rows       int            `json:"rows"`
	Missing    int            `json:"missing,omitempty"`
	Infinite   int            `json:"infinite,omitempty"`
	Unreadable int            `json:"unreadable,omitempty"`
	Absent     bool           `json:"absent,omitempty"`
	Text       bool           `json:"text,omitempty"`
	Numeric    bool           `json:"numeric,omitempty"`
	Bins       []int          `json:"bins"`
	Unseen     map[string]int `json:"unseen,omitempty"`
	Halved     int            `json:"halved,omitempty"`
	Novel      int            `json:"novel,omitempty"`
	Numbers    *storedNumbers `json:"numbers,omitempty"` // nil of a category
}

type storedNumbers struct {
	Sum      storedSum        `json:"sum"`
	Squares  storedSum        `json:"squares"`
	Negative storedMagnitudes `json:"negative,omitzero"`
	Positive storedMagnitudes `json:"positive,omitzero"`
	Zeros    int              `json:"zeros,omitempty"`
	Least    number.Float     `json:"least"`
	Most     number.Float     `json:"most"`
}

type storedSum struct {
	First    int        `json:"first"`
	Digits   [][2]int64 `json:"digits,omitempty"`
	Overflow bool       `json:"overflow,omitempty"`
}

// storedMagnitudes are the buckets that hold something: their numbers, each as the distance from the one before, and their counts.
type storedMagnitudes struct {
	Steps  []int `json:"steps,omitempty"`
	Counts []int `json:"counts,omitempty"`
}

// MarshalJSON writes the tally so that ReadTally gives it back to the last bit: what a part of a window says is kept, and merged with other
// parts later, without its rows. Of the rows only predictions and labels are in it. What belongs to the window and not
// to its parts is left out: the rows of the windows before, labels without a row, and what a classifier said of the rows, which needs
// the reference's own. Of a season the counts are stored, and not what they are held against: ReadTally is given it.
func (t *Tally) MarshalJSON() ([]byte, error) { return json.Marshal(t.stored()) }

func (t *Tally) stored() *storedTally {
	s := &storedTally{Format: tallyFormat, Model: t.profile.Model, Version: t.profile.Version, Rows: t.rows, Start: t.start, End: t.end, Predictions: packed(t.predictions), Labels: packed(t.labels), Joint: t.joint, Rest: t.storedRest()}
	for _, c := range t.features {
		s.Features = append(s.Features, c.stored())
	}
	if t.prediction != nil {
		s.Prediction = t.prediction.stored()
	}
	if t.season != nil {
		s.Season = t.season.stored()
	}
	return s
}

// ReadTally reads what MarshalJSON wrote of a tally against this profile and this season, nil where it has none. Invalid: it is not JSON of one, or was
// counted on other bins.
func (p *Profile) ReadTally(b []byte, season *Season) (*Tally, error) {
	var s storedTally
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fault.Invalidf("read a tally of %q v%d: it is not JSON of one", p.Model, p.Version).Because(err)
	}
	t, err := p.readTally(&s)
	switch {
	case err != nil || season == nil && s.Season == nil:
		return t, err
	case season == nil || season.Profile == nil || s.Season == nil:
		return nil, fault.Invalidf("read a tally of %q v%d: a season goes with it and is not given, or the other way round", p.Model, p.Version)
	}
	t.then = season
	t.season, err = season.Profile.readTally(s.Season)
	return t, fault.Wrap(err, "read what a tally says of the season %q", season.Name)
}

func (p *Profile) readTally(s *storedTally) (*Tally, error) {
	width := width(p.Task, len(p.Classes))
	t := &Tally{profile: p, rows: s.Rows, start: s.Start, end: s.End, predictions: unpacked(s.Predictions), labels: unpacked(s.Labels), joint: s.Joint}
	fits := s.Format == tallyFormat && s.Model == p.Model && s.Version == p.Version && len(s.Features) == len(p.Features) && s.Rows >= 0 &&
		len(t.predictions) == width*len(t.labels) && (s.Prediction == nil || p.Prediction != nil) && (s.Joint != nil) == (p.Joint != nil) &&
		(s.Joint == nil || len(s.Joint.Residuals) == 0 || len(s.Joint.Residuals) == len(p.Joint.Columns))
	for i := 0; fits && i < len(s.Features); i++ {
		fits = s.Features[i].fits(&p.Features[i])
		if fits {
			t.features = append(t.features, s.Features[i].counts(&p.Features[i]))
		}
	}
	if fits && s.Prediction != nil {
		if fits = s.Prediction.fits(p.Prediction); fits {
			t.prediction = s.Prediction.counts(p.Prediction)
		}
	}
	fits = fits && t.readRest(s.Rest)
	if !fits {
		return nil, fault.Invalidf("read a tally of %q v%d: it is one of %q v%d, counted on other bins", p.Model, p.Version, s.Model, s.Version)
	}
	return t, nil
}

// Rows is how many rows were counted.
func (t *Tally) Rows() int { return t.rows }

// Unanswered is how many of the rows have no valid prediction: none at all, or probabilities outside [0, 1] or not summing to one. 0 without
// predictions.
func (t *Tally) Unanswered() int {
	if t.prediction == nil {
		return 0
	}
	return t.rows - len(t.labels)
}

func (c *counts) stored() *storedCounts {
	s := &storedCounts{Rows: c.rows, Missing: c.missing, Infinite: c.infinite, Unreadable: c.unreadable, Absent: c.absent, Text: c.text, Numeric: c.numeric, Bins: c.bins, Unseen: c.unseen, Halved: c.halved, Novel: c.novel}
	if c.sum != nil {
		s.Numbers = &storedNumbers{Sum: c.sum.stored(), Squares: c.squares.stored(), Negative: c.sizes.negative.stored(), Positive: c.sizes.positive.stored(), Zeros: c.sizes.zeros,
			Least: number.Float(c.least), Most: number.Float(c.most)}
	}
	return s
}

// fits reports whether the counts were made on the bins of f.
func (s *storedCounts) fits(f *FeatureProfile) bool {
	if s == nil {
		return false
	}
	blank := f.newCounts()
	if len(s.Bins) != len(blank.bins) || len(s.Unseen) > maxUnseen || s.Halved < 0 || s.Halved > 63 || (s.Numbers != nil) != (blank.sum != nil) {
		return false
	}
	return s.Numbers == nil || s.Numbers.Negative.fits() && s.Numbers.Positive.fits()
}

func (s *storedCounts) counts(f *FeatureProfile) *counts {
	c := f.newCounts()
	c.rows, c.missing, c.infinite, c.unreadable, c.absent, c.text, c.numeric, c.bins, c.halved, c.novel = s.Rows, s.Missing, s.Infinite, s.Unreadable, s.Absent, s.Text, s.Numeric, s.Bins, s.Halved, s.Novel
	if s.Unseen != nil {
		c.unseen = s.Unseen
	}
	if n := s.Numbers; n != nil {
		*c.sum, *c.squares = n.Sum.sum(), n.Squares.sum()
		c.sizes = sizes{negative: n.Negative.magnitudes(), positive: n.Positive.magnitudes(), zeros: n.Zeros}
		c.least, c.most = float64(n.Least), float64(n.Most)
	}
	return c
}

// stored leaves out the spare digits at either end, of which there are more or fewer as the parts happened to come.
func (s *sum) stored() storedSum {
	first, digits := s.first, s.digits
	for len(digits) > 0 && digits[0] == [2]int64{} {
		first, digits = first+1, digits[1:]
	}
	for len(digits) > 0 && digits[len(digits)-1] == [2]int64{} {
		digits = digits[:len(digits)-1]
	}
	if len(digits) == 0 {
		first = 0
	}
	return storedSum{first, digits, s.overflow}
}

func (s storedSum) sum() sum { return sum{s.First, s.Digits, s.Overflow} }

func (m *magnitudes) stored() (s storedMagnitudes) {
	before := 0
	for i, n := range m.n {
		if n > 0 {
			s.Steps, s.Counts = append(s.Steps, m.first+i-before), append(s.Counts, n)
			before = m.first + i
		}
	}
	return s
}

// fits reports whether every bucket is one that a positive float64 can fall in.
func (s storedMagnitudes) fits() bool {
	bucket := 0
	for _, step := range s.Steps {
		if bucket += step; step < 0 || bucket > int(math.Float64bits(math.MaxFloat64)>>bucketShift) {
			return false
		}
	}
	return len(s.Steps) == len(s.Counts)
}

func (s storedMagnitudes) magnitudes() (m magnitudes) {
	bucket := 0
	for i, step := range s.Steps {
		bucket += step
		m.add(lowerEnd(bucket), s.Counts[i])
	}
	return m
}

func packed(v []float64) []byte {
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

func unpacked(b []byte) []float64 {
	v := make([]float64, len(b)/8)
	for i := range v {
		v[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return v
}
