package train

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"path"
	"time"

	"mlops/functions/internal/capture"
	"mlops/shared/fault"
	"mlops/shared/model/wire"
)

const fitMagic, fitVersion = "mlopsfit", 1

// maxFit is the largest kept fit that is read back, bytes.
const maxFit = 1 << 30

// EncodeFit writes the predictions of a finished fit under its key.
func EncodeFit(key string, predictions []float64) []byte {
	var w wire.Writer
	w.String(key)
	w.Uint32(uint32(len(predictions)))
	for _, v := range predictions {
		w.Uint64(math.Float64bits(v))
	}
	return wire.Seal(fitMagic, fitVersion, w.Bytes)
}

// DecodeFit reads what EncodeFit wrote for that key; nil when it is anything else, or damaged.
func DecodeFit(key string, b []byte) []float64 {
	r, err := wire.Open(fitMagic, fitVersion, b)
	if err != nil || r.String(128) != key {
		return nil
	}
	out := make([]float64, r.Count(math.MaxInt32, 8))
	for i := range out {
		out[i] = math.Float64frombits(r.Uint64())
	}
	if r.End(); r.Err() != nil {
		return nil
	}
	return out
}

// Fits keeps finished fits as objects, so that a training that was cut short goes on where it stood when its event is delivered again. A training of a
// few seconds leaves none: until After has passed they wait.
type Fits struct {
	Blobs capture.Blobs
	Dir   string // of this table, this release and this architecture
	After time.Time
	Now   func() time.Time
	ctx   context.Context
	found map[string]bool // keys that were there at the start
	wait  map[string][]byte
	err   error // of the first that could not be kept: the training goes on
}

// Scope names what fits of different trainings must agree in to be exchanged.
func Scope(data string, e Environment) string {
	sum := sha256.Sum256([]byte(data + "\x00" + e.Code + "\x00" + e.Arch))
	return hex.EncodeToString(sum[:8])
}

// open lists what is there.
func (f *Fits) open(ctx context.Context) error {
	f.ctx, f.found, f.wait = ctx, map[string]bool{}, map[string][]byte{}
	for after := ""; ; {
		keys, err := f.Blobs.List(ctx, f.Dir+"/", after, 1000)
		if err != nil {
			return err
		}
		for _, k := range keys {
			f.found[path.Base(k)] = true
		}
		if len(keys) < 1000 {
			return nil
		}
		after = keys[len(keys)-1]
	}
}

// Get reads a fit that is kept.
func (f *Fits) Get(key string) []float64 {
	if !f.found[key] {
		return nil
	}
	b, err := f.Blobs.Get(f.ctx, path.Join(f.Dir, key), maxFit)
	if err != nil {
		return nil
	}
	return DecodeFit(key, b)
}

// Put keeps a fit, once the training has lasted.
func (f *Fits) Put(key string, predictions []float64) {
	if f.wait[key] = EncodeFit(key, predictions); f.Now().Before(f.After) {
		return
	}
	for k, b := range f.wait {
		if err := f.Blobs.Create(f.ctx, path.Join(f.Dir, k), b); err != nil && !fault.Is(err, fault.Conflict) && f.err == nil {
			f.err = err
		}
		delete(f.wait, k)
	}
}

// Records are fits one behind the other, as a file of them grows: each EncodeFit with its length before it.
func Records(b []byte) (fits map[string][]float64, whole int) {
	fits = map[string][]float64{}
	for {
		r := wire.NewReader(b[whole:])
		n := int(r.Uint32())
		if r.Err() != nil || n < 0 || n > len(b)-whole-4 {
			return fits, whole // torn: the program died while it wrote
		}
		one := b[whole+4 : whole+4+n]
		inner, err := wire.Open(fitMagic, fitVersion, one)
		if err != nil {
			return fits, whole
		}
		key := inner.String(128)
		fits[key] = DecodeFit(key, one)
		whole += 4 + n
	}
}

// Record is a fit as Records reads it.
func Record(key string, predictions []float64) []byte {
	b := EncodeFit(key, predictions)
	var w wire.Writer
	w.Uint32(uint32(len(b)))
	return bytes.Join([][]byte{w.Bytes, b}, nil)
}
