package topology

import (
	"time"

	"mlops/shared/event"
)

// Functions is the whole wiring, one function after the other in the order of a model's life.
var Functions = []Spec{
	{
		Name: Validate, Purpose: "takes data in, checks it against its suite, splits it; assembles the data of a retraining",
		Routes: []Route{
			{"POST", "/datasets/{name}", Operate, UploadBody},
			{"POST", "/datasets/{name}/upload-url", Operate, SmallBody},
			{"POST", "/datasets/{name}/validate", Operate, UploadBody},
			{"POST", "/datasets/{name}/selection", Operate, SmallBody},
			{"POST", "/datasets/{name}/pin", Operate, SmallBody},
			{"GET", "/datasets/{name}/versions/{version}/files/{file}", Operate, NoBody},
		},
		Subscribes: []event.Type{event.DatasetUploaded, event.RetrainRequested},
		Memory:     1769, Timeout: 5 * time.Minute, Concurrency: 2,
		Grants: []Grant{
			{Data, "raw/", ReadWrite}, {Data, "processed/", ReadWrite}, {Data, "rejected/", Write}, {Data, "reports/", ReadWrite},
			{Data, "capture/", Read}, {Data, "groundtruth/", Read}, {Data, "config/", Read}, {Data, "uploads/", ReadWrite},
			{Control, "dataset", ReadWrite}, {Control, "requests", ReadWrite}, {Control, "quality", ReadWrite}, {Control, "job", ReadWrite}, {Control, "model", Read}, {Control, "drift", Read}, {Audit, "", Write},
		},
	},
	{
		Name: Train, Purpose: "trains candidates on validated data and registers the best as a new version; never moves an alias",
		Routes:     []Route{{"POST", "/train", Operate, SmallBody}},
		Subscribes: []event.Type{event.DatasetValidated, event.TrainRequested},
		Memory:     3538, Timeout: 15 * time.Minute, Concurrency: 1,
		Grants: []Grant{
			{Data, "processed/", Read}, {Data, "reference/", ReadWrite}, {Data, "config/", Read}, {Data, "capture/", Read}, {Data, "reports/", Read}, {Models, "models/", ReadWrite},
			{Control, "model", ReadWrite}, {Control, "job", ReadWrite}, {Control, "dataset", Read}, {Control, "drift", Read}, {Audit, "", Write},
		},
	},
	{
		Name: Agent, Purpose: "gates new versions, diagnoses incidents, decides, asks, acts, verifies, undoes; the only one that moves an alias",
		Routes: []Route{
			{"POST", "/alerts", Operate, SmallBody},
			{"POST", "/models/{m}/promotions", Operate, SmallBody},
			{"POST", "/models/{m}/rollback", Operate, SmallBody},
			{"POST", "/models/{m}/switch", Operate, SmallBody},
		},
		Subscribes: []event.Type{event.ModelTrained, event.TrainingFailed, event.DatasetValidated, event.DatasetRejected, event.DriftMeasured, event.AlertReceived,
			event.AliasMoved, event.OwnerAlerted, event.ApprovalRequested, event.ApprovalDecided, event.SweepRequested, event.RetrainDue},
		Schedules: []Schedule{
			{Name: "sweep", Every: 15 * time.Minute, Event: event.SweepRequested},
			{Name: "retrain", Every: Week, Offset: Monday + 5*time.Hour, Event: event.RetrainDue}, // before the weekly report, which then tells of it
		},
		Memory: 512, Timeout: 2 * time.Minute, Concurrency: 1,
		Grants: []Grant{
			{Data, "reference/", Read}, {Data, "reports/", ReadWrite}, {Data, "capture/", Read}, {Data, "groundtruth/", Read}, {Data, "processed/", Read},
			{Data, "config/", Read}, {Models, "models/", Read}, {Control, "model", ReadWrite}, {Control, "incident", ReadWrite}, {Control, "approval", ReadWrite}, {Control, "agent", ReadWrite},
			{Control, "job", ReadWrite}, {Control, "drift", Read}, {Control, "dataset", Read}, {Audit, "", ReadWrite},
			{Mail, "", Use}, {Alerts, "", Use}, {Mint, "", Use}, {Serving, "", Use},
		},
	},
	{
		Name: Predict, Purpose: "answers predictions, captures them, takes labels",
		Routes: []Route{
			{"POST", "/predict", PredictScope, SmallBody},
			{"POST", "/predict/batch", PredictScope, BatchBody},
			{"POST", "/batch", Operate, UploadBody},
			{"POST", "/feedback", PredictScope, BatchBody},
			{"GET", "/predictions/{id}", PredictScope, NoBody},
			{"GET", "/predictions/{id}/reproduction", PredictScope, NoBody},
			{"GET", "/health", Public, NoBody},
			{"GET", "/live", Public, NoBody},
			{"GET", "/ready", Public, NoBody},
			{"GET", "/ping", Public, NoBody},
			{"GET", "/version", Public, NoBody},
			{"GET", "/metrics", PredictScope, NoBody},
			{"GET", "/model_info", PredictScope, NoBody},
			{"GET", "/openapi.json", PredictScope, NoBody},
			{"POST", "/invocations", PredictScope, BatchBody},
			{"POST", "/endpoints/{name}/invocations", PredictScope, BatchBody},
			{"GET", "/v2", PredictScope, NoBody},
			{"GET", "/v2/health/live", Public, NoBody},
			{"GET", "/v2/health/ready", Public, NoBody},
			{"GET", "/v2/models/{m}", PredictScope, NoBody},
			{"GET", "/v2/models/{m}/ready", PredictScope, NoBody},
			{"GET", "/v2/models/{m}/versions/{v}", PredictScope, NoBody},
			{"GET", "/v2/models/{m}/versions/{v}/ready", PredictScope, NoBody},
			{"POST", "/v2/models/{m}/infer", PredictScope, BatchBody},
			{"POST", "/v2/models/{m}/versions/{v}/infer", PredictScope, BatchBody},
			{"POST", "/v2/repository/index", PredictScope, SmallBody},
			{"GET", "/v1/models", PredictScope, NoBody},
			{"GET", "/v1/models/{m}", PredictScope, NoBody},
			{"POST", "/v1/{proxy...}", PredictScope, BatchBody},
		},
		Subscribes: []event.Type{event.BatchRequested},
		Memory:     512, Timeout: 25 * time.Second,
		Grants: []Grant{
			{Data, "capture/", ReadWrite}, {Data, "groundtruth/", Write}, {Models, "models/", Read}, {Data, "config/", Read},
			{Data, "batches/", ReadWrite}, {Data, "predictions/", Write}, {Control, "job", ReadWrite}, {Control, "report", Write},
			{Control, "model", Read}, {Control, "requests", Read}, {Control, "gauge", Read}, {Control, "label", ReadWrite}, {Audit, "", Write},
		},
	},
	{
		Name: DriftCheck, Purpose: "measures the captured traffic against the reference kept with the model",
		Routes:     []Route{{"POST", "/drift/check", Operate, SmallBody}},
		Subscribes: []event.Type{event.DriftRequested, event.BatchScored},
		Schedules:  []Schedule{{Name: "drift", Every: time.Hour, Event: event.DriftRequested}},
		Memory:     1024, Timeout: 5 * time.Minute, Concurrency: 2,
		Grants: []Grant{
			{Data, "capture/", Read}, {Data, "groundtruth/", Read}, {Data, "reference/", Read}, {Data, "reports/", ReadWrite}, {Data, "config/", Read},
			{Data, "batches/", Read}, {Models, "models/", Read}, {Control, "model", Read}, {Control, "drift", ReadWrite}, {Control, "quality", ReadWrite}, {Control, "alert", ReadWrite}, {Control, "gauge", ReadWrite}, {Control, "job", ReadWrite}, {Audit, "", Write},
		},
		Keeps: []Keep{
			{"reports/tallies/", 60 * Day},   // the counts of hours: older ones are counted anew from their lines
			{"reports/seasons/", 1200 * Day}, // the profiles of days and weeks: a season is looked for in three years
		},
	},
	{
		Name: Approve, Purpose: "shows what is to be decided and records votes; never acts on them",
		Routes: []Route{
			{"GET", "/approvals/{id}", Public, NoBody},
			{"POST", "/approvals/{id}", Public, FormBody},
		},
		Memory: 256, Timeout: 10 * time.Second, Concurrency: 5,
		Grants: []Grant{{Control, "approval", ReadWrite}, {Control, "model", Read}, {Audit, "", Write}, {Verify, "", Use}},
	},
	{
		Name: Report, Purpose: "writes reports for people",
		Routes:     []Route{{"POST", "/reports", Operate, SmallBody}},
		Subscribes: []event.Type{event.ReportRequested, event.DatasetValidated, event.DatasetRejected, event.DriftMeasured, event.ModelGated},
		Schedules:  []Schedule{{Name: "weekly", Every: Week, Offset: Monday + 6*time.Hour, Event: event.ReportRequested, Kind: "weekly"}},
		Memory:     512, Timeout: 2 * time.Minute, Concurrency: 1,
		Grants: []Grant{
			{Data, "reports/", ReadWrite}, {Data, "capture/", Read}, {Data, "groundtruth/", Read}, {Data, "reference/", Read}, {Models, "models/", Read},
			{Control, "model", Read}, {Control, "incident", Read}, {Control, "approval", Read}, {Control, "drift", Read}, {Control, "report", ReadWrite},
			{Control, "job", ReadWrite}, {Audit, "", ReadWrite},
		},
	},
	{
		Name: Dashboard, Purpose: "shows models, incidents, approvals, drift and history to people and programs; changes nothing",
		Routes: []Route{
			{"GET", "/dashboard/{page...}", Session, NoBody},
			{"GET", "/models", Operate, NoBody},
			{"GET", "/models/{m}/history", Operate, NoBody},
			{"GET", "/models/{m}/audit", Operate, NoBody},
			{"GET", "/incidents", Operate, NoBody},
			{"GET", "/incidents/{id}", Operate, NoBody},
			{"GET", "/approvals", Operate, NoBody},
			{"GET", "/reports", Operate, NoBody},
			{"GET", "/reports/{id}", Operate, NoBody},
			{"GET", "/jobs/{id}", Operate, NoBody},
			{"GET", "/quality/{kind}/{name}", Operate, NoBody},
			{"GET", "/datasets", Operate, NoBody},
			{"GET", "/datasets/{name}/versions", Operate, NoBody},
			{"GET", "/datasets/{name}/versions/{version}", Operate, NoBody},
		},
		Memory: 256, Timeout: 20 * time.Second, Concurrency: 5,
		Grants: []Grant{
			{Data, "reports/", Read}, {Data, "predictions/", Read}, {Data, "capture/", Read}, {Data, "processed/", Read}, {Data, "reference/", Read}, {Models, "models/", Read}, {Control, "model", Read}, {Control, "incident", Read},
			{Control, "approval", Read}, {Control, "drift", Read}, {Control, "quality", Read}, {Control, "alert", Read}, {Control, "report", Read}, {Control, "job", Read}, {Control, "dataset", Read}, {Audit, "", Read},
		},
	},
}
