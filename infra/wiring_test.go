package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
	"time"

	"mlops/shared/event"
	"mlops/shared/topology"
)

// methods are the methods of the template: "API METHOD /path" to the method's properties.
func methods(tpl template) map[string]map[string]any {
	var path func(id any) string
	path = func(id any) string {
		ref, ok := find(id, "Ref").(string)
		if !ok {
			return "" // the root
		}
		r := tpl.Resources[ref]
		return path(r.Properties["ParentId"]) + "/" + r.Properties["PathPart"].(string)
	}
	out := map[string]map[string]any{}
	for _, m := range tpl.of("AWS::ApiGateway::Method") {
		out[tpl.say(m.Properties["RestApiId"])+" "+m.Properties["HttpMethod"].(string)+" "+path(m.Properties["ResourceId"])] = m.Properties
	}
	return out
}

// TestEveryRouteIsAMethod: each route of the topology is a method of its API, leads to its function, and asks for what its scope asks for.
func TestEveryRouteIsAMethod(t *testing.T) {
	tpl := usual.of(t)
	all := methods(tpl)
	for _, f := range topology.Functions {
		api := "Api"
		if f.Name == topology.Approve {
			api = "ApprovalsApi"
		}
		for _, r := range f.Routes {
			key := api + " " + r.Method + " " + strings.ReplaceAll(r.Path, "...}", "+}")
			m, ok := all[key]
			if !ok {
				t.Errorf("there is no method %s", key)
				continue
			}
			if uri := tpl.say(find(m, "Integration", "Uri")); !strings.Contains(uri, "/"+*title(string(f.Name))+"/") || find(m, "Integration", "Type") != "AWS_PROXY" {
				t.Errorf("%s leads to %s", key, uri)
			}
			wantKey, wantAuth := false, "NONE"
			switch r.Scope {
			case topology.PredictScope:
				wantKey = true
			case topology.Operate, topology.Session:
				wantAuth = "AWS_IAM"
			}
			if m["ApiKeyRequired"] != wantKey || m["AuthorizationType"] != wantAuth {
				t.Errorf("%s (%s): key %v, authorization %v; want %v, %v", key, r.Scope, m["ApiKeyRequired"], m["AuthorizationType"], wantKey, wantAuth)
			}
			if m["RequestValidatorId"] == nil {
				t.Errorf("%s has no validator", key)
			}
		}
	}
}

// TestNothingElseIsOpen: a method that is not in the topology is one of those that a greedy route's method was repeated on.
func TestNothingElseIsOpen(t *testing.T) {
	known := map[string]bool{"Api POST /v1/models": true, "Api POST /v1/models/{m}": true, "Api POST /v1": true, "Api GET /dashboard": true}
	for _, f := range topology.Functions {
		for _, r := range f.Routes {
			known["Api "+r.Method+" "+strings.ReplaceAll(r.Path, "...}", "+}")] = f.Name != topology.Approve
			known["ApprovalsApi "+r.Method+" "+r.Path] = f.Name == topology.Approve
		}
	}
	for key, m := range methods(usual.of(t)) {
		if !known[key] {
			t.Errorf("%s is open (key %v, authorization %v) and in no topology", key, m["ApiKeyRequired"], m["AuthorizationType"])
		}
	}
}

// TestEverySubscriptionIsARule: each subscription of the topology is one rule on the platform's bus, with somewhere to go for what it
// cannot deliver, and there are no other rules than those of uploads and of alarms.
func TestEverySubscriptionIsARule(t *testing.T) {
	tpl := usual.of(t)
	got := map[string]bool{}
	for id, r := range tpl.of("AWS::Events::Rule") {
		targets := list(r.Properties["Targets"])
		if len(targets) != 1 || find(targets[0], "DeadLetterConfig", "Arn") == nil || find(targets[0], "RetryPolicy", "MaximumRetryAttempts") == nil {
			t.Errorf("%s: its one target needs a retry policy and a dead-letter queue: %v", id, targets)
			continue
		}
		to := tpl.say(find(targets[0], "Arn"))
		if dead := tpl.say(find(targets[0], "DeadLetterConfig", "Arn")); dead != to+"Dead" {
			t.Errorf("%s: what %s does not get goes to %s", id, to, dead)
		}
		key := tpl.say(r.Properties["EventBusName"]) + " " + tpl.say(find(r.Properties, "EventPattern", "source")) + " " + tpl.say(find(r.Properties, "EventPattern", "detail-type")) + " -> " + to
		if got[key] {
			t.Errorf("%s twice", key)
		}
		got[key] = true
	}
	want := map[string]bool{"<nil> aws.s3 Object Created -> " + *title(string(topology.IntakeBy)): true,
		"<nil> aws.cloudwatch CloudWatch Alarm State Change -> " + *title(string(topology.AlarmsTo)): true}
	for _, f := range topology.Functions {
		for _, e := range f.Subscribes {
			want["Events "+event.Source+" "+string(e)+" -> "+*title(string(f.Name))] = true
		}
	}
	for key := range want {
		if !got[key] {
			t.Errorf("there is no rule %s", key)
		}
	}
	for key := range got {
		if !want[key] {
			t.Errorf("the rule %s is in no topology", key)
		}
	}
}

// TestEveryEventIsHeard: every type of event that there is wakes somebody.
func TestEveryEventIsHeard(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../shared/event/event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Type" {
			count++
			name := strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`)
			if len(topology.Subscribers(event.Type(name))) == 0 {
				t.Errorf("nobody subscribes to %s", name)
			}
		}
		return true
	})
	if count < 10 {
		t.Errorf("only %d types of events were found: is this still where they are?", count)
	}
}

// TestAlarmsWake: the rule of alarms hears those of this stack and no others, and every alarm has a name that CloudFormation makes.
func TestAlarmsWake(t *testing.T) {
	tpl := usual.of(t)
	found := 0
	for _, r := range tpl.of("AWS::Events::Rule") {
		if name := find(r.Properties, "EventPattern", "detail", "alarmName"); name != nil {
			found++
			if b, _ := json.Marshal(find(r.Properties, "EventPattern", "detail")); string(b) != `{"alarmName":[{"prefix":"mlops-dev-"}],"state":{"value":["ALARM","OK"]}}` {
				t.Errorf("the rule looks at %s", b)
			}
		}
	}
	if found != 1 {
		t.Errorf("%d rules of alarms", found)
	}
	for id, a := range tpl.of("AWS::CloudWatch::Alarm") {
		if a.Properties["AlarmName"] != nil {
			t.Errorf("%s has a name of its own, which the rule may not hear", id)
		}
	}
}

// TestUploadsWake: the rule of uploads looks at the data bucket's own intake folders, and the bucket tells of its objects.
func TestUploadsWake(t *testing.T) {
	tpl := usual.of(t)
	for _, r := range tpl.of("AWS::Events::Rule") {
		if find(r.Properties, "EventPattern", "detail", "bucket") == nil {
			continue
		}
		b, _ := json.Marshal(find(r.Properties, "EventPattern", "detail", "object", "key"))
		if string(b) != `[{"prefix":"raw/"},{"prefix":"uploads/"}]` || tpl.say(find(r.Properties, "EventPattern", "detail", "bucket", "name")) != "Data" {
			t.Errorf("the rule looks at %s", b)
		}
	}
	for id, b := range tpl.of("AWS::S3::Bucket") {
		tells := find(b.Properties, "NotificationConfiguration", "EventBridgeConfiguration", "EventBridgeEnabled") == true
		if tells != (tpl.name(id) == "Data") {
			t.Errorf("%s tells of its objects: %v", tpl.name(id), tells)
		}
	}
	if n := len(tpl.of("AWS::Lambda::Function")); n != len(topology.Functions) {
		t.Errorf("%d functions; the CDK added its own", n)
	}
}

// TestEveryScheduleIsASchedule: each publishes its event in the shape in which every event travels.
func TestEveryScheduleIsASchedule(t *testing.T) {
	tpl := usual.of(t)
	all := map[string]resource{}
	for id, s := range tpl.of("AWS::Scheduler::Schedule") {
		all[tpl.name(id)] = s
	}
	for _, want := range topology.Schedules() {
		s, ok := all[*title(want.Name)+"Schedule"]
		if !ok {
			t.Errorf("there is no schedule %s", want.Name)
			continue
		}
		target := s.Properties["Target"]
		if find(target, "DeadLetterConfig", "Arn") == nil || tpl.say(find(target, "Arn")) != "Events" || find(target, "EventBridgeParameters", "Source") != event.Source || find(target, "EventBridgeParameters", "DetailType") != string(want.Event) {
			t.Errorf("%s: target %v", want.Name, target)
		}
		if s.Properties["ScheduleExpression"] != expression(want) {
			t.Errorf("%s runs at %v", want.Name, s.Properties["ScheduleExpression"])
		}
		at := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
		var e event.Event
		if err := json.Unmarshal([]byte(strings.ReplaceAll(find(target, "Input").(string), scheduledTime, at.Format(time.RFC3339))), &e); err != nil {
			t.Errorf("%s publishes what is no event: %v", want.Name, err)
			continue
		}
		if e.Type != want.Event || !e.Time.Equal(at) || e.ID != "schedule-"+want.Name+"-2026-11-23T06:00:00Z" {
			t.Errorf("%s publishes %+v", want.Name, e)
		}
		if want.Event == event.ReportRequested {
			var r event.Report
			if err := e.Decode(&r); err != nil || r.Kind != want.Kind {
				t.Errorf("%s asks for the report %+v, error %v", want.Name, r, err)
			}
		}
	}
	if len(all) != len(topology.Schedules()) {
		t.Errorf("%d schedules; want %d", len(all), len(topology.Schedules()))
	}
}

func TestExpression(t *testing.T) {
	for every, want := range map[time.Duration]string{
		15 * time.Minute: "cron(0/15 * * * ? *)", time.Hour: "cron(0 * * * ? *)", 6 * time.Hour: "cron(0 0/6 * * ? *)", 24 * time.Hour: "cron(0 0 * * ? *)",
		25 * time.Minute: "rate(25 minutes)", time.Minute: "cron(0/1 * * * ? *)",
	} {
		if got := expression(topology.Schedule{Every: every}); got != want {
			t.Errorf("every %s: %s; want %s", every, got, want)
		}
	}
	for offset, want := range map[time.Duration]string{0: "cron(0 0 ? * THU *)", topology.Monday + 5*time.Hour: "cron(0 5 ? * MON *)", topology.Monday + 30*time.Hour + 45*time.Minute: "cron(45 6 ? * TUE *)"} {
		if got := expression(topology.Schedule{Every: topology.Week, Offset: offset}); got != want {
			t.Errorf("every week, %s on: %s; want %s", offset, got, want)
		}
	}
}

// TestNothingIsLostSilently: what a function could not handle goes to a queue of its own, and every such queue has an alarm.
func TestNothingIsLostSilently(t *testing.T) {
	tpl := usual.of(t)
	kept := map[string]string{}
	for _, c := range tpl.of("AWS::Lambda::EventInvokeConfig") {
		kept[tpl.say(c.Properties["FunctionName"])] = tpl.say(find(c.Properties, "DestinationConfig", "OnFailure", "Destination"))
	}
	for _, f := range topology.Functions {
		id := *title(string(f.Name))
		if len(f.Subscribes) > 0 && kept[id] != id+"Dead" {
			t.Errorf("what %s cannot handle goes to %q", f.Name, kept[id])
		}
	}
	watched := map[string]bool{}
	for _, a := range tpl.of("AWS::CloudWatch::Alarm") {
		if a.Properties["MetricName"] == "ApproximateNumberOfMessagesVisible" {
			watched[tpl.say(find(list(a.Properties["Dimensions"])[0], "Value"))] = true
		}
		if tpl.say(a.Properties["AlarmActions"]) != "Alerts" {
			t.Errorf("the alarm %v tells %v", a.Properties["AlarmDescription"], a.Properties["AlarmActions"])
		}
	}
	for id := range tpl.of("AWS::SQS::Queue") {
		if !watched[tpl.name(id)] {
			t.Errorf("nobody watches %s", tpl.name(id))
		}
	}
}
