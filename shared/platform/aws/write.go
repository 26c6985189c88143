package aws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// anyTries bounds how often a write without a condition is tried again because the item it replaces keeps changing.
const anyTries = 8

// write is one request of Write as it was last sent. DynamoDB takes a repetition for the same request only if all of it is the same, so the
// clock and the versions it was made with are kept with its token.
type write struct {
	digest  [32]byte // of ops
	now     time.Time
	seen    []int64 // version of the live item that a Put without condition replaces
	round   int     // how often a request of this token was refused, which leaves the token free
	applied bool
}

// memory remembers writes for store.TokenMemory, as DynamoDB does.
type memory struct {
	mu     sync.Mutex
	writes map[string]*write
}

// recall gives the write of a token to go on with. A token of other ops is a Conflict if it was applied.
func (m *memory) recall(token string, ops []store.Op, now time.Time) (write, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, w := range m.writes {
		if now.Sub(w.now) > store.TokenMemory {
			delete(m.writes, k)
		}
	}
	fresh := write{digest: digestOf(ops), now: now, seen: make([]int64, len(ops))}
	w := m.writes[token]
	switch {
	case w == nil:
		return fresh, nil
	case w.digest == fresh.digest:
		return *w, nil
	case w.applied:
		return write{}, fault.Conflictf("the write's token %s was used for another write", token)
	}
	fresh.round = w.round
	return fresh, nil
}

func (m *memory) keep(token string, w write) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes[token] = &w
}

// Write implements store.Table.
func (t *Table) Write(ctx context.Context, token string, ops []store.Op) error {
	if err := store.CheckWrite(token, ops); err != nil {
		return err
	}
	if err := onlyAdds(ops); err != nil {
		return err
	}
	return t.write(ctx, token, ops)
}

func (t *Table) write(ctx context.Context, token string, ops []store.Op) error {
	if err := store.Alive(ctx); err != nil {
		return err
	}
	w, err := t.memory.recall(token, ops, t.now())
	if err != nil || w.applied {
		return err
	}
	for range anyTries {
		again, err := t.try(ctx, token, ops, &w)
		t.memory.keep(token, w)
		if !again {
			return err
		}
	}
	return fault.Unavailablef("an item that is written without condition keeps changing")
}

// try sends the request once. again says that it was refused only because an item that is replaced whatever it is was not as last seen.
func (t *Table) try(ctx context.Context, token string, ops []store.Op, w *write) (again bool, err error) {
	name := sha256.Sum256(fmt.Appendf(nil, "%s/%d", token, w.round))
	_, err = t.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		ClientRequestToken: aws.String(hex.EncodeToString(name[:])[:36]), TransactItems: t.items(ops, *w)}, unread)
	var cancelled *types.TransactionCanceledException
	var mismatch *types.IdempotentParameterMismatchException
	var progress *types.TransactionInProgressException
	switch {
	case err == nil:
		w.applied = true
		return false, nil
	case errors.As(err, &mismatch):
		return false, fault.Conflictf("the write's token %s was used for another write", token)
	case errors.As(err, &progress):
		return false, fault.Unavailablef("the same write is under way").Because(err)
	case !errors.As(err, &cancelled):
		return false, classify(err, "write to the tables %s", t.names)
	}
	w.round++
	return t.cancelled(cancelled, ops, w)
}

// unread keeps the SDK from checking the sum of an answer that it does not read, which fails and costs the connection.
func unread(o *dynamodb.Options) { o.DisableValidateResponseChecksum = true }

// cancelled reads why a transaction was refused. Nothing of it was written.
func (t *Table) cancelled(refused *types.TransactionCanceledException, ops []store.Op, w *write) (again bool, err error) {
	var failed []int
	for i, reason := range refused.CancellationReasons {
		switch code := aws.ToString(reason.Code); code {
		case "", "None":
		case "ConditionalCheckFailed":
			if i >= len(ops) {
				return false, fault.New(fault.Internal, "the database names operation %d of %d", i, len(ops)).Because(refused)
			}
			if ops[i].Expect != store.Any {
				failed = append(failed, i)
				continue
			}
			again, w.seen[i] = true, 0
			if len(reason.Item) > 0 {
				old, err := decode(reason.Item)
				if err != nil {
					return false, err
				}
				if !old.Gone(w.now) {
					w.seen[i] = old.Version
				}
			}
		case "TransactionConflict":
			return false, fault.Unavailablef("another write has one of the items").Because(refused)
		case "ThrottlingError", "ProvisionedThroughputExceeded":
			return false, fault.Unavailablef("write to the tables %s: throttled", t.names).WithCode(fault.CodeThrottled).Because(refused)
		default:
			return false, fault.New(fault.Internal, "the database refused operation %d: %s", i, code).Because(refused)
		}
	}
	switch {
	case failed != nil:
		return false, &store.ConditionFailed{Failed: failed}
	case again:
		return true, nil
	}
	return false, fault.Unavailablef("the database refused the write without a reason").Because(refused)
}

// items makes the actions of a transaction.
func (t *Table) items(ops []store.Op, w write) []types.TransactWriteItem {
	out := make([]types.TransactWriteItem, len(ops))
	for i, op := range ops {
		expect := op.Expect
		if expect == store.Any {
			expect = w.seen[i]
		}
		name, c := t.names.of(op.Partition), conditionOf(expect, w.now)
		const old = types.ReturnValuesOnConditionCheckFailureAllOld
		switch op.Kind {
		case store.Put:
			out[i].Put = &types.Put{TableName: &name, Item: encode(op, expect+1), ConditionExpression: &c.expression,
				ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values}
			if op.Expect == store.Any {
				out[i].Put.ReturnValuesOnConditionCheckFailure = old
			}
		case store.Delete:
			out[i].Delete = &types.Delete{TableName: &name, Key: keyOf(op.Partition, op.Sort)}
			if op.Expect != store.Any {
				out[i].Delete.ConditionExpression, out[i].Delete.ExpressionAttributeNames, out[i].Delete.ExpressionAttributeValues = &c.expression, c.names, c.values
			}
		default:
			out[i].ConditionCheck = &types.ConditionCheck{TableName: &name, Key: keyOf(op.Partition, op.Sort), ConditionExpression: &c.expression,
				ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values}
		}
	}
	return out
}

type condition struct {
	expression string
	names      map[string]string
	values     map[string]types.AttributeValue
}

// conditionOf is what must hold of an item that is expected to have a version, or, with 0, not to exist. An item past its end does not
// exist, whether the database has removed it yet or not.
func conditionOf(expect int64, now time.Time) condition {
	c := condition{names: map[string]string{"#expires": TimeToLive}, values: map[string]types.AttributeValue{":now": number(now.Unix())}}
	if expect == 0 {
		c.expression = "attribute_not_exists(#pk) OR (attribute_exists(#expires) AND #expires <= :now)"
		c.names["#pk"] = PartitionKey
		return c
	}
	c.expression = "#version = :version AND (attribute_not_exists(#expires) OR #expires > :now)"
	c.names["#version"], c.values[":version"] = version, number(expect)
	return c
}

// onlyAdds refuses what would change or remove an audit entry.
func onlyAdds(ops []store.Op) error {
	var details []fault.Detail
	for i, op := range ops {
		if isAudit(op.Partition) && op.Kind != store.Check && (op.Kind != store.Put || op.Expect != 0) {
			details = append(details, fault.Detail{Field: fmt.Sprintf("ops[%d]", i), Code: "append_only", Got: op.Kind.String(), Expected: "a put where nothing is"})
		}
	}
	if details == nil {
		return nil
	}
	return fault.Invalidf("audit entries are only ever added").With(details...)
}

// digestOf identifies ops: SHA-256 of all fields, each with its length.
func digestOf(ops []store.Op) [32]byte {
	h := sha256.New()
	for _, op := range ops {
		fmt.Fprintf(h, "%d %d %d %d %s %d %s %d ", op.Kind, op.Expect, store.Seconds(op.Expires), len(op.Partition), op.Partition, len(op.Sort), op.Sort, len(op.Body))
		h.Write(op.Body)
	}
	return [32]byte(h.Sum(nil))
}
