package remedy_test

import (
	"fmt"
	"time"

	"mlops/shared/drift"
	"mlops/shared/remedy"
)

// Two days in a row the estimate lies below its band; 380 newer rows have labels, and nothing is wrong with the data.
func ExampleDecide() {
	day := time.Date(2026, 3, 9, 10, 0, 0, 0, time.UTC)
	policy := remedy.DefaultPolicy()
	policy.DryRun = false

	d := remedy.Decide(remedy.Observation{
		Model: "heart", At: day, Trigger: remedy.TriggerDrift,
		Champion: &remedy.VersionFacts{Number: 1, PromotedAt: day.AddDate(0, 0, -8)},
		Drift: &drift.Report{
			NCurrent: 2410, Verdict: drift.Alert, DatasetDrift: true,
			Findings:  []drift.Finding{{Kind: drift.Covariate, Severity: drift.SeverityWarn, Feature: "thalach", Text: "thalach -0.6 sd"}},
			Estimated: &drift.Performance{Metric: "auc", Value: 0.83, Low: 0.80, High: 0.86, Reference: 0.90, Loss: 0.07, N: 2410, Significant: true},
		},
		History:     []remedy.WindowFacts{{At: day.AddDate(0, 0, -1), PerformanceLoss: true}, {At: day, PerformanceLoss: true}},
		FreshLabels: 380, FreshRarerClass: 120, TrainSeconds: 40,
	}, policy)

	fmt.Println(d.Action, d.Cause, "approval:", d.RequiresApproval)
	for _, r := range d.Reasons {
		fmt.Println("because", r.Text)
	}
	for _, a := range d.Alternatives {
		fmt.Println("not", a.Action+":", a.WhyNot)
	}
	// Output:
	// retrain covariate_shift approval: true
	// because estimated AUC 0.830 [0.800, 0.860], was 0.900, n = 2,410: a loss of 0.070, 0.030 matters
	// because 380 fresh labelled rows, 200 needed; 120 of the rarer class, 20 needed
	// not rollback: there is no earlier version
	// not none: the loss of 0.070 is above 0.030
}
