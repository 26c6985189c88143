package model

import (
	"crypto/sha256"
	"encoding/hex"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model/wire"
)

// The artefact, model.bin. All numbers are little-endian, a float is its IEEE 754 bits, a string or list is a uint32 count and its items:
//
//	magic "mlopsmdl", format version uint16
//	three sections, each a uint32 length and as many bytes: header, features, predictor
//	CRC-32C of everything before it, uint32
//
// Equal models have equal bytes, and only those bytes decode to them, so the SHA-256 of an artefact names the model.
const (
	magic         = "mlopsmdl"
	formatVersion = 1
)

// The kinds of predictor, first byte of the predictor's section.
const (
	kindBaseline uint8 = iota + 1
	kindLinear
	kindTrees
	kindPipeline
	kindVote
	kindCalibrated
)

// Digest is the lower-case hexadecimal SHA-256 of an artefact.
func Digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Encode writes m as an artefact, and refuses a model that Decode would not take back.
func (m *Model) Encode() ([]byte, error) {
	if err := m.Check(); err != nil {
		return nil, fault.Wrap(err, "write the model for %q", m.Target)
	}
	var w wire.Writer
	w.Section(m.encodeHeader)
	w.Section(m.encodeFeatures)
	w.Section(m.Predictor.(interface{ encode(*wire.Writer) }).encode)
	b := wire.Seal(magic, formatVersion, w.Bytes)
	if len(b) > MaxBytes {
		return nil, fault.Invalidf("the model for %q takes %d bytes, at most %d are stored: grow fewer or smaller trees", m.Target, len(b), MaxBytes).
			WithCode(fault.CodeTooLarge)
	}
	return b, nil
}

// Decode reads an artefact that Encode wrote. Anything else is an error: another format, damage, trailing bytes, a shape that would let
// Predict run astray. Memory stays within a small multiple of len(b).
func Decode(b []byte) (*Model, error) {
	if len(b) > MaxBytes {
		return nil, fault.Invalidf("read a model of %d bytes: at most %d are read", len(b), MaxBytes).WithCode(fault.CodeTooLarge)
	}
	r, err := wire.Open(magic, formatVersion, b)
	if err != nil {
		return nil, fault.Wrap(err, "read a model of %d bytes", len(b))
	}
	m := &Model{}
	r.Section(m.decodeHeader)
	r.Section(m.decodeFeatures)
	r.Section(m.decodePredictor)
	r.End()
	if r.Err() != nil {
		return nil, fault.Wrap(r.Err(), "read a model of %d bytes", len(b))
	}
	if err := m.Check(); err != nil {
		return nil, fault.Wrap(err, "read a model of %d bytes", len(b))
	}
	return m, nil
}

func (m *Model) encodeHeader(w *wire.Writer) {
	w.String(string(m.Task))
	w.String(m.Target)
	w.String(m.Algorithm)
	w.Float(m.Threshold)
	w.Strings(m.Classes)
}

func (m *Model) decodeHeader(r *wire.Reader) {
	m.Task = dataset.Task(r.String(MaxName))
	m.Target = r.String(MaxName)
	m.Algorithm = r.String(MaxName)
	m.Threshold = r.Float()
	m.Classes = r.Strings(MaxClasses, MaxName)
}

func (m *Model) encodeFeatures(w *wire.Writer) {
	w.Uint32(uint32(len(m.Features)))
	for _, f := range m.Features {
		w.String(f.Name)
		w.Uint8(uint8(f.Kind))
		w.Bool(f.Integer)
		w.Strings(f.Levels)
		for _, v := range []float64{f.Min, f.Max, f.Missing, f.Importance} {
			w.Float(v)
		}
	}
}

func (m *Model) decodeFeatures(r *wire.Reader) {
	const least = 4 + 1 + 1 + 4 + 4*8
	m.Features = make([]Feature, r.Count(MaxFeatures, least))
	for i := range m.Features {
		f := &m.Features[i]
		f.Name = r.String(MaxName)
		f.Kind = dataset.Kind(r.Uint8())
		f.Integer = r.Bool()
		f.Levels = r.Strings(MaxLevels, MaxName)
		f.Min, f.Max, f.Missing, f.Importance = r.Float(), r.Float(), r.Float(), r.Float()
	}
}

func (m *Model) decodePredictor(r *wire.Reader) { m.decodeKind(r.Uint8(), r) }

// decodeKind reads any predictor: a calibrated one holds any other, a pipeline a vote or a plain one, a vote plain ones.
func (m *Model) decodeKind(kind uint8, r *wire.Reader) {
	switch kind {
	case kindCalibrated:
		m.Predictor = decodeCalibrated(r, m)
	case kindPipeline:
		m.Predictor = decodePipeline(r, m)
	default:
		m.decodeInner(kind, r)
	}
}

// decodeInner reads what a pipeline may hold.
func (m *Model) decodeInner(kind uint8, r *wire.Reader) {
	if kind == kindVote {
		m.Predictor = decodeVote(r, m)
		return
	}
	m.decodePlain(kind, r)
}

// decodePlain reads a predictor that holds no other one.
func (m *Model) decodePlain(kind uint8, r *wire.Reader) {
	switch kind {
	case kindBaseline:
		m.Predictor = &Baseline{Task: m.Task, P: r.Floats()}
	case kindLinear:
		m.Predictor = decodeLinear(r, m)
	case kindTrees:
		m.Predictor = decodeTrees(r, m)
	default:
		r.Fail(fault.Invalidf("a predictor of the unknown kind %d", kind))
	}
}

func (b *Baseline) encode(w *wire.Writer) {
	w.Uint8(kindBaseline)
	w.Floats(b.P)
}

func (l *Linear) encode(w *wire.Writer) {
	w.Uint8(kindLinear)
	w.Floats(l.Intercept)
	for _, t := range l.Terms {
		w.Float(t.Centre)
		w.Floats(t.Effect)
	}
}

func decodeLinear(r *wire.Reader, m *Model) *Linear {
	l := &Linear{Task: m.Task, Intercept: r.Floats(), Terms: make([]Term, len(m.Features))}
	for i := range l.Terms {
		l.Terms[i] = Term{Levels: levelCount(m.Features[i]), Centre: r.Float(), Effect: r.Floats()}
	}
	return l
}

// The flags of a stored node.
const (
	storedSplit uint8 = 1 << iota
	storedMissingRight
)

func (t *Trees) encode(w *wire.Writer) {
	w.Uint8(kindTrees)
	w.Uint8(uint8(t.link))
	w.Floats(t.base)
	w.Uint32(uint32(len(t.roots)))
	for i := range t.roots {
		tree := t.tree(i)
		w.Uint32(uint32(len(tree)))
		for _, n := range tree {
			var flags uint8
			if n.Feature >= 0 {
				flags |= storedSplit
			}
			if n.MissingRight {
				flags |= storedMissingRight
			}
			w.Uint8(flags)
			w.Float(n.Value)
			switch {
			case n.Feature < 0:
				continue
			case t.levels[n.Feature] < 0:
				w.Uint16(uint16(n.Feature))
				w.Float(n.Threshold)
			default:
				w.Uint16(uint16(n.Feature))
				for _, word := range n.Left {
					w.Uint64(word)
				}
			}
		}
	}
}

func decodeTrees(r *wire.Reader, m *Model) *Trees {
	const leastTree, leastNode = 4 + 9, 9
	link := Link(r.Uint8())
	t := NewTrees(link, m.Features, r.Floats())
	for range r.Count(MaxTrees, leastTree) {
		tree := make([]Node, r.Count(maxNodes, leastNode))
		for i := range tree {
			tree[i] = t.decodeNode(r)
			if r.Err() != nil {
				return t
			}
		}
		if err := t.Add(tree); err != nil {
			r.Fail(err)
			return t
		}
	}
	return t
}

func (t *Trees) decodeNode(r *wire.Reader) Node {
	flags := r.Uint8()
	n := Node{Feature: -1, MissingRight: flags&storedMissingRight != 0, Value: r.Float()}
	if flags&storedSplit == 0 {
		if flags != 0 {
			r.Fail(fault.Invalidf("a leaf with flags %d", flags))
		}
		return n
	}
	if flags&^(storedSplit|storedMissingRight) != 0 {
		r.Fail(fault.Invalidf("a node with flags %d", flags))
	}
	n.Feature = int(r.Uint16())
	if n.Feature >= len(t.levels) {
		r.Fail(fault.Invalidf("a node that asks feature %d of %d", n.Feature, len(t.levels)))
		return n
	}
	if levels := int(t.levels[n.Feature]); levels < 0 {
		n.Threshold = r.Float()
	} else if k := words(levels); r.Has(8 * k) {
		n.Left = make([]uint64, k)
		for i := range n.Left {
			n.Left[i] = r.Uint64()
		}
	}
	return n
}
