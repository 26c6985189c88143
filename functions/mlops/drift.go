package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"mlops/shared/drift"
)

func driftCommand(a *app) *cobra.Command {
	var run driftRun
	var method, format string
	var sequence streamFlags
	var ask driftAsk
	c := &cobra.Command{
		Use:   "drift [model]",
		Short: "Compare two tables, column by column; or measure a platform's traffic to a model now",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				if run.reference != "" || run.current != "" || sequence.column != "" {
					return notBoth()
				}
				return ask.check(c.Context(), a, args[0], run.failOnDrift)
			}
			if c.Flags().Changed("window") || c.Flags().Changed("rows") {
				return usage{fmt.Errorf("--window and --rows choose among a model's traffic: mlops drift <model>")}
			}
			if ask.given(c) {
				return usage{fmt.Errorf("--url and --state are where a model's traffic is: mlops drift <model>; two files are compared here, without a platform")}
			}
			if sequence.column != "" {
				return a.detect(sequence, run.current, method, run.config, run.failOnDrift)
			}
			if method == "evidently" && run.save != "" {
				return usage{fmt.Errorf("--save-profile is a choice of --method default only: Evidently's numbers take the reference's rows")}
			}
			if err := run.required(); err != nil {
				return err
			}
			if method != "default" && method != "evidently" {
				return usage{fmt.Errorf("--method %q is not known: default, evidently; with --stream adwin, page_hinkley or kswin", method)}
			}
			if method == "evidently" && run.order != "" {
				return usage{fmt.Errorf("--order is a choice of --method default only: Evidently's numbers know no order")}
			}
			if method == "default" && c.Flags().Changed("format") {
				return usage{fmt.Errorf("--format is a choice of --method evidently only")}
			}
			done, err := run.open(method == "evidently")
			if err != nil {
				return err
			}
			defer done()
			if method == "evidently" {
				return a.driftAsEvidently(evidentlyRun{run, format})
			}
			return a.driftOfTables(run)
		},
	}
	run.bind(c)
	c.Flags().StringVar(&method, "method", "default", "the rule: default, or evidently: Evidently's verdict with its numbers")
	c.Flags().StringVar(&format, "format", "report", "with --method evidently --json, which of its documents: report, snapshot (0.7), as_dict (before 0.7)")
	sequence.bind(c)
	c.Flags().DurationVar(&ask.window, "window", 0, "of a model's traffic: how far back (default: as configured)")
	c.Flags().IntVar(&ask.rows, "rows", 0, "of a model's traffic: the newest so many rows (default: as configured)")
	ask.flags(c)
	return c
}

func (a *app) showDrift(r *drift.Report) {
	a.printf("%s: %d of %s drifted (%s against %d)\n", r.Verdict, r.NumberOfDrifted, counted(r.NumberOfColumns, "column"), counted(r.NCurrent, "row"), r.NReference)
	for _, x := range r.Reasons {
		a.printf("  %s\n", x)
	}
	for _, f := range r.Findings {
		a.printf("  %-5s %s\n", f.Severity, f.Text)
	}
}

// counted is a number of things for people.
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
