package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"mlops/shared/dataset"
	"mlops/shared/drift"
	"mlops/shared/fault"
)

func driftCommand(a *app) *cobra.Command {
	var reference, current, method, config, format string
	var numerical, categorical []string
	var failOnDrift bool
	var together jointFlags
	var sequence streamFlags
	var ask driftAsk
	c := &cobra.Command{
		Use:   "drift [model]",
		Short: "Compare two tables, column by column; or measure a platform's traffic to a model now",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				if reference != "" || current != "" || sequence.column != "" {
					return notBoth()
				}
				return ask.check(c.Context(), a, args[0], failOnDrift)
			}
			if sequence.column != "" {
				if err := a.detect(sequence, current, method, config); err != nil {
					return err
				}
				if failOnDrift && len(a.answer.(detections).Detections) > 0 {
					return errNegative
				}
				return nil
			}
			if err := required("drift", "--reference", reference, "--current", current); err != nil {
				return err
			}
			switch method {
			case "default":
			case "evidently":
				return a.driftAsEvidently(evidentlyRun{reference, current, config, format, numerical, categorical, failOnDrift})
			default:
				return usage{fmt.Errorf("--method %q is not known: default, evidently; with --stream adwin, page_hinkley or kswin", method)}
			}
			if c.Flags().Changed("format") {
				return usage{fmt.Errorf("--format is a choice of --method evidently only")}
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
			together.apply(&policy)
			if err := policy.Validate(); err != nil {
				return err
			}
			o := dataset.Options{Numeric: numerical, Categorical: categorical}
			ref, err := readTable(reference, o)
			if err != nil {
				return fault.Wrap(err, "read --reference %s", reference)
			}
			cur, err := readTable(current, o)
			if err != nil {
				return fault.Wrap(err, "read --current %s", current)
			}
			profile, err := drift.NewProfile(drift.Reference{Frame: ref})
			if err != nil {
				return fault.Wrap(err, "profile %s", reference)
			}
			report, err := drift.Measure(profile, drift.Window{Frame: cur, Domain: separate(ref, cur, policy)}, policy)
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
	c.Flags().StringVar(&reference, "reference", "", "the table to compare with")
	c.Flags().StringVar(&current, "current", "", "the table that may have drifted")
	c.Flags().StringVar(&method, "method", "default", "the rule: default, or evidently: Evidently's verdict with its numbers")
	c.Flags().StringVar(&format, "format", "report", "with --method evidently --json, which of its documents: report, snapshot (0.7), as_dict (before 0.7)")
	c.Flags().StringSliceVar(&numerical, "numerical", nil, "columns that must be numbers")
	c.Flags().StringSliceVar(&categorical, "categorical", nil, "columns to read as categories")
	together.bind(c)
	sequence.bind(c)
	c.Flags().StringVar(&config, "config", "", "a JSON file of thresholds")
	c.Flags().BoolVar(&failOnDrift, "fail-on-drift", false, "exit 1 when the dataset drifted")
	c.Flags().DurationVar(&ask.window, "window", 0, "of a model's traffic: how far back (default: as configured)")
	c.Flags().IntVar(&ask.rows, "rows", 0, "of a model's traffic: the newest so many rows (default: as configured)")
	ask.flags(c)
	return c
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
