package main

import (
	"runtime"

	"mlops/shared/dataset"
	"mlops/shared/drift"
	"mlops/shared/drift/domain"
	"mlops/shared/drift/joint"
)

// driftReference is what a window is compared with.
type driftReference struct {
	profile *drift.Profile
	rows    *dataset.Frame // some of the table's, for the classifier; nil where a profile is all there is
}

// sampledRows of either table are drawn while it is read: of so many at most, half stay at least, which are as many as a classifier is shown.
func sampledRows(columns int) int { return 2 * domain.Rows(columns) }

// tally counts a table, and asks a classifier to tell its rows from the reference's where the policy wants multivariate tests.
func (r driftReference) tally(s dataset.Source, o dataset.Options, policy drift.Policy) (*drift.Tally, error) {
	if policy.JointShare == 0 {
		return r.profile.TallyOf(s, o)
	}
	if r.rows == nil {
		t, err := r.profile.TallyOf(s, o)
		if err != nil {
			return nil, err
		}
		return t, t.Add(drift.Window{Domain: joint.NotSeparated("it takes rows of the reference, and a profile keeps none")})
	}
	t, rows, err := r.profile.TallyAndRows(s, o, sampledRows)
	if err != nil {
		return nil, err
	}
	return t, t.Add(drift.Window{Domain: domain.Classify(r.rows, rows, domain.Options{Threads: runtime.GOMAXPROCS(0)})})
}
