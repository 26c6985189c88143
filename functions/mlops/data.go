package main

import "github.com/spf13/cobra"

// dataCommand groups the commands on a platform's datasets.
func dataCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "data", Short: "Datasets of a platform", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(dataPushCommand(a), dataQualityCommand(a))
	return c
}
