package remedy

// Policy is everything about a decision that is a matter of choice. It is data: read from policy.yaml, validated as a whole, and named by
// its digest in every decision made by it. The source of each figure stands beside it in DefaultPolicy.
type Policy struct {
	Name     string            `json:"name" yaml:"name"`
	DryRun   bool              `json:"dry_run" yaml:"dry_run"` // decide and say so, but act only on the very first promotion
	Evidence Evidence          `json:"evidence" yaml:"evidence"`
	Release  Release           `json:"release" yaml:"release"`
	Retrain  Retraining        `json:"retrain" yaml:"retrain"`
	Verify   Verification      `json:"verify" yaml:"verify"`
	Alerts   Monitoring        `json:"alerts" yaml:"alerts"`
	Limits   Limits            `json:"limits" yaml:"limits"`
	Approval Approval          `json:"approval" yaml:"approval"`
	Severity map[string]string `json:"severity" yaml:"severity"` // cause -> low medium high critical
	Cost     Cost              `json:"cost" yaml:"cost"`
}

// Evidence is what must be seen before anything is done.
type Evidence struct {
	MinRows           int     `json:"min_rows" yaml:"min_rows"`                     // rows of a window; fewer say nothing
	MinLabels         int     `json:"min_labels" yaml:"min_labels"`                 // labelled rows behind a realised performance or a comparison
	MinLoss           float64 `json:"min_loss" yaml:"min_loss"`                     // loss that matters, for metrics in [0, 1]: absolute
	MinRelativeLoss   float64 `json:"min_relative_loss" yaml:"min_relative_loss"`   // the same for the others (log loss, RMSE, ..): share of the reference
	ClearFactor       float64 `json:"clear_factor" yaml:"clear_factor"`             // a loss of so many times the minimum needs no second window
	SevereFactor      float64 `json:"severe_factor" yaml:"severe_factor"`           // a loss of so many times the minimum raises the severity by one
	BadWindows        int     `json:"bad_windows" yaml:"bad_windows"`               // k: windows with a loss ..
	OfWindows         int     `json:"of_windows" yaml:"of_windows"`                 // .. of the last n, before anything is done
	DuplicateShare    float64 `json:"duplicate_share" yaml:"duplicate_share"`       // share of repeated rows that makes a window a replay
	NewCategoryShare  float64 `json:"new_category_share" yaml:"new_category_share"` // share of rows with an unseen value that may be worth learning
	ImportantFeatures float64 `json:"important_features" yaml:"important_features"` // joint importance of moved features that counts as evidence
	StaleLabelsDays   float64 `json:"stale_labels_days" yaml:"stale_labels_days"`   // labels later than this describe the past
	EstimateTolerance float64 `json:"estimate_tolerance" yaml:"estimate_tolerance"` // how far an estimate may lie from what was realised later
	HealthyWindows    int     `json:"healthy_windows" yaml:"healthy_windows"`       // clean windows in a row that close an incident nothing was done about
}

// Release is when a loss is put down to the version that is served, and where to go back to.
type Release struct {
	HorizonHours int     `json:"horizon_hours" yaml:"horizon_hours"` // a loss this soon after a promotion speaks against the version
	SinceDays    int     `json:"since_days" yaml:"since_days"`       // .. and this soon when no window under it was ever good
	MinGain      float64 `json:"min_gain" yaml:"min_gain"`           // by how much the earlier version must be better on the same labelled rows, as a share of the loss that matters
}

// Retraining is when it is worth it, and when to stop trying.
type Retraining struct {
	MinLabels  int `json:"min_labels" yaml:"min_labels"`   // fresh labelled rows
	MinRarer   int `json:"min_rarer" yaml:"min_rarer"`     // of them, rows of the rarest class
	MaxRefused int `json:"max_refused" yaml:"max_refused"` // retrainings refused by the gate in one incident before a person must look
}

// Verification is how an action is checked.
type Verification struct {
	Windows    int     `json:"windows" yaml:"windows"`         // sufficient windows after an action before it is judged
	MaxWindows int     `json:"max_windows" yaml:"max_windows"` // windows after which "better, but not well" goes to a person
	MinGain    float64 `json:"min_gain" yaml:"min_gain"`       // improvement that counts, as a share of the loss that matters
}

// Monitoring is how outside alerts are read.
type Monitoring struct {
	Kinds         []AlertKind `json:"kinds" yaml:"kinds"`                   // tried in order
	Ignore        []string    `json:"ignore" yaml:"ignore"`                 // severities that are only written down
	FlapChanges   int         `json:"flap_changes" yaml:"flap_changes"`     // changes of state of one alert that make it flapping ..
	FlapMinutes   int         `json:"flap_minutes" yaml:"flap_minutes"`     // .. within this time
	ReopenMinutes int         `json:"reopen_minutes" yaml:"reopen_minutes"` // a condition that returns this soon reopens its incident
}

// AlertKind says what an alert is about: Contains is looked for in its name, without regard to case.
type AlertKind struct {
	Contains string `json:"contains" yaml:"contains"`
	Kind     string `json:"kind" yaml:"kind"` // latency errors performance data_quality data_drift
}

// Limits hold the agent back however good its reasons.
type Limits struct {
	CooldownMinutes map[string]int `json:"cooldown_minutes" yaml:"cooldown_minutes"` // action -> time before it may be repeated; doubled for each refused retraining
	ActionsPerDay   int            `json:"actions_per_day" yaml:"actions_per_day"`   // retrainings, rollbacks and undoings of one model in 24 hours
}

// Approval is who must be asked, and how.
type Approval struct {
	Needed    map[string]string `json:"needed" yaml:"needed"`       // action -> "approval" or "auto"
	Approvers []string          `json:"approvers" yaml:"approvers"` // mail addresses
	Quorum    int               `json:"quorum" yaml:"quorum"`       // of them must agree
	Hours     int               `json:"hours" yaml:"hours"`         // then the request expires, and nothing is done
}

// The two values of Approval.Needed.
const (
	Ask  = "approval"
	Auto = "auto"
)

// Cost is the model behind ETASeconds and CostUSD. Storage and requests are left out: they are below a hundredth of a cent per action.
type Cost struct {
	GBSecondUSD        float64 `json:"gb_second_usd" yaml:"gb_second_usd"`               // price of compute
	TrainMemoryGB      float64 `json:"train_memory_gb" yaml:"train_memory_gb"`           //
	TrainBaseSeconds   float64 `json:"train_base_seconds" yaml:"train_base_seconds"`     // of a training, whatever its size
	TrainRowsPerSec    float64 `json:"train_rows_per_sec" yaml:"train_rows_per_sec"`     // used where the champion's own training time is not known
	PointerMemoryGB    float64 `json:"pointer_memory_gb" yaml:"pointer_memory_gb"`       // of a promotion or rollback
	PointerMoveSeconds float64 `json:"pointer_move_seconds" yaml:"pointer_move_seconds"` // its checks and the transaction, without the time caches take to notice
}

// DefaultPolicy is what a new installation runs on.
func DefaultPolicy() Policy {
	return Policy{
		Name: "default",
		// A new installation proposes until somebody trusts it: field advice is to begin with a dry run and to enforce limits outside the
		// reasoning (https://github.com/microsoft/autogen/issues/7770).
		DryRun: true,
		Evidence: Evidence{
			// As drift.DefaultPolicy: below it a chi-square has hardly a cell of five, and a window's noise decides
			// (https://github.com/squaredev-io/whitebox/issues/132: alarms on 35 rows).
			MinRows: 50,
			// As drift.DefaultPolicy. The standard error of an AUC of 0.85 is about 0.05 at 50 rows (Hanley & McNeil 1982): whether a loss is more
			// than that noise is Performance.Significant's to say.
			MinLabels: 50,
			// Half the resolution at which AWS's reference monitoring alarms (0.05 AUC, aws-samples/sample-mlops-bestpractices): earlier than an
			// alarm, later than noise.
			MinLoss: 0.03,
			// 10 % worse than in training; convention, there is no published figure for log loss or RMSE.
			MinRelativeLoss: 0.10,
			// 0.06 AUC: beyond the 0.05 at which others alarm on one window.
			ClearFactor: 2,
			// 0.12 AUC: most of the way from useful (0.85) to poor (0.7; Hosmer & Lemeshow 2000, section 5.2.4).
			SevereFactor: 4,
			// Two of three, as alarms are advised for services (CloudWatch "M out of N", AWS Lambda operator guide): one window may be odd.
			BadWindows: 2, OfWindows: 3,
			// A fifth of a window repeated exactly is no chance: convention.
			DuplicateShare: 0.20,
			// Deequ and SageMaker's domain_content_threshold is 0.1 for a violation; half of it, since a loss must be seen as well.
			NewCategoryShare: 0.05,
			// A tenth of the model's skill hangs on the features that moved: convention.
			ImportantFeatures: 0.10,
			// A month: the label delay of credit and readmission outcomes at its shortest.
			StaleLabelsDays: 30,
			// As MinLoss: an estimate further off than what matters is of no use.
			EstimateTolerance: 0.03,
			HealthyWindows:    2,
		},
		Release: Release{
			// Baking periods of SageMaker and CodeDeploy end within hours; a day covers one full cycle of traffic.
			HorizonHours: 24,
			// Labels come later than the release: a long weekend.
			SinceDays: 3,
			// The earlier version must win back at least half of the loss that matters, else the release is not what is wrong.
			MinGain: 0.5,
		},
		Retrain: Retraining{
			// What the gate needs to judge the result (evaluate.DefaultPolicy): fewer could not be promoted anyway.
			MinLabels: 200, MinRarer: 20,
			// The circuit breakers of services open after a few failures in a row (Nygard, Release It!, 2nd ed., section 5.2): three.
			MaxRefused: 3,
		},
		Verify: Verification{
			// As many as must be bad to begin with.
			Windows: 2,
			// Twice that and twice again: then it is not coming back by itself.
			MaxWindows: 6,
			MinGain:    0.5,
		},
		Alerts: Monitoring{
			Kinds: []AlertKind{
				{"latency", KindLatency}, {"duration", KindLatency}, {"slow", KindLatency}, {"p95", KindLatency}, {"p99", KindLatency}, {"timeout", KindLatency},
				{"5xx", KindErrors}, {"error", KindErrors}, {"unavailable", KindErrors}, {"down", KindErrors},
				{"data_quality", KindDataQuality}, {"missing", KindDataQuality}, {"schema", KindDataQuality}, {"null", KindDataQuality},
				{"accuracy", KindPerformance}, {"auc", KindPerformance}, {"performance", KindPerformance},
				{"drift", KindDrift},
			},
			Ignore: []string{"info", "none"},
			// Nagios calls a service flapping from 20 % changes over its last 21 checks, which is four; three here, since only changes are seen.
			FlapChanges: 3, FlapMinutes: 60,
			ReopenMinutes: 60,
		},
		Limits: Limits{
			CooldownMinutes: map[string]int{
				Retrain:  24 * 60, // a day of new labels at least
				Rollback: 60,      // until caches, windows and people have seen the last one
				Undo:     60,
				Promote:  0, // the gate was passed on rows of its own
			},
			ActionsPerDay: 4,
		},
		Approval: Approval{
			// Going back to a version that was verified and served before is the safe direction, and every minute costs; what was never served
			// needs a person, unless one approved its making.
			Needed: map[string]string{Retrain: Ask, Promote: Ask, Rollback: Auto, Undo: Auto},
			Quorum: 1,
			// Three days, over a weekend (objectstack ADR-0043; CodePipeline allows seven).
			Hours: 72,
		},
		Severity: map[string]string{
			CauseDuplicate: "low", CauseSeason: "low", CauseLabels: "low", CauseCategory: "low",
			CauseCovariate: "medium", CauseConcept: "medium", CauseLatency: "medium",
			CauseData: "high", CauseUnit: "high", CauseRelease: "high", CauseErrors: "high",
			CauseColumn: "critical", // rows are being refused
		},
		Cost: Cost{
			GBSecondUSD:        0.0000133334, // Lambda, arm64, us-east-1, first tier (aws.amazon.com/lambda/pricing)
			TrainMemoryGB:      3,            // the train function's memory in topology
			TrainBaseSeconds:   5,
			TrainRowsPerSec:    2000, // 12 candidates x 5 folds; replaced by the champion's own training time where known
			PointerMemoryGB:    0.5,
			PointerMoveSeconds: 1,
		},
	}
}

// Digest is the lower-case hex SHA-256 of the policy's JSON: equal policies have equal digests.
func (p Policy) Digest() string { return digest(p) }
