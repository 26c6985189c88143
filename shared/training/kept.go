package training

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"mlops/shared/model/fit"
)

// Kept remembers finished fits from one training to the next, so that one which was cut short goes on where it stood: by a key, the predictions of the
// fold's rows. Whoever implements it keeps apart what belongs to different tables, and to different releases of the program. A Get of what is not
// there, or cannot be read, is nil.
type Kept interface {
	Get(key string) []float64
	Put(key string, predictions []float64)
}

// key names a fit by everything that decides it but the table.
func (r *run) key(t *trial, k int) string {
	what := struct {
		Algorithm string
		Params    map[string]any
		Recipe    fit.Recipe
		Shape     Shape
		Target    string
		Classes   []string
		Seed      uint64
		Features  int
		Folds     string
		Fold      int
	}{t.estimator.Algorithm(), t.estimator.Params(), r.spec.Recipe, r.spec.Shape, r.data.Labels.Name, r.data.Labels.Classes, r.spec.Seed, len(r.data.Features), r.foldDigest(), k}
	b, err := json.Marshal(what)
	if err != nil { // texts and finite numbers always have JSON
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// foldDigest names how the rows were dealt.
func (r *run) foldDigest() string {
	if r.folds != "" {
		return r.folds
	}
	h := sha256.New()
	var buf []byte
	for _, at := range r.fold {
		buf = append(strconv.AppendInt(buf[:0], int64(at), 10), ' ')
		h.Write(buf)
	}
	r.folds = hex.EncodeToString(h.Sum(nil))
	return r.folds
}

// recall gives the predictions of a fit that was kept; nil when it was not, or they are not those of the fold's rows.
func (r *run) recall(t *trial, k int) []float64 {
	if r.kept == nil {
		return nil
	}
	p := r.kept.Get(r.key(t, k))
	if len(p) != len(r.held[k])*max(1, len(r.data.Labels.Classes)) {
		return nil
	}
	return p
}

func (r *run) keep(t *trial, k int, predictions []float64) {
	if r.kept != nil {
		r.kept.Put(r.key(t, k), predictions)
	}
}
