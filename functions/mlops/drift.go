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

func driftCommand(a *app) *cobra.Command {
	var reference, current, method, config, save string
	var numerical, categorical []string
	var failOnDrift bool
	c := &cobra.Command{
		Use:   "drift",
		Short: "Compare two tables, column by column",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			needed := []string{"--reference", reference, "--current", current}
			if save != "" {
				needed = needed[:2]
			}
			if err := required("drift", needed...); err != nil {
				return err
			}
			if method != "default" {
				return usage{fmt.Errorf("--method %q is not known: default", method)}
			}
			policy := drift.DefaultPolicy()
			if config != "" {
				b, err := os.ReadFile(config)
				if err != nil {
					return usage{fmt.Errorf("read the configuration: %w", err)}
				}
				d := json.NewDecoder(bytes.NewReader(b))
				d.DisallowUnknownFields()
				if err := d.Decode(&policy); err != nil {
					return fault.Invalidf("read the configuration %s: it is not JSON of a drift policy", config).Because(err)
				}
			}
			if err := policy.Validate(); err != nil {
				return err
			}
			o := dataset.Options{Numeric: numerical, Categorical: categorical}
			profile, err := readReference(reference, o)
			if err != nil {
				return err
			}
			if save != "" {
				b, err := json.Marshal(profile)
				if err != nil {
					return fault.Wrap(err, "save the profile of %s", reference)
				}
				if err := a.write(save, append(b, '\n')); err != nil || current == "" {
					return err
				}
			}
			tally, err := profile.TallyOf(tableIn(current), o)
			if err != nil {
				return fault.Wrap(err, "read --current %s", current)
			}
			report, err := profile.Compare(tally, policy)
			if err != nil {
				return fault.Wrap(err, "compare %s with %s", current, reference)
			}
			a.answer = report
			if !a.json {
				a.showDrift(report)
			}
			if failOnDrift && report.DatasetDrift {
				return errNegative
			}
			return nil
		},
	}
	c.Flags().StringVar(&reference, "reference", "", "the table to compare with, or the profile of one that --save-profile wrote")
	c.Flags().StringVar(&current, "current", "", "the table that may have drifted")
	c.Flags().StringVar(&method, "method", "default", "the rule")
	c.Flags().StringSliceVar(&numerical, "numerical", nil, "columns that must be numbers")
	c.Flags().StringSliceVar(&categorical, "categorical", nil, "columns to read as categories")
	c.Flags().StringVar(&save, "save-profile", "", "where to write the profile of --reference, which is then enough; without --current nothing is compared")
	c.Flags().StringVar(&config, "config", "", "a JSON file of thresholds")
	c.Flags().BoolVar(&failOnDrift, "fail-on-drift", false, "exit 1 when the dataset drifted")
	return c
}

// readReference makes the profile of a table, or reads one.
func readReference(file string, o dataset.Options) (*drift.Profile, error) {
	if strings.EqualFold(path.Ext(file), ".json") {
		b, err := readFile(file, drift.MaxProfile)
		if err != nil {
			return nil, usage{fmt.Errorf("read --reference: %w", err)}
		}
		if drift.IsProfile(b) {
			p, err := drift.ReadProfile(b)
			return p, fault.Wrap(err, "read --reference %s", file)
		}
	}
	p, err := drift.ProfileOf(tableIn(file), o)
	return p, fault.Wrap(err, "read --reference %s", file)
}

func (a *app) showDrift(r *drift.Report) {
	a.printf("%s: %d of %d columns drifted (%d rows against %d)\n", r.Verdict, r.NumberOfDrifted, r.NumberOfColumns, r.NCurrent, r.NReference)
	for _, x := range r.Reasons {
		a.printf("  %s\n", x)
	}
	for _, f := range r.Findings {
		a.printf("  %-5s %s\n", f.Severity, f.Text)
	}
}
