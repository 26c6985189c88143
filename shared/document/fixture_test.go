package document

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"mlops/shared/approval"
	"mlops/shared/audit"
	"mlops/shared/document/figure"
	"mlops/shared/drift"
	"mlops/shared/evaluate"
	"mlops/shared/event"
	"mlops/shared/explain"
	"mlops/shared/number"
	"mlops/shared/registry"
	"mlops/shared/remedy"
)

var monday = time.Date(2026, 3, 9, 10, 0, 0, 0, time.UTC)

// observation is a model whose patients changed, with labels enough to retrain on: the story of testdata/scenarios/02.
func observation() remedy.Observation {
	loss := &drift.Performance{Metric: "auc", Value: 0.83, Low: 0.8, High: 0.86, N: 2410, Reference: 0.902, ReferenceLow: 0.88, ReferenceHigh: 0.92, Loss: 0.072, Significant: true}
	return remedy.Observation{Model: "heart", At: monday, Trigger: remedy.TriggerDrift,
		Champion: &remedy.VersionFacts{Number: 1, SHA256: "3f9c2a71", PromotedAt: monday.AddDate(0, 0, -8), Metric: "auc", CV: 0.902},
		Drift: &drift.Report{Verdict: drift.Alert, DatasetDrift: true, NCurrent: 2410, Estimated: loss, PerformanceLoss: true,
			Columns: map[string]*drift.ColumnDrift{"thalach": {Importance: 0.27, Drifted: true}, "age": {Importance: 0.14, Drifted: true}},
			Findings: []drift.Finding{
				{Kind: drift.Covariate, Severity: drift.SeverityWarn, Feature: "thalach", Effect: -0.6, Unit: "sd", N: 2410, Text: "thalach 0.6 sd lower than in training (p 1e-41, adjusted)"},
				{Kind: drift.Covariate, Severity: drift.SeverityWarn, Feature: "age", Effect: 0.4, Unit: "sd", N: 2410, Text: "age 0.4 sd higher than in training (p 2e-17, adjusted)"}}},
		History: []remedy.WindowFacts{{At: monday.AddDate(0, 0, -1), Verdict: drift.Alert, DatasetDrift: true, PerformanceLoss: true, N: 2400}, {At: monday, Verdict: drift.Alert, DatasetDrift: true, PerformanceLoss: true, N: 2410}},
		Rows:    2410, FreshLabels: 380, FreshRarerClass: 120, TrainSeconds: 40}
}

func decision() remedy.Decision {
	p := remedy.DefaultPolicy()
	p.DryRun = false
	return remedy.Decide(observation(), p)
}

func request() approval.Request {
	d := decision()
	return approval.Request{ID: "01JD7Q", Model: "heart", Kind: approval.KindRetrain, Incident: "INC-1", PlanSHA256: d.PlanSHA256, SubjectSHA256: d.PlanSHA256, From: 1,
		Approvers: []string{"anna@example.com", "ben@example.com"}, Quorum: 1, Requester: "agent", CreatedAt: monday, ExpiresAt: monday.Add(72 * time.Hour), Status: approval.Pending,
		Subject: "[mlops] Approve retraining of heart? (INC-1, expires Thu 10:00 UTC)"}
}

func state() registry.State {
	return registry.State{Model: "heart", DryRun: true, Versions: []registry.Version{{Number: 1, SHA256: strings.Repeat("ab", 32), Algorithm: "linear", Task: "binary", CreatedAt: monday, Status: registry.Passed,
		Metrics: map[string]number.Float{"auc": 0.902, "log_loss": number.Float(math.NaN())}}},
		Aliases: map[registry.Alias]registry.Pointer{registry.Champion: {Version: 1, Since: monday, Moves: 1}}}
}

func entries() []audit.Entry {
	var out []audit.Entry
	var head audit.Head
	for _, e := range []audit.Entry{
		{Kind: audit.AliasPromoted, To: 1, Actor: audit.Actor{Type: audit.Agent, ID: "agent"}, Reason: "first version"},
		{Kind: audit.ApprovalVoted, Actor: audit.Actor{Type: audit.Human, ID: "anna@example.com"}, Reason: "Approved: new hospital joined"},
		{Kind: audit.RetrainIntended, Actor: audit.Actor{Type: audit.Agent, ID: "agent"}, Reason: "covariate drift"},
		{Kind: audit.AliasPromoted, From: 1, To: 2, Actor: audit.Actor{Type: audit.Human, ID: "ops"}, Reason: "hotfix"}, // a person's: no action of the agent
	} {
		e.Model, e.At = "heart", monday
		e, head = audit.Seal(head, e)
		out = append(out, e)
	}
	return out
}

func windows() []remedy.WindowFacts {
	return []remedy.WindowFacts{{At: monday, Verdict: drift.OK, N: 2400}, {At: monday.AddDate(0, 0, 1), Verdict: drift.Alert, PerformanceLoss: true, DataQuality: []string{"ca"}, N: 2410},
		{At: monday.AddDate(0, 0, 2), Verdict: drift.Insufficient, N: 12}, {At: monday.AddDate(0, 0, 3), Verdict: drift.Warn, N: 900}}
}

func readings() []figure.Reading {
	r := func(days int, v float64) figure.Reading {
		return figure.Reading{At: monday.AddDate(0, 0, days), Version: 1, Estimated: &drift.Performance{Metric: "auc", Value: number.Float(v), Low: number.Float(v - 0.03), High: number.Float(v + 0.03), N: 2400, Reference: 0.9, ReferenceLow: 0.87, ReferenceHigh: 0.93}}
	}
	return []figure.Reading{r(0, 0.9), r(1, 0.86), r(2, 0.83)}
}

func incidents() []IncidentLine {
	return []IncidentLine{{ID: "INC-1", Model: "heart", Kind: remedy.KindDrift, Severity: "medium", Stage: remedy.StageAwaiting, Cause: remedy.CauseCovariate, Opened: monday, Action: remedy.Retrain, Summary: decision().Summary},
		{ID: "INC-2", Model: "heart", Kind: remedy.KindDataQuality, Severity: "high", Stage: remedy.StageResolved, Cause: remedy.CauseUnit, Opened: monday, Resolved: monday.Add(time.Hour), Folded: 31, Summary: "chol is 100 times what it was"}}
}

const validationJSON = `{"success":false,"suite_name":"heart/training","results":[
 {"success":true,"expectation_config":{"type":"expect_column_to_exist","kwargs":{"column":"age"}},"result":{},"exception_info":{"raised_exception":false}},
 {"success":false,"expectation_config":{"type":"expect_column_values_to_be_between","kwargs":{"column":"chol","min_value":100,"max_value":500},"meta":{"why":"1.5 times the range of 612 rows"},"severity":"warning"},
  "result":{"element_count":612,"unexpected_count":4,"unexpected_percent":0.6535947712418301,"partial_unexpected_list":[564,603.5,null,"<b>"]},"exception_info":{"raised_exception":false}},
 {"success":false,"expectation_config":{"expectation_type":"expect_nothing_known","kwargs":{}},"result":{"observed_value":"NaN"},"exception_info":{"('m',)":{"raised_exception":true,"exception_message":"no such expectation","exception_traceback":null}}}
 ],"statistics":{},"meta":{}}`

func validated() event.Validated {
	v := event.Validated{Version: strings.Repeat("3f", 32), Rows: 612, Rejected: 4, Passed: true}
	v.Dataset, v.Target, v.Actor = "heart", "num>0", "operator"
	return v
}

func driftJSON(t testing.TB) []byte {
	nan := number.Float(math.NaN())
	o := observation().Drift
	o.NReference, o.NumberOfColumns, o.NumberOfDrifted, o.Window = 612, 4, 2, drift.Span{Start: monday.AddDate(0, 0, -1), End: monday}
	o.Reasons, o.NoRealised = []string{"alert: the model got worse"}, "no labels came in yet"
	o.Columns = map[string]*drift.ColumnDrift{
		"thalach": {Type: "num", StatTest: "total_variation", Threshold: 0.1, Score: 0.3, P: 1e-43, PAdjusted: 1e-41, Drifted: true, Effect: -0.6, MissingReference: 0, MissingCurrent: 0.004, Importance: 0.27, Reason: "distance 0.3 is above 0.1",
			Histogram: &drift.Histogram{Edges: []number.Float{120, 140, 160}, Reference: []number.Float{0.25, 0.25, 0.25, 0.25}, Current: []number.Float{0.5, 0.3, 0.15, nan}}},
		"site":       {Type: "cat", Drifted: true, Effect: 0.2, P: nan, PAdjusted: nan, Importance: nan, NewLevels: []string{"south"}, Histogram: &drift.Histogram{Labels: []string{"north", "south"}, Reference: []number.Float{1, 0}, Current: []number.Float{0.6, 0.4}}},
		"sex":        {Type: "cat", Effect: nan, P: 0.4, PAdjusted: 1, Importance: 0.02, Reason: "within chance"},
		"prediction": {Type: "num", Drifted: true, Effect: 0.3, Importance: nan},
		"absent":     nil,
	}
	return asJSON(t, map[string]any{"model": "heart", "version": 1, "sha256": strings.Repeat("ab", 32), "at": monday, "rows": 2410, "duplicates": 3, "labelled": 0, "report": o})
}

func gateJSON(t testing.TB) []byte {
	nan := number.Float(math.NaN())
	return asJSON(t, map[string]any{"model": "heart", "version": 2, "against": 1, "artefact_sha256": strings.Repeat("cd", 32), "at": monday, "rows": "380 newer labelled rows", "incident": "INC-1",
		"report": evaluate.Report{Verdict: evaluate.Passed, Passed: true, Metric: "auc", Rows: 380, Champion: "v1", Challenger: "v2", SHA256: strings.Repeat("51", 32), Checks: []evaluate.Check{
			{Name: "auc", Champion: 0.83, Challenger: 0.876, Diff: 0.046, CI95: [2]number.Float{0.021, 0.071}, N: 380, Rule: "ci_low >= -0.005 and diff > 0", Passed: true},
			{Name: "sample", Champion: nan, Challenger: nan, Diff: nan, CI95: [2]number.Float{nan, nan}, N: 380, Rule: "rows >= 200", Passed: true, Note: `120 rows of "1"`},
			{Name: "ece", Champion: 0.02, Challenger: 0.03, Diff: -0.01, CI95: [2]number.Float{-0.03, 0.01}, N: 380, Rule: "ci_high >= -0.01", Advisory: true}},
			Disagreements: []evaluate.Disagreement{{Row: 7, Actual: 1, Champion: 0.1, Challenger: 0.9}}}})
}

func asJSON(t testing.TB, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func weekly() Weekly {
	return Weekly{Model: "heart", Start: monday, End: monday.AddDate(0, 0, 7), State: state(), Predictions: 1204, Labels: 380, ByVersion: map[int]int{1: 1000, 2: 204}, CostUSD: 0.0123,
		Incidents: incidents(), Windows: windows(), Readings: readings(), Entries: entries(), LedgerEntries: 41}
}

func home() Home {
	return Home{At: monday, Models: []HomeModel{{State: state(), Windows: windows(), Head: audit.Head{Seq: 4, Hash: strings.Repeat("5c", 32)}}}, Incidents: incidents(), Approvals: []approval.Request{request()},
		Reports: []ReportLine{{ID: "r 1/2", Kind: "drift", Model: "heart", Title: "drift: heart", At: monday}}, Mails: []MailLine{{ID: "m-anna@example.com", To: "anna@example.com", Subject: "Approve?", At: monday}}}
}

// pages draws every page there is. change, where given, spoils what is drawn.
func pages(t testing.TB, change func(any)) map[string][]byte {
	spoil := func(v any) any {
		if change != nil {
			change(v)
		}
		return v
	}
	out := map[string][]byte{}
	report := func(name string, title string, html []byte, err error) {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if title == "" || strings.Contains(title, "\n") || utf8.RuneCountInString(title) > 300 {
			t.Errorf("%s: the title is %.400q", name, title)
		}
		out[name] = html
	}
	a := Approval{Request: request(), Decision: decision(), Token: "v1.k1.payload.mac", Approver: "anna@example.com", Problem: "the digits are not those shown", Reason: "new\nhospital"}
	out["approval"] = ApprovalPage(*spoil(&a).(*Approval))
	voted := request()
	voted.Status, voted.DecidedAt = approval.Approved, monday
	voted.Votes = []approval.Vote{{Approver: "anna@example.com", Decision: approval.Approve, Reason: "new hospital joined", At: monday}}
	spoil(&voted)
	out["outcome"], out["refusal"] = ApprovalOutcome(voted, "anna@example.com"), ApprovalProblem(409, "request 01JD7Q was approved already", &voted)
	w := weekly()
	title, html, err := WeeklyReport(*spoil(&w).(*Weekly))
	report("weekly", title, html, err)
	v := validated()
	title, html, err = ValidationReport(*spoil(&v).(*event.Validated), []byte(validationJSON))
	report("validation", title, html, err)
	title, html, err = DriftReport(driftJSON(t))
	report("drift", title, html, err)
	title, html, err = GateReport(gateJSON(t))
	report("gate", title, html, err)
	h, i, ds := home(), incidents()[0], []remedy.Decision{decision()}
	out["home"] = HomePage(*spoil(&h).(*Home))
	spoil(&i)
	spoil(&ds)
	out["incident"] = IncidentPage(i, ds)
	m := ModelDetail{State: state(), Windows: windows(), Readings: readings(), Entries: entries(), Explanation: explained()}
	out["model"] = ModelPage(*spoil(&m).(*ModelDetail))
	l := MailLine{ID: "m", To: "anna@example.com", Subject: "Approve?", At: monday}
	out["mail"] = MailPage(*spoil(&l).(*MailLine), "What happened\n<script>")
	out["problem"] = ProblemPage(404, "there is no page")
	return out
}

// explained has a number, a level and a missing value, and a dependence that cannot be drawn.
func explained() explain.Explanation {
	point := func(v any, mean, low, high number.Float) explain.Point {
		return explain.Point{Value: v, Share: 0.5, Mean: []number.Float{mean}, Low: []number.Float{low}, High: []number.Float{high}}
	}
	return explain.Explanation{Of: "target = 1", Method: "Shapley values, path dependent (TreeSHAP)", Rows: 300,
		Features: []explain.Influence{{Feature: "thalach", Shapley: 0.8}, {Feature: "site", Shapley: 0.2}, {Feature: "flat", Shapley: 0}},
		Dependence: []explain.Dependence{
			{Feature: "thalach", Rows: 250, Points: []explain.Point{point(90.0, 0.7, 0.4, 0.9), point(150.0, 0.4, 0.2, 0.7), point(nil, 0.5, 0.3, 0.8)}},
			{Feature: "site", Rows: 250, Points: []explain.Point{point("north", 0.5, 0.3, 0.6), point("south", 0.55, 0.3, 0.7)}},
			{Feature: "broken", Rows: 250, Points: []explain.Point{{Value: 1.0}}},
		}}
}
