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

// Send publishes one mail. A topic that nobody is subscribed to would swallow it: that is Unavailable, so that the event comes again and
// ends where an alarm watches.
func (t *Topic) Send(ctx context.Context, to, subject, message string) error {
	if len(message) > maxMessage {
		return fault.Invalidf("a mail of %d bytes is longer than the %d of SNS", len(message), maxMessage).WithCode(fault.CodeTooLarge)
	}
	heard, err := t.heard(ctx)
	if err != nil {
		return err
	}
	if !heard {
		return fault.Unavailablef("nobody has confirmed a subscription to topic %s: the mail to %s would be lost", t.arn, to)
	}
	_, err = t.client.Publish(ctx, &sns.PublishInput{TopicArn: &t.arn, Subject: aws.String(subjectOf(subject)), Message: &message,
		MessageAttributes: map[string]types.MessageAttributeValue{t.to: {DataType: aws.String("String"), StringValue: &to}}})
	return classify(err, "publish on topic %s", t.arn)
}

// heard reports whether the topic has a confirmed subscription. Those that wait, or are being deleted, have a word in place of an ARN.
func (t *Topic) heard(ctx context.Context) (bool, error) {
	for in := (&sns.ListSubscriptionsByTopicInput{TopicArn: &t.arn}); ; {
		page, err := t.client.ListSubscriptionsByTopic(ctx, in)
		if err != nil {
			return false, classify(err, "look at topic %s", t.arn)
		}
		for _, s := range page.Subscriptions {
			if strings.HasPrefix(aws.ToString(s.SubscriptionArn), "arn:") {
				return true, nil
			}
		}
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			return false, nil
		}
	}
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
