package stream

import (
	"encoding/json"
	"math/rand/v2"
	"slices"

	"mlops/shared/fault"
)

// KSWINParams are the parameters of a KSWIN, river's by default.
type KSWINParams struct {
	Alpha      float64 `json:"alpha"`       // chance of a false detection at each value, once the window is full; in (0, 1)
	WindowSize int     `json:"window_size"` // values that are kept
	StatSize   int     `json:"stat_size"`   // the newest of them, and as many drawn from the others
	Seed       uint64  `json:"seed"`        // of the draws
}

// KSWIN compares the newest StatSize values of a window with as many drawn from the older ones, by the exact two-sample
// Kolmogorov-Smirnov test, and detects a change when p <= Alpha and the distance exceeds 0.1; then only the newest values are kept. It
// sees any change of distribution, not only of the mean. Ties make the test cautious. What is drawn depends on Seed and the number of
// values seen, so the same sequence gives the same detections.
//
// Raab, Heusinger & Schleif, Reactive soft prototype computing for concept drift streams, Neurocomputing 416 (2020).
type KSWIN struct {
	KSWINParams
	N      int       `json:"n"`      // values seen
	Window []float64 `json:"window"` // oldest first
}

// leastDistance is what the distance must exceed, as in river.
const leastDistance = 0.1

// NewKSWIN is a KSWIN with river's parameters and seed 0.
func NewKSWIN() *KSWIN {
	return &KSWIN{KSWINParams: KSWINParams{Alpha: 0.005, WindowSize: 100, StatSize: 30}}
}

// State implements Detector.
func (k *KSWIN) State() json.RawMessage { return stored("kswin", k) }

// Update implements Detector.
func (k *KSWIN) Update(x float64) bool {
	x, ok := value(x)
	if !ok {
		return false
	}
	k.N++
	if len(k.Window) == k.WindowSize {
		copy(k.Window, k.Window[1:])
		k.Window[k.WindowSize-1] = x
	} else {
		k.Window = append(k.Window, x)
	}
	if len(k.Window) < k.WindowSize {
		return false
	}
	older := slices.Clone(k.Window[:k.WindowSize-k.StatSize])
	newer := slices.Clone(k.Window[k.WindowSize-k.StatSize:])
	random := rand.New(rand.NewPCG(k.Seed, uint64(k.N)))
	for i := range k.StatSize { // the first StatSize of a random order
		j := i + random.IntN(len(older)-i)
		older[i], older[j] = older[j], older[i]
	}
	older = older[:k.StatSize]
	slices.Sort(older)
	slices.Sort(newer)
	apart := distance(older, newer)
	if float64(apart) <= leastDistance*float64(k.StatSize) || chanceOf(apart, k.StatSize) > k.Alpha {
		return false
	}
	k.Window = append(k.Window[:0], k.Window[k.WindowSize-k.StatSize:]...)
	return true
}

// distance is the Kolmogorov-Smirnov distance of two ascending samples of n values, times n.
func distance(a, b []float64) int {
	most, i, j := 0, 0, 0
	for i < len(a) && j < len(b) {
		x := min(a[i], b[j])
		for i < len(a) && a[i] == x {
			i++
		}
		for j < len(b) && b[j] == x {
			j++
		}
		most = max(most, i-j, j-i)
	}
	return most
}

// chanceOf is the chance that two samples of n values of one continuous distribution are h/n apart or more, exactly:
//
//	2 sum over k = 1.. n/h of (-1)^(k-1) C(2n, n-kh) / C(2n, n)
//
// Gnedenko & Korolyuk, Doklady Akademii Nauk SSSR 80 (1951); Feller, An Introduction to Probability Theory, vol. 1, III.10.
func chanceOf(h, n int) float64 {
	if h <= 0 {
		return 1
	}
	p, sign := 0.0, 2.0
	ratio, at := 1.0, 0 // C(2n, n-at) / C(2n, n)
	for k := h; k <= n; k += h {
		for ; at < k; at++ {
			ratio *= float64(n-at) / float64(n+at+1)
		}
		p += float64(sign * ratio)
		sign = -sign
	}
	return min(1, p)
}

func (k *KSWIN) validate() []fault.Detail {
	var l limits
	l.within("alpha", k.Alpha, 1e-300, 1-1e-9)
	l.within("window_size", float64(k.WindowSize), 4, 10_000)
	l.within("stat_size", float64(k.StatSize), 2, float64(k.WindowSize)/2)
	l.within("n", float64(k.N), float64(len(k.Window)), 1<<53)
	l.within("window", float64(len(k.Window)), 0, float64(k.WindowSize))
	for _, x := range k.Window {
		if l.within("window", x, -greatest, greatest); l != nil {
			break
		}
	}
	return l
}
