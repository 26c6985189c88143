package aws_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"mlops/shared/platform/aws"
)

// TestHears: who has not confirmed their own subscription gets nothing, whoever else listens.
func TestHears(t *testing.T) {
	sub := func(endpoint, arn string) types.Subscription {
		return types.Subscription{Endpoint: &endpoint, SubscriptionArn: &arn}
	}
	const arn, pending, deleted = "arn:aws:sns:eu-west-1:123456789012:t:1", "PendingConfirmation", "Deleted"
	for name, c := range map[string]struct {
		all  []types.Subscription
		want bool
	}{
		"nobody":               {nil, false},
		"confirmed":            {[]types.Subscription{sub("anna@example.com", arn)}, true},
		"in another case":      {[]types.Subscription{sub("Anna@Example.com", arn)}, true},
		"waits":                {[]types.Subscription{sub("anna@example.com", pending)}, false},
		"waits, others do not": {[]types.Subscription{sub("ben@example.com", arn), sub("anna@example.com", pending)}, false},
		"ended":                {[]types.Subscription{sub("anna@example.com", deleted)}, false},
		"ended and made anew":  {[]types.Subscription{sub("anna@example.com", deleted), sub("anna@example.com", arn)}, true},
		"a list passes it on":  {[]types.Subscription{sub("team@example.com", arn)}, true},
	} {
		if got := aws.Hears(c.all, "anna@example.com"); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
