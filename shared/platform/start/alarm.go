package start

import (
	"encoding/json"
	"strings"

	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/topology"
)

// The names by which CloudWatch tells that an alarm changed.
const (
	alarmSource  = "aws.cloudwatch"
	alarmChanged = "CloudWatch Alarm State Change"
)

// alarmSeverity is what an alarm counts as: CloudWatch knows no severities, and an alarm of the stack stands for something to be done.
const alarmSeverity = "warning"

// alarm makes an AlertReceived of a change of an alarm, worded as Alertmanager words an alert: the fingerprint is the alarm's ARN, the labels
// are alertname, severity, and where a metric of the alarm has such a dimension function (as the topology names it) and model. An alarm that
// lacks data neither fires nor is over: it is Invalid, and the stack's rule does not send it
// (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html).
func (s shape) alarm() (work, error) {
	var d struct {
		Name  string `json:"alarmName"`
		State struct {
			Value string `json:"value"`
		} `json:"state"`
		Configuration struct {
			Metrics []struct {
				Stat struct {
					Metric struct {
						Dimensions map[string]string `json:"dimensions"`
					} `json:"metric"`
				} `json:"metricStat"`
			} `json:"metrics"` // none of a composite alarm
		} `json:"configuration"`
	}
	if err := json.Unmarshal(s.Detail, &d); err != nil || d.Name == "" || s.ID == "" || s.Time.IsZero() || len(s.Resources) == 0 {
		return work{}, fault.Invalidf("the event %q of %q names no alarm: it needs an id, a time, the alarm's ARN in resources, and its name in the detail", alarmChanged, alarmSource)
	}
	status := map[string]string{"ALARM": "firing", "OK": "resolved"}[d.State.Value]
	if status == "" {
		return work{}, fault.Invalidf("the alarm %.200s is in the state %.40q: ALARM and OK tell something", d.Name, d.State.Value)
	}
	labels := map[string]string{"alertname": d.Name, "severity": alarmSeverity}
	for _, m := range d.Configuration.Metrics {
		for dimension, label := range map[string]string{"FunctionName": "function", "Service": "function", "Model": "model"} {
			if v := m.Stat.Metric.Dimensions[dimension]; v != "" && label == "function" {
				labels[label] = functionOf(v)
			} else if v != "" {
				labels[label] = v
			}
		}
	}
	e, err := event.New("alarm-"+s.ID, event.AlertReceived, s.Time, labels["model"], event.Alert{Alerts: []event.SingleAlert{{Fingerprint: s.Resources[0], Status: status, Labels: labels}}})
	return work{event: &e}, err
}

// functionOf is the topology's name of a deployed function. CloudFormation names one <stack>-<its name and 8 hex digits>-<random>; any other
// name stays as it is.
func functionOf(deployed string) string {
	for part := range strings.SplitSeq(deployed, "-") {
		for _, spec := range topology.Functions {
			name := string(spec.Name)
			if len(part) >= len(name) && strings.EqualFold(part[:len(name)], name) && (len(part) == len(name) || len(part) == len(name)+8 && strings.Trim(part[len(name):], "0123456789ABCDEF") == "") {
				return name
			}
		}
	}
	return deployed
}
