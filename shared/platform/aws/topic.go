package aws

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"mlops/shared/fault"
)

// The limits of Publish (Amazon SNS API reference).
const (
	maxSubject = 99
	maxMessage = 256 << 10
)

// Topic sends mails by SNS. One topic reaches all its subscribers with one text, so each person's subscription filters on the attribute
// To, and each mail is a message of its own.
type Topic struct {
	client topicCalls
	arn    string
	to     string // name of the attribute
}

// topicCalls are the calls of SNS that are made here; aws.go says why not the client.
type topicCalls struct {
	Publish                  func(context.Context, *sns.PublishInput, ...func(*sns.Options)) (*sns.PublishOutput, error)
	ListSubscriptionsByTopic func(context.Context, *sns.ListSubscriptionsByTopicInput, ...func(*sns.Options)) (*sns.ListSubscriptionsByTopicOutput, error)
}

// Topic makes a Topic whose messages carry their receiver as the attribute.
func (a Account) Topic(arn, attribute string) *Topic {
	c := sns.NewFromConfig(a.config)
	return &Topic{client: topicCalls{c.Publish, c.ListSubscriptionsByTopic}, arn: arn, to: attribute}
}

// Send publishes one mail. A topic that its receiver does not hear would swallow it: that is Unavailable, so that the event comes again and
// ends where an alarm watches.
func (t *Topic) Send(ctx context.Context, to, subject, message string) error {
	if len(message) > maxMessage {
		return fault.Invalidf("a mail of %d bytes is longer than the %d of SNS", len(message), maxMessage).WithCode(fault.CodeTooLarge)
	}
	all, err := t.subscriptions(ctx)
	if err != nil {
		return err
	}
	if !hears(all, to) {
		return fault.Unavailablef("nobody has confirmed a subscription to topic %s that hears a mail to %s: it would be lost", t.arn, to)
	}
	_, err = t.client.Publish(ctx, &sns.PublishInput{TopicArn: &t.arn, Subject: aws.String(subjectOf(subject)), Message: &message,
		MessageAttributes: map[string]types.MessageAttributeValue{t.to: {DataType: aws.String("String"), StringValue: &to}}})
	return classify(err, "publish on topic %s", t.arn)
}

// subscriptions are those of the topic, confirmed or not.
func (t *Topic) subscriptions(ctx context.Context) ([]types.Subscription, error) {
	var all []types.Subscription
	for in := (&sns.ListSubscriptionsByTopicInput{TopicArn: &t.arn}); ; {
		page, err := t.client.ListSubscriptionsByTopic(ctx, in)
		if err != nil {
			return nil, classify(err, "look at topic %s", t.arn)
		}
		all = append(all, page.Subscriptions...)
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			return all, nil
		}
	}
}

// hears reports whether a mail to somebody is heard: by their own subscription where they have one, else by any, since a list or a program may
// pass it on. Subscriptions that wait to be confirmed, or are being deleted, have a word in place of an ARN.
func hears(all []types.Subscription, to string) bool {
	own, confirmed, any := false, false, false
	for _, s := range all {
		ok := strings.HasPrefix(aws.ToString(s.SubscriptionArn), "arn:")
		any = any || ok
		if strings.EqualFold(aws.ToString(s.Endpoint), to) {
			own, confirmed = true, confirmed || ok
		}
	}
	return confirmed || any && !own
}

// subjectOf makes a subject that SNS takes: printable ASCII that begins with no space, one line, less than 100 characters.
func subjectOf(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r == 0x7f:
			return ' '
		case r > 0x7f:
			return '?'
		}
		return r
	}, s))
	return s[:min(len(s), maxSubject)]
}
