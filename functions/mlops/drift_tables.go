package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"mlops/shared/dataset"
	"mlops/shared/drift"
	"mlops/shared/fault"
)

// driftRun is `mlops drift` of two tables, or of a stored profile and a table.
type driftRun struct {
	reference, current, config, save string
	numerical, categorical           []string
	together, failOnDrift            bool
}

func (r *driftRun) bind(c *cobra.Command) {
	c.Flags().StringVar(&r.reference, "reference", "", "the table to compare with, or the profile of one that --save-profile wrote")
	c.Flags().StringVar(&r.current, "current", "", "the table that may have drifted")
	c.Flags().StringSliceVar(&r.numerical, "numerical", nil, "columns that must be numbers")
	c.Flags().StringSliceVar(&r.categorical, "categorical", nil, "columns to read as categories")
	c.Flags().BoolVar(&r.together, "multivariate", true, "also look for changes in how columns go together, by PCA reconstruction and by a classifier of the rows")
	c.Flags().StringVar(&r.save, "save-profile", "", "where to write the profile of --reference, which is then enough; without --current nothing is compared")
	c.Flags().StringVar(&r.config, "config", "", "a JSON file of thresholds")
	c.Flags().BoolVar(&r.failOnDrift, "fail-on-drift", false, "exit 1 when the dataset drifted")
}

// required names the flags that are missing.
func (r *driftRun) required() error {
	needed := []string{"--reference", r.reference, "--current", r.current}
	if r.save != "" {
		needed = needed[:2]
	}
	return required("drift", needed...)
}

// driftOfTables compares by the default rule. Neither table is held.
func (a *app) driftOfTables(r driftRun) error {
	policy, err := r.policy()
	if err != nil {
		return err
	}
	reference, err := r.readReference()
	if err != nil {
		return err
	}
	if r.save != "" {
		b, err := json.Marshal(reference.profile)
		if err != nil {
			return fault.Wrap(err, "save the profile of %s", r.reference)
		}
		if err := a.write(r.save, append(b, '\n')); err != nil || r.current == "" {
			return err
		}
	}
	tally, err := reference.tally(r.current, r.options(), policy)
	if err != nil {
		return fault.Wrap(err, "read --current %s", r.current)
	}
	report, err := reference.profile.Compare(tally, policy)
	if err != nil {
		return fault.Wrap(err, "compare %s with %s", r.current, r.reference)
	}
	a.answer = report
	if !a.json {
		a.showDrift(report)
	}
	if r.failOnDrift && report.DatasetDrift {
		return errNegative
	}
	return nil
}

// options keep infinities among numbers: they are a finding of their column, and no reason to refuse the others.
func (r *driftRun) options() dataset.Options {
	return dataset.Options{Numeric: r.numerical, Categorical: r.categorical, Infinite: true}
}

// policy is the default one, with what the configuration and the flags change.
func (r *driftRun) policy() (drift.Policy, error) {
	policy := drift.DefaultPolicy()
	if r.config != "" {
		b, err := os.ReadFile(r.config)
		if err != nil {
			return policy, usage{fmt.Errorf("read the configuration: %w", err)}
		}
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		if err := d.Decode(&policy); err != nil {
			return policy, fault.Invalidf("read the configuration %s: it is not JSON of a drift policy", r.config).Because(err)
		}
	}
	if !r.together {
		policy.JointShare = 0
	}
	return policy, policy.Validate()
}

// readReference makes the profile of a table, with some of its rows, or reads one.
func (r *driftRun) readReference() (ref driftReference, err error) {
	if strings.EqualFold(path.Ext(r.reference), ".json") {
		b, err := readFile(r.reference, drift.MaxProfile)
		if err != nil {
			return ref, usage{fmt.Errorf("read --reference: %w", err)}
		}
		if drift.IsProfile(b) {
			ref.profile, err = drift.ReadProfile(b)
			return ref, fault.Wrap(err, "read --reference %s", r.reference)
		}
	}
	ref.profile, ref.rows, err = drift.ProfileAndRows(tableIn(r.reference), r.options(), sampledRows)
	return ref, fault.Wrap(err, "read --reference %s", r.reference)
}
