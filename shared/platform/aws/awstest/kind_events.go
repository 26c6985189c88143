package awstest

import (
	"context"
	"fmt"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func init() {
	register(map[string]kind{
		"AWS::SNS::Topic":          {service: SNS, make: makeTopic, look: lookAtTopic},
		"AWS::SNS::TopicPolicy":    {make: makeTopicPolicy, look: lookAtTopicPolicy},
		"AWS::SNS::Subscription":   {make: makeSubscription, look: lookAtSubscription},
		"AWS::SQS::Queue":          {service: SQS, make: makeQueue, look: lookAtQueue, set: setQueue},
		"AWS::SQS::QueuePolicy":    {make: makeQueuePolicy, look: lookAtQueuePolicy},
		"AWS::Events::EventBus":    {service: EventBridge, first: "moto's CloudFormation takes no rule on a bus of the same template", make: makeBus, look: lookAtBus},
		"AWS::Events::Rule":        {service: EventBridge, make: makeRule, look: lookAtRule, set: setRule},
		"AWS::Scheduler::Schedule": {service: Scheduler, make: makeSchedule, look: lookAtSchedule},
	})
}

func makeTopic(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	out, err := c.topics.CreateTopic(ctx, &sns.CreateTopicInput{Name: &name, Attributes: map[string]string{"DisplayName": str(p["DisplayName"])}})
	if err != nil {
		return made{}, err
	}
	return made{*out.TopicArn, map[string]string{"TopicArn": *out.TopicArn, "TopicName": name}}, nil
}

func lookAtTopic(ctx context.Context, c *clients, ref string, _ Properties) (Properties, error) {
	out, err := c.topics.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: &ref})
	if err != nil {
		return nil, err
	}
	return object(out.Attributes), nil
}

// each is one value or all of a list of them.
func each(v any) []string {
	if all, ok := texts(v); ok {
		return all
	}
	return []string{str(v)}
}

func makeTopicPolicy(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	for _, topic := range each(p["Topics"]) {
		if _, err := c.topics.SetTopicAttributes(ctx, &sns.SetTopicAttributesInput{TopicArn: &topic, AttributeName: sdk.String("Policy"), AttributeValue: text(p["PolicyDocument"])}); err != nil {
			return made{}, err
		}
	}
	return made{ref: name}, nil
}

func lookAtTopicPolicy(ctx context.Context, c *clients, _ string, p Properties) (Properties, error) {
	out := Properties{"Topics": p["Topics"]}
	for _, topic := range each(p["Topics"]) {
		got, err := c.topics.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: &topic})
		if err != nil {
			return nil, err
		}
		policy := got.Attributes["Policy"]
		out["PolicyDocument"] = document(&policy)
	}
	return out, nil
}

func makeSubscription(ctx context.Context, c *clients, _ string, p Properties) (made, error) {
	in := &sns.SubscribeInput{ReturnSubscriptionArn: true}
	if err := fill(only(p, "TopicArn", "Protocol", "Endpoint"), in); err != nil {
		return made{}, err
	}
	if p["FilterPolicy"] != nil {
		in.Attributes = map[string]string{"FilterPolicy": *text(p["FilterPolicy"])}
	}
	out, err := c.topics.Subscribe(ctx, in)
	if err != nil {
		return made{}, err
	}
	return made{ref: *out.SubscriptionArn}, nil
}

func lookAtSubscription(ctx context.Context, c *clients, ref string, _ Properties) (Properties, error) {
	got, err := c.topics.GetSubscriptionAttributes(ctx, &sns.GetSubscriptionAttributesInput{SubscriptionArn: &ref})
	if err != nil {
		return nil, err
	}
	out := object(got.Attributes)
	filter := got.Attributes["FilterPolicy"]
	out["FilterPolicy"] = document(&filter)
	return out, nil
}

// attributes are a queue's, which are all texts.
func attributes(p Properties, names ...string) map[string]string {
	out := map[string]string{}
	for name, v := range only(p, names...) {
		out[name] = word(v)
	}
	return out
}

var queueAttributes = []string{"MessageRetentionPeriod", "SqsManagedSseEnabled", "VisibilityTimeout"}

func makeQueue(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	out, err := c.queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes(p, queueAttributes...)})
	if err != nil {
		return made{}, err
	}
	got, err := lookAtQueue(ctx, c, *out.QueueUrl, nil)
	return made{*out.QueueUrl, map[string]string{"Arn": str(got["QueueArn"]), "QueueName": name, "QueueUrl": *out.QueueUrl}}, err
}

func lookAtQueue(ctx context.Context, c *clients, ref string, _ Properties) (Properties, error) {
	out, err := c.queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &ref, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll}})
	if err != nil {
		return nil, err
	}
	return object(out.Attributes), nil
}

var setQueue = map[string]func(context.Context, *clients, string, Properties) error{
	"MessageRetentionPeriod": setQueueAttribute("MessageRetentionPeriod"), "SqsManagedSseEnabled": setQueueAttribute("SqsManagedSseEnabled"),
}

func setQueueAttribute(name string) func(context.Context, *clients, string, Properties) error {
	return func(ctx context.Context, c *clients, ref string, p Properties) error {
		_, err := c.queues.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &ref, Attributes: attributes(p, name)})
		return err
	}
}

func makeQueuePolicy(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	for _, queue := range each(p["Queues"]) {
		if _, err := c.queues.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &queue, Attributes: map[string]string{"Policy": *text(p["PolicyDocument"])}}); err != nil {
			return made{}, err
		}
	}
	return made{ref: name}, nil
}

func lookAtQueuePolicy(ctx context.Context, c *clients, _ string, p Properties) (Properties, error) {
	out := Properties{"Queues": p["Queues"]}
	for _, queue := range each(p["Queues"]) {
		got, err := lookAtQueue(ctx, c, queue, nil)
		if err != nil {
			return nil, err
		}
		policy := str(got["Policy"])
		out["PolicyDocument"] = document(&policy)
	}
	return out, nil
}

func makeBus(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	if p["Name"] != nil {
		name = str(p["Name"])
	}
	out, err := c.events.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: &name})
	if err != nil {
		return made{}, err
	}
	return made{name, map[string]string{"Arn": *out.EventBusArn, "Name": name}}, nil
}

func lookAtBus(ctx context.Context, c *clients, ref string, _ Properties) (Properties, error) {
	out, err := c.events.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{Name: &ref})
	if err != nil {
		return nil, err
	}
	return object(out), nil
}

// busOf is the bus of a rule; nil is the account's own.
func busOf(p Properties) *string {
	if name := str(p["EventBusName"]); name != "" {
		return &name
	}
	return nil
}

func makeRule(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	in := &eventbridge.PutRuleInput{Name: &name, EventPattern: text(p["EventPattern"])}
	if err := fill(only(p, "Description", "EventBusName", "State"), in); err != nil {
		return made{}, err
	}
	out, err := c.events.PutRule(ctx, in)
	if err == nil {
		err = setRule["Targets"](ctx, c, name, p)
	}
	if err != nil {
		return made{}, err
	}
	return made{name, map[string]string{"Arn": *out.RuleArn}}, nil
}

// ruleName is a rule's name: CloudFormation refers to a rule of another bus than the account's own by "bus|rule".
func ruleName(ref string) *string { return sdk.String(ref[strings.LastIndexByte(ref, '|')+1:]) }

func lookAtRule(ctx context.Context, c *clients, ref string, p Properties) (Properties, error) {
	rule, err := c.events.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: ruleName(ref), EventBusName: busOf(p)})
	if err != nil {
		return nil, err
	}
	targets, err := c.events.ListTargetsByRule(ctx, &eventbridge.ListTargetsByRuleInput{Rule: ruleName(ref), EventBusName: busOf(p)})
	if err != nil {
		return nil, err
	}
	out := object(rule)
	out["EventPattern"], out["Targets"] = document(rule.EventPattern), plain(targets.Targets)
	return out, nil
}

var setRule = map[string]func(context.Context, *clients, string, Properties) error{
	"Targets": func(ctx context.Context, c *clients, ref string, p Properties) error {
		in := &eventbridge.PutTargetsInput{Rule: ruleName(ref), EventBusName: busOf(p)}
		if err := fill(only(p, "Targets"), in); err != nil {
			return err
		}
		out, err := c.events.PutTargets(ctx, in)
		if err == nil && out.FailedEntryCount > 0 {
			err = fmt.Errorf("%d targets are refused: %v", out.FailedEntryCount, plain(out.FailedEntries))
		}
		return err
	},
}

// redirect gives a rule another target than the template's.
func redirect(ctx context.Context, c *clients, ref string, p Properties, to string) error {
	_, err := c.events.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: ruleName(ref), EventBusName: busOf(p), Targets: []eventtypes.Target{{Id: sdk.String(str(get(first(p["Targets"]), "Id"))), Arn: &to}}})
	return err
}

func first(v any) any {
	if all, ok := v.([]any); ok && len(all) > 0 {
		return all[0]
	}
	return nil
}

func makeSchedule(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	in := &scheduler.CreateScheduleInput{}
	if err := fill(p, in); err != nil {
		return made{}, err
	}
	in.Name = &name
	out, err := c.schedules.CreateSchedule(ctx, in)
	if err != nil {
		return made{}, err
	}
	return made{name, map[string]string{"Arn": *out.ScheduleArn}}, nil
}

func lookAtSchedule(ctx context.Context, c *clients, ref string, _ Properties) (Properties, error) {
	out, err := c.schedules.GetSchedule(ctx, &scheduler.GetScheduleInput{Name: &ref})
	if err != nil {
		return nil, err
	}
	return object(out), nil
}
