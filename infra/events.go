package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsschedulertargets"
	"github.com/aws/jsii-runtime-go"

	"mlops/shared/topology"
)

// ruleRetries and ruleAge are how long EventBridge goes on trying to hand an event to a function: its own limits, said here because a newer
// kind of bus has others.
const (
	ruleRetries = 185
	ruleAge     = 24 // hours
)

// rules wires each subscription of the topology, the arrival of files, and the stack's own alarms.
func (p *platform) rules() {
	for _, spec := range topology.Functions {
		for _, t := range spec.Subscribes {
			p.rule(*title(string(spec.Name))+"On"+string(t), spec.Name, p.bus, fmt.Sprintf("%s wakes %s", t, spec.Name), &awsevents.EventPattern{
				Source: jsii.Strings(topology.Source), DetailType: jsii.Strings(string(t)),
			})
		}
	}
	var prefixes []any
	for _, prefix := range topology.Intake {
		prefixes = append(prefixes, map[string]any{"prefix": prefix})
	}
	// S3 speaks on the account's default bus only.
	p.rule(*title(string(topology.IntakeBy))+"OnUpload", topology.IntakeBy, nil, fmt.Sprintf("A new file wakes %s", topology.IntakeBy), &awsevents.EventPattern{
		Source: jsii.Strings("aws.s3"), DetailType: jsii.Strings("Object Created"),
		Detail: &map[string]any{"bucket": map[string]any{"name": []any{p.data.BucketName()}}, "object": map[string]any{"key": prefixes}},
	})
	// So does CloudWatch. CloudFormation begins the name of every alarm with that of the stack; one that lacks data tells nothing.
	p.rule(*title(string(topology.AlarmsTo))+"OnAlarm", topology.AlarmsTo, nil, fmt.Sprintf("An alarm of this stack wakes %s", topology.AlarmsTo), &awsevents.EventPattern{
		Source: jsii.Strings("aws.cloudwatch"), DetailType: jsii.Strings("CloudWatch Alarm State Change"),
		Detail: &map[string]any{"alarmName": []any{map[string]any{"prefix": *p.Stack.StackName() + "-"}}, "state": map[string]any{"value": []any{"ALARM", "OK"}}},
	})
}

func (p *platform) rule(id string, to topology.Function, bus awsevents.EventBus, description string, pattern *awsevents.EventPattern) {
	f := p.functions[to]
	props := &awsevents.RuleProps{Description: &description, EventPattern: pattern, Targets: &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(f.Function, &awseventstargets.LambdaFunctionProps{
		DeadLetterQueue: f.dead, RetryAttempts: jsii.Number(ruleRetries), MaxEventAge: awscdk.Duration_Hours(jsii.Number(ruleAge)),
	})}}
	if bus != nil {
		props.EventBus = bus
	}
	awsevents.NewRule(p.Stack, &id, props)
}

// schedule publishes the topology's schedules onto the bus, in the shape in which every event travels: the scheduler fills in the time, so
// that a second delivery of the same tick has the same id, and the receiver decides by the time it was due.
func (p *platform) schedule() {
	p.scheduleDead = p.deadLetters("ScheduleDead")
	role := awsiam.NewRole(p.Stack, jsii.String("ScheduleRole"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("scheduler.amazonaws.com"), &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()}},
		}),
		Description: jsii.String("The schedules of mlops-" + p.settings.env),
	})
	role.AddToPrincipalPolicy(p.publishing())
	role.AddToPrincipalPolicy(allow([]string{"sqs:SendMessage"}, *p.scheduleDead.QueueArn()))
	fixed := role.WithoutPolicyUpdates(nil) // the CDK would add the right to publish anything
	for _, s := range topology.Schedules() {
		when := p.settings.schedules[s.Name]
		if when == "off" {
			continue
		}
		awsscheduler.NewSchedule(p.Stack, jsii.String(*title(s.Name)+"Schedule"), &awsscheduler.ScheduleProps{
			Description: jsii.String(fmt.Sprintf("Publishes %s", s.Event)), TimeWindow: awsscheduler.TimeWindow_Off(),
			Schedule: awsscheduler.ScheduleExpression_Expression(&when, awscdk.TimeZone_ETC_UTC()),
			Target: awsschedulertargets.NewEventBridgePutEvents(&awsschedulertargets.EventBridgePutEventsEntry{
				EventBus: p.bus, Source: jsii.String(topology.Source), DetailType: jsii.String(string(s.Event)), Detail: awsscheduler.ScheduleTargetInput_FromObject(tick(s)),
			}, &awsschedulertargets.ScheduleTargetBaseProps{Role: fixed, DeadLetterQueue: p.scheduleDead, RetryAttempts: jsii.Number(ruleRetries), MaxEventAge: awscdk.Duration_Hours(jsii.Number(eventAge))}),
		})
	}
}

// scheduledTime is what the scheduler replaces by the time the schedule was due, e.g. 2026-11-23T06:00:00Z.
const scheduledTime = "<aws.scheduler.scheduled-time>"

// tick is the event of a schedule, as JSON of event.Event.
func tick(s topology.Schedule) map[string]any {
	detail := map[string]any{}
	payload, err := json.Marshal(s.Payload())
	must(err)
	must(json.Unmarshal(payload, &detail))
	return map[string]any{"id": "schedule-" + s.Name + "-" + scheduledTime, "type": string(s.Event), "time": scheduledTime, "detail": detail}
}

// expression is when a schedule runs unless somebody chose: on the clock where its period divides an hour or a day, on the weekday and hour
// of its offset when it is a week, else counted from its making.
func expression(s topology.Schedule) string {
	every := s.Every
	switch {
	case every == topology.Week:
		at := time.Unix(0, 0).UTC().Add(s.Offset)
		return fmt.Sprintf("cron(%d %d ? * %s *)", at.Minute(), at.Hour(), strings.ToUpper(at.Weekday().String()[:3]))
	case every < time.Hour && every%time.Minute == 0 && time.Hour%every == 0:
		return fmt.Sprintf("cron(0/%d * * * ? *)", every/time.Minute)
	case every == time.Hour:
		return "cron(0 * * * ? *)"
	case every == 24*time.Hour:
		return "cron(0 0 * * ? *)"
	case every%time.Hour == 0 && 24*time.Hour%every == 0:
		return fmt.Sprintf("cron(0 0/%d * * ? *)", every/time.Hour)
	}
	return fmt.Sprintf("rate(%d minutes)", every/time.Minute)
}
