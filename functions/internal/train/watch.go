package train

import (
	"context"
	"time"

	"mlops/shared/training"
)

// Watch times a training by what it tells: how long each candidate took, and whether there is time for another fit. It is not for several goroutines.
type Watch struct {
	Now      func() time.Time
	Limit    time.Time          // when the training must be done; zero = never
	Seconds  map[string]float64 // by candidate
	Longest  time.Duration      // of one fit
	Last     training.Progress
	show     func(training.Progress)
	began    time.Time
	starting string
}

// NewWatch begins to watch; show (nil = nobody) hears what the training tells.
func NewWatch(now func() time.Time, limit time.Time, show func(training.Progress)) *Watch {
	return &Watch{Now: now, Limit: limit, Seconds: map[string]float64{}, show: show}
}

// Show takes the training's word on where it stands: between two of them lies one fit.
func (w *Watch) Show(p training.Progress) {
	now := w.Now()
	if w.starting != "" {
		took := now.Sub(w.began)
		w.Seconds[w.starting] += took.Seconds()
		w.Longest = max(w.Longest, took)
	}
	w.starting, w.began, w.Last = p.Running, now, p
	if w.show != nil {
		w.show(p)
	}
}

// Stop says whether no further fit is to begin: ctx is done, or what is left of the time is needed for the last fit on all rows, which takes as long as
// the longest so far and half as long again, and for importance.
func (w *Watch) Stop(ctx context.Context) func() bool {
	return func() bool {
		return ctx.Err() != nil || !w.Limit.IsZero() && !w.Now().Add(2*w.Longest).Before(w.Limit)
	}
}
