package host

import (
	"net/http"
	"testing"

	"mlops/functions/internal/job"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/platform/local"
)

// alarm lets the platform's own alarm of a function reach the agent, as CloudWatch sends it.
func (w *world) alarm(name, status, function, model string) {
	w.Helper()
	labels := map[string]string{"alertname": "mlops-dev-" + name + "Alarm1", "severity": "warning"}
	if function != "" {
		labels["function"] = function
	}
	e, err := event.New("alarm-"+w.State.IDs.Next(), event.AlertReceived, w.clock.now(), model, event.Alert{Alerts: []event.SingleAlert{{Fingerprint: "arn:aws:cloudwatch:eu:1:alarm:" + name, Status: status, Labels: labels}}})
	if err != nil {
		w.Fatal(err)
	}
	if err := w.State.Store.Commit(background, control.Change{Events: []event.Event{e}}); err != nil {
		w.Fatal(err)
	}
	w.drain()
}

func (w *world) incidents() []any {
	w.Helper()
	return w.get("/incidents").is(http.StatusOK).tree()["incidents"].([]any)
}

// TestAlarms: an alarm is folded in as an alert is; one that is about no model, or about no model that is known, opens no incident.
func TestAlarms(t *testing.T) {
	w := loans(t)
	w.State.Bus.OnFailure = func(f local.Failure) { t.Errorf("%s did not take %s: %v", f.Function, f.Event.ID, f.Err) }
	for _, c := range [][3]string{{"ReportErrors", "report", ""}, {"PredictDeadLetters", "", ""}, {"Api5xx", "", ""}, {"PredictErrors", "predict", "nobody"}} {
		w.alarm(c[0], "firing", c[1], c[2])
		if n := len(w.incidents()); n != 0 {
			t.Fatalf("%s: %d incidents", c, n)
		}
	}
	w.alarm("PredictErrors", "firing", "predict", "")
	w.alarm("PredictErrors", "firing", "predict", "")
	w.alarm("PredictErrors", "resolved", "predict", "")
	list := w.incidents()
	if len(list) != 1 {
		t.Fatalf("%d incidents", len(list))
	}
	if i := list[0].(map[string]any); i["model"] != "loan" || i["type"] != "errors" {
		t.Errorf("%v", i)
	}
	w.sound("loan")
}

// TestAlarmOfSeveralModels: where several models are served, an alarm of the serving path is about none of them.
func TestAlarmOfSeveralModels(t *testing.T) {
	w := loans(t)
	if j := w.upload("other", "target=default", people(200, 2)); j.Status != job.Succeeded {
		t.Fatalf("%+v", j)
	}
	w.alarm("PredictErrors", "firing", "predict", "")
	if n := len(w.incidents()); n != 0 {
		t.Errorf("%d incidents", n)
	}
	w.alarm("PredictErrors", "firing", "predict", "other")
	if list := w.incidents(); len(list) != 1 || list[0].(map[string]any)["model"] != "other" {
		t.Errorf("%v", list)
	}
}
