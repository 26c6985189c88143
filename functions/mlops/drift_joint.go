package main

import (
	"runtime"

	"github.com/spf13/cobra"

	"mlops/shared/dataset"
	"mlops/shared/drift"
	"mlops/shared/drift/domain"
	"mlops/shared/drift/joint"
)

// jointFlags say whether the columns are looked at together.
type jointFlags struct{ on bool }

func (f *jointFlags) bind(c *cobra.Command) {
	c.Flags().BoolVar(&f.on, "multivariate", true, "also look for changes in how columns go together, by PCA reconstruction and by a classifier of the rows")
}

// apply turns the multivariate tests off, where the flag says so.
func (f jointFlags) apply(policy *drift.Policy) {
	if !f.on {
		policy.JointShare = 0
	}
}

// separate asks a classifier to tell the tables apart; nil where the policy wants no multivariate tests.
func separate(reference, current *dataset.Frame, policy drift.Policy) *joint.Separation {
	if policy.JointShare == 0 {
		return nil
	}
	return domain.Classify(reference, current, domain.Options{Threads: runtime.GOMAXPROCS(0)})
}
