package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"github.com/spf13/cobra"

	"mlops/shared/fault"
	"mlops/shared/remedy/replay"
)

func replayCommand(a *app) *cobra.Command {
	var scenario string
	c := &cobra.Command{
		Use: "replay", Short: "Run recorded incidents through the agent and four simpler rules, and score them; exit 1 when the agent misses one", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			files := []string{scenario}
			info, err := os.Stat(scenario)
			if err != nil {
				return usage{fmt.Errorf("read the scenarios: %w", err)}
			}
			if info.IsDir() {
				if files, err = filepath.Glob(filepath.Join(scenario, "*.txtar")); err != nil || len(files) == 0 {
					return usage{fmt.Errorf("there is no .txtar in %s", scenario)}
				}
				sort.Strings(files)
			}
			var all []replay.Scenario
			for _, f := range files {
				b, err := os.ReadFile(f)
				if err != nil {
					return usage{err}
				}
				s, err := replay.Parse(stem(f), b)
				if err != nil {
					return fault.Wrap(err, "read %s", f)
				}
				all = append(all, s)
			}
			r := replay.Run(all)
			a.answer = r
			if !a.json {
				for _, s := range r.Scenarios {
					mark := "ok  "
					if !s.OK {
						mark = "MISS"
					}
					a.printf("%s %-40s %s\n", mark, s.Name, s.Got)
				}
				a.printf("agent: resolution %.0f %%, false actions %.0f %%, forbidden %d\n", 100*float64(r.Agent.ResolutionRate), 100*float64(r.Agent.FalseActionRate), r.Agent.ForbiddenActions)
				names := make([]string, 0, len(r.Baselines))
				for n := range r.Baselines {
					names = append(names, n)
				}
				sort.Strings(names)
				for _, n := range names {
					b := r.Baselines[n]
					a.printf("%s: resolution %.0f %%, false actions %.0f %%, forbidden %d\n", n, 100*float64(b.ResolutionRate), 100*float64(b.FalseActionRate), b.ForbiddenActions)
				}
			}
			for _, s := range r.Scenarios {
				if !s.OK {
					return errNegative
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&scenario, "scenario", "testdata/scenarios", "a .txtar file, or a folder of them")
	return c
}
