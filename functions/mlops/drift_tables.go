package main

import (
	"encoding/json"
	"errors"
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
	reference, current, config, save, order string
	numerical, categorical                  []string
	together, failOnDrift                   bool

	then, now dataset.Source // the files, once open has looked at them
}

func (r *driftRun) bind(c *cobra.Command) {
	c.Flags().StringVar(&r.reference, "reference", "", "the table to compare with (- = stdin), or the profile of one that --save-profile wrote")
	c.Flags().StringVar(&r.current, "current", "", "the table that may have drifted; - = stdin")
	c.Flags().StringSliceVar(&r.numerical, "numerical", nil, "columns that must be numbers")
	c.Flags().StringSliceVar(&r.categorical, "categorical", nil, "columns to read as categories")
	c.Flags().BoolVar(&r.together, "multivariate", true, "also look for changes in how columns go together, by PCA reconstruction and by a classifier of the rows")
	c.Flags().StringVar(&r.order, "order", "", "of the reference's rows: time, so that its stretches say what ordinary windows look like, or none (default: time, unless they are found sorted)")
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

// open finds the files. A profile is of use as a reference of the default method only. Every file that cannot be read is named. What it
// returns lets go of them.
func (r *driftRun) open(evidently bool) (done func(), err error) {
	if r.reference == "-" && r.current == "-" {
		return nil, usage{fmt.Errorf("only one of --reference and --current can be stdin")}
	}
	var problems []fault.Detail
	for _, f := range [][2]string{{"--reference", r.reference}, {"--current", r.current}, {"--config", r.config}} {
		if flag, file := f[0], f[1]; file != "" && file != "-" {
			if err := readable(file); err != nil {
				problems = append(problems, fault.Detail{Field: flag, Code: "unreadable", Got: file, Expected: "a file: " + err.Error()})
			} else if _, is, err := profileIn(file); err == nil && is && (flag == "--current" || flag == "--reference" && evidently) {
				problems = append(problems, fault.Detail{Field: flag, Code: "wrong_type", Got: file + ", a drift profile", Expected: "the table itself: a profile has no rows" + onlyDefault[flag]})
			}
		}
	}
	if problems != nil {
		return nil, usage{fault.Invalidf("mlops drift cannot use %s", counted(len(problems), "file")).With(problems...)}
	}
	then, doneThen, err := tableFrom(r.reference, os.Stdin)
	if err != nil {
		return nil, err
	}
	now, doneNow, err := tableFrom(r.current, os.Stdin)
	if err != nil {
		doneThen()
		return nil, err
	}
	r.then, r.now = then, now
	return func() { doneThen(); doneNow() }, nil
}

// onlyDefault is what else there is to say of a profile behind a flag.
var onlyDefault = map[string]string{"--reference": "; --method default can compare with one"}

// readable opens a file, or says why it cannot be.
func readable(file string) error {
	f, err := os.Open(file)
	if err != nil {
		var p *os.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return errors.New("it is a folder")
	}
	return nil
}

// profileIn is what a file holds if its name is that of JSON, and whether it is a drift profile.
func profileIn(file string) (b []byte, is bool, err error) {
	if !strings.EqualFold(path.Ext(file), ".json") {
		return nil, false, nil
	}
	b, err = readFile(file, drift.MaxProfile)
	return b, err == nil && drift.IsProfile(b), err
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
	tally, err := reference.tally(r.now, r.options(), policy)
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
		if policy, err = drift.ReadPolicy(b, policy); err != nil {
			return policy, fault.Wrap(err, "use %s", r.config)
		}
	}
	if !r.together {
		policy.JointShare = 0
	}
	return policy, policy.Validate()
}

// readReference makes the profile of a table, with some of its rows, or reads one.
func (r *driftRun) readReference() (ref driftReference, err error) {
	b, is, err := profileIn(r.reference)
	if err != nil {
		return ref, usage{fmt.Errorf("read --reference: %w", err)}
	}
	if is {
		ref.profile, err = drift.ReadProfile(b)
		return ref, fault.Wrap(err, "read --reference %s", r.reference)
	}
	ref.profile, ref.rows, err = drift.ProfileAndRows(r.then, r.options(), r.order, sampledRows)
	return ref, fault.Wrap(err, "read --reference %s", r.reference)
}
