package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"mlops/shared/quality"
)

// dataQualityCommand shows how the data of a dataset, or the traffic of a model, was over time.
func dataQualityCommand(a *app) *cobra.Command {
	var r remote
	var kind string
	c := &cobra.Command{
		Use: "quality <name>", Short: "How a dataset's uploads (--of traffic, batch: a model's requests) were over time; exit 1 when a series bears an anomaly", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			b, err := r.call(c.Context(), http.MethodGet, "/quality/"+url.PathEscape(kind)+"/"+url.PathEscape(args[0]), nil)
			if err != nil {
				return err
			}
			a.answer = b
			var v struct {
				At    []time.Time
				Lines []quality.Line
			}
			if err := json.Unmarshal(b, &v); err != nil {
				return err
			}
			odd := 0
			for _, l := range v.Lines {
				verdict := "as before"
				switch {
				case !l.Since.IsZero():
					verdict, odd = "anomaly since "+l.Since.Format(time.RFC3339), odd+1
				case math.IsNaN(float64(l.Low)):
					verdict = "too few values to say"
				}
				if !a.json {
					a.printf("%-32s %10.4g  expected %s  %d values  %s\n", l.Series, float64(l.Value), span(l), l.Points, verdict)
				}
			}
			if !a.json {
				a.printf("%d batches, %d series, %d anomalies\n", len(v.At), len(v.Lines), odd)
			}
			if odd > 0 {
				return errNegative
			}
			return nil
		},
	}
	c.Flags().StringVar(&kind, "of", "dataset", "dataset (uploads), traffic (a model's requests by the day) or batch (its batch jobs)")
	r.flags(c)
	return c
}

// span is where a value was expected.
func span(l quality.Line) string {
	if math.IsNaN(float64(l.Low)) {
		return "-"
	}
	return fmt.Sprintf("%.4g..%.4g", float64(l.Low), float64(l.High))
}
