package runtimeapi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"mlops/shared/platform/aws/awstest"
	"mlops/shared/topology"
)

// wiring is who is woken by what, as the deployed template says it.
type wiring struct {
	bus       string // the platform's own
	rules     map[string]awstest.Properties
	schedules map[string]awstest.Properties
}

func wired(s *awstest.Stack) (wiring, error) {
	w := wiring{bus: s.Ref("Events")}
	var err error
	if w.rules, err = s.All("AWS::Events::Rule"); err == nil {
		w.schedules, err = s.All("AWS::Scheduler::Schedule")
	}
	return w, err
}

// targets are the functions that the rules of a bus name for an event, in the order of the rules' names.
func (w wiring) targets(bus, source, detailType string, detail json.RawMessage) ([]topology.Function, error) {
	e := map[string]any{"source": source, "detail-type": detailType}
	var d any
	if err := json.Unmarshal(detail, &d); err != nil {
		return nil, fmt.Errorf("read the detail of %s: %w", detailType, err)
	}
	e["detail"] = d
	var out []topology.Function
	for _, name := range slices.Sorted(maps.Keys(w.rules)) {
		rule := w.rules[name]
		of, _ := rule["EventBusName"].(string)
		if of == "" {
			of = "default"
		}
		yes, err := matches(rule["EventPattern"], e)
		if err != nil {
			return nil, fmt.Errorf("the pattern of the rule %s: %w", name, err)
		}
		if of != bus || !yes || rule["State"] != "ENABLED" {
			continue
		}
		for _, target := range rule["Targets"].([]any) {
			out = append(out, topology.Function(strings.ToLower(awstest.FunctionOf(target.(map[string]any)["Arn"].(string)))))
		}
	}
	return out, nil
}

// matches reports whether an event fits a pattern: every field of the pattern fits one of its alternatives (docs.aws.amazon.com/eventbridge/
// latest/userguide/eb-event-patterns.html). Of the comparisons the stack uses equality and prefix; another one is an error.
func matches(pattern, event any) (bool, error) {
	switch pattern := pattern.(type) {
	case map[string]any:
		fields, _ := event.(map[string]any)
		for name, p := range pattern {
			if yes, err := matches(p, fields[name]); !yes {
				return false, err
			}
		}
		return true, nil
	case []any:
		values, several := event.([]any)
		if !several {
			values = []any{event}
		}
		for _, p := range pattern {
			for _, v := range values {
				if yes, err := fits(p, v); yes || err != nil {
					return yes, err
				}
			}
		}
		return false, nil
	}
	return false, fmt.Errorf("%v is neither fields nor alternatives", pattern)
}

func fits(alternative, value any) (bool, error) {
	comparison, ok := alternative.(map[string]any)
	if !ok {
		return value != nil && reflect.DeepEqual(alternative, value), nil
	}
	prefix, ok := comparison["prefix"].(string)
	if !ok || len(comparison) != 1 {
		return false, fmt.Errorf("the test knows no comparison %v", comparison)
	}
	text, ok := value.(string)
	return ok && strings.HasPrefix(text, prefix), nil
}

// tick is the event that a schedule publishes at its time.
func (w wiring) tick(name string, at time.Time) (awstest.Entry, error) {
	s := w.schedules[logical(name)+"Schedule"]
	if s == nil {
		return awstest.Entry{}, fmt.Errorf("there is no schedule %s among %v", name, slices.Sorted(maps.Keys(w.schedules)))
	}
	target := s["Target"].(map[string]any)
	parameters := target["EventBridgeParameters"].(map[string]any)
	_, bus, _ := strings.Cut(target["Arn"].(string), ":event-bus/")
	return awstest.Entry{Source: parameters["Source"].(string), DetailType: parameters["DetailType"].(string), Bus: bus,
		Detail: strings.ReplaceAll(target["Input"].(string), "<aws.scheduler.scheduled-time>", at.UTC().Format("2006-01-02T15:04:05Z"))}, nil
}

// logical is what the template calls a function or schedule.
func logical[S ~string](name S) string { return strings.ToUpper(string(name[:1])) + string(name[1:]) }

// targets are the functions that an event wakes by the deployed rules; AWS's own services speak on the account's bus, the platform on its own.
func (d *deployment) targets(detailType, source string, detail json.RawMessage) []topology.Function {
	d.Helper()
	bus := d.wiring.bus
	if strings.HasPrefix(source, "aws.") {
		bus = "default"
	}
	return d.wakes(awstest.Entry{Source: source, DetailType: detailType, Detail: string(detail), Bus: bus})
}

// wakes are the functions that a published event wakes by the deployed rules.
func (d *deployment) wakes(e awstest.Entry) []topology.Function {
	d.Helper()
	out, err := d.wiring.targets(e.Bus, e.Source, e.DetailType, json.RawMessage(e.Detail))
	if err != nil {
		d.Fatal(err)
	}
	return out
}

// tick is the event that the deployed schedule publishes when it is due.
func (d *deployment) tick(name string, at time.Time) awstest.Entry {
	d.Helper()
	e, err := d.wiring.tick(name, at)
	if err != nil {
		d.Fatal(err)
	}
	return e
}

// envelope is a published event as EventBridge brings it to a function.
func (d *deployment) envelope(e awstest.Entry) []byte {
	d.Helper()
	d.carried++
	b, err := json.Marshal(map[string]any{"version": "0", "id": fmt.Sprintf("%08x-0000-4000-8000-000000000000", d.carried), "detail-type": e.DetailType, "source": e.Source, "account": "123456789012",
		"time": time.Now().UTC().Format(time.RFC3339), "region": awstest.Region, "resources": []string{}, "detail": json.RawMessage(e.Detail)})
	if err != nil {
		d.Fatal(err)
	}
	return b
}

// TestDeployedWiring: what the deployed rules say of an event is what the emulator's own EventBridge does with it, and what the topology
// wants; and a file that is laid into the bucket is told to the function that takes files in.
func TestDeployedWiring(t *testing.T) {
	d := deploy(t)
	told := func(what string, want []topology.Function) {
		t.Helper()
		for _, spec := range topology.Functions {
			if len(spec.Subscribes) == 0 {
				continue
			}
			got := d.cloud.Delivered(t, logical(spec.Name))
			n := 0
			if slices.Contains(want, spec.Name) {
				n = 1
			}
			if len(got) != n {
				t.Errorf("%s: the emulator told %s %d times; want %d: %v", what, spec.Name, len(got), n, got)
			}
		}
	}
	events := 0
	for _, spec := range topology.Functions {
		for _, e := range spec.Subscribes {
			want := topology.Subscribers(e)
			slices.Sort(want)
			if spec.Name != want[0] {
				continue // several are woken by it, and it was tried with the first
			}
			events++
			detail := []byte(`{"id":"e-1","type":"` + string(e) + `","time":"2026-03-02T12:00:00Z","detail":{}}`)
			if got := d.targets(string(e), topology.Source, detail); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
				t.Errorf("%s wakes %v; want %v", e, got, want)
			}
			if got := d.targets(string(e), "somebody.else", detail); len(got) != 0 {
				t.Errorf("somebody else's %s wakes %v", e, got)
			}
			d.cloud.Publish(t, awstest.Entry{Bus: d.wiring.bus, Source: topology.Source, DetailType: string(e), Detail: string(detail)})
			told(string(e), want)
		}
	}
	if events < 10 {
		t.Errorf("only %d types of events were tried", events)
	}
	for key, want := range map[string][]topology.Function{"raw/heart/a.csv": {topology.IntakeBy}, "uploads/heart/01JD7Z": {topology.IntakeBy}, "processed/heart/x/train.csv": nil, "config/raw/x": nil} {
		detail, _ := json.Marshal(map[string]any{"bucket": map[string]any{"name": d.cloud.DataBucket}, "object": map[string]any{"key": key}}) // texts
		if got := d.targets("Object Created", "aws.s3", detail); !slices.Equal(got, want) {
			t.Errorf("%s wakes %v; want %v", key, got, want)
		}
		d.cloud.Put(t, d.cloud.DataBucket, key, []byte("x"), nil)
		told(key, want)
	}
	for alarm, want := range map[string][]topology.Function{d.cloud.Stack.Name() + "-AgentErrorsAlarm-x": {topology.AlarmsTo}, "another-stack-alarm": nil} {
		e := awstest.Entry{Bus: "default", Source: "aws.cloudwatch", DetailType: "CloudWatch Alarm State Change", Detail: fmt.Sprintf(`{"alarmName":%q,"state":{"value":"ALARM"}}`, alarm)}
		if got := d.wakes(e); !slices.Equal(got, want) {
			t.Errorf("%s wakes %v; want %v", alarm, got, want)
		}
		d.cloud.Publish(t, e)
		told(alarm, want)
	}
	for _, spec := range topology.Functions {
		for _, s := range spec.Schedules {
			e := d.tick(s.Name, time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC))
			if got := d.wakes(e); !slices.Contains(got, spec.Name) || !strings.Contains(e.Detail, `"time":"2026-03-02T12:00:00Z"`) {
				t.Errorf("the schedule %s publishes %+v and wakes %v; want %s", s.Name, e, got, spec.Name)
			}
		}
	}
	if _, err := matches(map[string]any{"source": []any{map[string]any{"suffix": "x"}}}, map[string]any{"source": "x"}); err == nil {
		t.Error("a comparison that is not known is passed over")
	}
}
