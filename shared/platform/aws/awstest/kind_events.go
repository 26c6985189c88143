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
		"AWS::SNS::TopicPolicy":    {make: makeTopicPolicy, look: lookAtTopicPolicy, by: []string{"Topics"}},
		"AWS::SNS::Subscription":   {make: makeSubscription, look: lookAtSubscription},
		"AWS::SQS::Queue":          {service: SQS, make: makeQueue, look: lookAtQueue, set: setQueue},
		"AWS::SQS::QueuePolicy":    {make: makeQueuePolicy, look: lookAtQueuePolicy, by: []string{"Queues"}},
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
	return seen(ctx, c.topics.GetTopicAttributes, &sns.GetTopicAttributesInput{TopicArn: &ref}, func(o *sns.GetTopicAttributesOutput, out Properties) { told(o.Attributes, out) })
}

// told puts attributes, which are all texts, beside the other properties; those that hold JSON are read.
func told(attributes map[string]string, out Properties) {
	for name, v := range attributes {
		out[name] = v
		if strings.HasSuffix(name, "Policy") {
			out[name] = document(&v)
		}
	}
	out["PolicyDocument"] = out["Policy"]
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
	return lookAtTopic(ctx, c, each(p["Topics"])[0], p)
}

func makeSubscription(ctx context.Context, c *clients, _ string, p Properties) (made, error) {
	in := &sns.SubscribeInput{ReturnSubscriptionArn: true}
	if p["FilterPolicy"] != nil {
		in.Attributes = map[string]string{"FilterPolicy": *text(p["FilterPolicy"])}
	}
	return created(ctx, c.topics.Subscribe, in, only(p, "TopicArn", "Protocol", "Endpoint"), func(o *sns.SubscribeOutput) made { return made{ref: *o.SubscriptionArn} })
}

func lookAtSubscription(ctx context.Context, c *clients, ref string, _ Properties) (Properties, error) {
	return seen(ctx, c.topics.GetSubscriptionAttributes, &sns.GetSubscriptionAttributesInput{SubscriptionArn: &ref}, func(o *sns.GetSubscriptionAttributesOutput, out Properties) { told(o.Attributes, out) })
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
	return seen(ctx, c.queues.GetQueueAttributes, &sqs.GetQueueAttributesInput{QueueUrl: &ref, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll}},
		func(o *sqs.GetQueueAttributesOutput, out Properties) { told(o.Attributes, out) })
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
	return lookAtQueue(ctx, c, each(p["Queues"])[0], p)
}

func makeBus(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	if p["Name"] != nil {
		name = str(p["Name"])
	}
	return created(ctx, c.events.CreateEventBus, &eventbridge.CreateEventBusInput{Name: &name}, nil, func(o *eventbridge.CreateEventBusOutput) made {
		return made{name, map[string]string{"Arn": *o.EventBusArn, "Name": name}}
	})
}

func lookAtBus(ctx context.Context, c *clients, ref string, _ Properties) (Properties, error) {
	return seen(ctx, c.events.DescribeEventBus, &eventbridge.DescribeEventBusInput{Name: &ref}, nil)
}

// busOf is the bus of a rule; nil is the account's own.
func busOf(p Properties) *string {
	if name := str(p["EventBusName"]); name != "" {
		return &name
	}
	return nil
}

func makeRule(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	m, err := created(ctx, c.events.PutRule, &eventbridge.PutRuleInput{Name: &name, EventPattern: text(p["EventPattern"])}, only(p, "Description", "EventBusName", "State"), func(o *eventbridge.PutRuleOutput) made {
		return made{name, map[string]string{"Arn": *o.RuleArn}}
	})
	return m, after(err, func() error { return setRule["Targets"](ctx, c, name, p) })
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
	return created(ctx, c.schedules.CreateSchedule, &scheduler.CreateScheduleInput{Name: &name}, p, func(o *scheduler.CreateScheduleOutput) made {
		return made{name, map[string]string{"Arn": *o.ScheduleArn}}
	})
}

func lookAtSchedule(ctx context.Context, c *clients, ref string, _ Properties) (Properties, error) {
	return seen(ctx, c.schedules.GetSchedule, &scheduler.GetScheduleInput{Name: &ref}, nil)
}
