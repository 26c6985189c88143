package main

import (
	"time"

	"github.com/spf13/cobra"

	"mlops/functions/internal/story"
	"mlops/shared/fault"
)

func demoCommand(a *app) *cobra.Command {
	var o story.Options
	c := &cobra.Command{
		Use:   "demo",
		Short: "Play one model's whole life in a state of its own; exit 0 only if every step was verified",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			start := time.Now()
			o.Out = a.out
			if a.json {
				o.Out = a.err
			}
			err := story.Tell(c.Context(), o)
			a.answer = map[string]any{"verified": err == nil, "seconds": time.Since(start).Seconds()}
			if err == nil {
				a.printf("\nevery step verified in %.1f s\n", time.Since(start).Seconds())
				return nil
			}
			if fault.Is(err, fault.Internal) {
				a.explain(err)
				return errNegative
			}
			return err
		},
	}
	c.Flags().StringVar(&o.Data, "data", "testdata/datasets/heart.csv", "the table")
	c.Flags().StringVar(&o.Target, "target", "", "its target (default: the last column)")
	c.Flags().StringVar(&o.ShiftBy, "shift-by", "site", "the column of the groups: trained on the first, served the second")
	c.Flags().StringVar(&o.Dir, "state", "", "keep the state in this folder (default: a temporary one)")
	return c
}
