package start

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"mlops/shared/event"
)

// TestAlarm: the event that AWS documents becomes an alert as Alertmanager would send it.
func TestAlarm(t *testing.T) {
	b, err := os.ReadFile("../../../events/agent-cloudwatch-alarm.json")
	if err != nil {
		t.Fatal(err)
	}
	shipped := string(b)
	const name = "mlops-dev-PredictErrorsAlarm6B1E6D0F-1QJX2Y7T8RZ5K"
	for what, c := range map[string]struct {
		payload, model, status string
		labels                 map[string]string
	}{
		"firing":         {shipped, "", "firing", map[string]string{"function": "predict"}},
		"over":           {strings.Replace(shipped, `"value": "ALARM"`, `"value": "OK"`, 1), "", "resolved", map[string]string{"function": "predict"}},
		"of a model":     {strings.Replace(shipped, `"FunctionName": "mlops-dev-Predict8F0C2A4E-mHq3xT0aZb1c"`, `"Model": "heart", "Service": "predict"`, 1), "heart", "firing", map[string]string{"function": "predict", "model": "heart"}},
		"of a queue":     {strings.Replace(shipped, "FunctionName", "QueueName", 1), "", "firing", nil},
		"of a stranger":  {strings.Replace(shipped, "mlops-dev-Predict8F0C2A4E-mHq3xT0aZb1c", "predictor-8F0C2A4E", 1), "", "firing", map[string]string{"function": "predictor-8F0C2A4E"}},
		"a composite":    {shipped[:strings.Index(shipped, `"metrics"`)] + `"alarmRule": "ALARM(a)"}, "state": {"value": "ALARM"}}}`, "", "firing", nil},
		"of another one": {strings.Replace(shipped, "Predict8F0C2A4E", "Report8F0C2A4E", 1), "", "firing", map[string]string{"function": "report"}},
	} {
		w, err := read([]byte(c.payload))
		if err != nil || w.event == nil {
			t.Errorf("%s: %v, %v", what, w, err)
			continue
		}
		var got event.Alert
		if err := w.event.Decode(&got); err != nil {
			t.Fatal(err)
		}
		labels := map[string]string{"alertname": name, "severity": "warning"}
		for k, v := range c.labels {
			labels[k] = v
		}
		want := event.Alert{Alerts: []event.SingleAlert{{Fingerprint: "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:" + name, Status: c.status, Labels: labels}}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v; want %+v", what, got, want)
		}
		e := w.event
		if e.Type != event.AlertReceived || e.Model != c.model || e.ID != "alarm-c4c1c1c9-6542-e61b-6ef0-8c4d36933a92" || !e.Time.Equal(time.Date(2026, 11, 23, 10, 4, 40, 0, time.UTC)) {
			t.Errorf("%s: %+v", what, e)
		}
	}
}
