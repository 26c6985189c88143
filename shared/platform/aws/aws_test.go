package aws_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"mlops/shared/platform/aws"
	"mlops/shared/platform/aws/awstest"
	"mlops/shared/platform/store"
	"mlops/shared/platform/storetest"
)

func TestMain(m *testing.M) { awstest.Main(m) }

var background = context.Background()

// long marks the suites of package storetest, which make some twenty thousand requests.
func long(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: it takes minutes; make test runs it")
	}
}

func TestTable(t *testing.T) {
	long(t)
	storetest.Table(t, func(t *testing.T) store.Table {
		c := awstest.Open(t, awstest.DynamoDB)
		return c.Account(t).Table(c.Tables, time.Now)
	})
}

func TestBlobs(t *testing.T) {
	storetest.Blobs(t, func(t *testing.T) store.Blobs {
		c := awstest.Open(t, awstest.S3)
		return c.Account(t).Blobs(c.DataBucket)
	})
}

// somebody is a table that anybody with the console may write to: it lets the suite tamper with the ledger.
type somebody struct {
	store.Table
	any store.Table
}

func (s somebody) Write(ctx context.Context, token string, ops []store.Op) error {
	for _, op := range ops {
		if op.Kind == store.Delete || op.Expect == store.Any {
			return s.any.Write(ctx, token, ops)
		}
	}
	return s.Table.Write(ctx, token, ops)
}

func TestStore(t *testing.T) {
	long(t)
	storetest.Store(t, func(t *testing.T) store.Table {
		c := awstest.Open(t, awstest.DynamoDB)
		a := c.Account(t)
		return somebody{a.Table(c.Tables, time.Now), a.Unguarded(c.Tables, time.Now)}
	})
}

// spoilt spoils a share of the requests in every way that may pass.
func spoilt(seed uint64, share float64) func(int, string) awstest.Outcome {
	rng := rand.New(rand.NewPCG(seed, 0))
	return func(int, string) awstest.Outcome {
		if rng.Float64() >= share {
			return awstest.Pass
		}
		return []awstest.Outcome{awstest.Drop, awstest.LoseReply, awstest.Throttle}[rng.IntN(3)]
	}
}

// TestClientsAreOutOfReach: nothing but Blobs holds a client of the SDK, by which a program with pages would link all its operations.
func TestClientsAreOutOfReach(t *testing.T) {
	for _, kept := range []any{&aws.Table{}, &aws.Outbox{}, &aws.Topic{}, &aws.Key{}, &aws.Secret{}, &aws.Account{}} {
		kind := reflect.TypeOf(kept).Elem()
		for i := range kind.NumField() {
			if f := kind.Field(i); strings.HasSuffix(f.Type.String(), ".Client") {
				t.Errorf("%s holds a %s: keep the functions that it calls instead", kind, f.Type)
			}
		}
	}
}

// TestSubscriptionsOfManyPages: one confirmed subscription, on a later page, is enough, and where none is the search ends.
func TestSubscriptionsOfManyPages(t *testing.T) {
	for confirmed, want := range map[string]bool{"arn:aws:sns:eu-west-1:123456789012:t:1": true, "PendingConfirmation": false} {
		asked := 0
		topic := open(t, &service{answer: func(w http.ResponseWriter, r *http.Request) {
			asked++
			subscription, next := confirmed, ""
			if asked < 3 {
				subscription, next = "PendingConfirmation", fmt.Sprintf("<NextToken>page%d</NextToken>", asked+1)
			}
			fmt.Fprintf(w, "<R><ListSubscriptionsByTopicResult><Subscriptions><member><SubscriptionArn>%s</SubscriptionArn></member></Subscriptions>%s</ListSubscriptionsByTopicResult><PublishResult/></R>", subscription, next)
		}}).Topic("arn:aws:sns:eu-west-1:123456789012:t", "to")
		err := topic.Send(background, "a@example.com", "s", "m")
		if calls := map[bool]int{true: 4, false: 3}[want]; asked != calls || (err == nil) != want || err != nil && !strings.Contains(err.Error(), "nobody") {
			t.Errorf("%s: %d calls, error %v", confirmed, asked, err)
		}
	}
}
