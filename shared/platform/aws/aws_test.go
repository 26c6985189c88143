package aws_test

import (
	"context"

	"math/rand/v2"
	"testing"
	"time"

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
		c := awstest.Open(t)
		return c.Account(t).Table(c.Tables, time.Now)
	})
}

func TestBlobs(t *testing.T) {
	storetest.Blobs(t, func(t *testing.T) store.Blobs {
		c := awstest.Open(t)
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
		c := awstest.Open(t)
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
