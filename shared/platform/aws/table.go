package aws

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// Attributes of an item. The stack makes every table with the keys PartitionKey and SortKey, both strings, and TimeToLive as TTL.
const (
	PartitionKey = "pk"
	SortKey      = "sk"
	TimeToLive   = "expires" // Unix seconds
	version      = "version"
	body         = "body" // a string where the bytes are text, so that people can read it in the console; else binary
)

// Tables are the DynamoDB tables that together are one store.Table.
type Tables struct {
	Control     string // everything that is in no other
	Audit       string // audit entries, which are only ever added, and the heads of their chains
	Idempotency string // once-only markers, and answers kept for idempotency keys
}

// of is the table that holds a partition.
func (n Tables) of(partition string) string {
	switch {
	case isAudit(partition), partition == ledgerHead:
		return n.Audit
	case partition == markers, strings.HasPrefix(partition, notes):
		return n.Idempotency
	}
	return n.Control
}

// The partitions of package store that have a table of their own.
const (
	ledgerPrefix = "audit#"
	ledgerHead   = "audithead"
	markers      = "op"
	notes        = "request#"
)

func isAudit(partition string) bool { return strings.HasPrefix(partition, ledgerPrefix) }

// Table is a store.Table on DynamoDB. An audit entry is put where none is, and never changed or removed: a Write that would is Invalid.
type Table struct {
	client tableCalls
	names  Tables
	now    func() time.Time
	memory memory
}

var _ store.Table = (*Table)(nil)

// tableCalls are the calls of DynamoDB that are made here; aws.go says why not the client.
type tableCalls struct {
	GetItem            func(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	Query              func(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	TransactWriteItems func(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Table makes a Table of names; now judges expiry.
func (a Account) Table(names Tables, now func() time.Time) *Table {
	c := dynamodb.NewFromConfig(a.config)
	return &Table{client: tableCalls{c.GetItem, c.Query, c.TransactWriteItems}, names: names, now: now, memory: memory{writes: map[string]*write{}}}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func keyOf(partition, sort string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{PartitionKey: text(partition), SortKey: text(sort)}
}

// encode makes the item of a Put.
func encode(op store.Op, v int64) map[string]types.AttributeValue {
	item := keyOf(op.Partition, op.Sort)
	item[version] = number(v)
	if utf8.Valid(op.Body) {
		item[body] = text(string(op.Body))
	} else {
		item[body] = &types.AttributeValueMemberB{Value: op.Body}
	}
	if s := store.Seconds(op.Expires); s != 0 {
		item[TimeToLive] = number(s)
	}
	return item
}

// decode reads an item.
func decode(item map[string]types.AttributeValue) (store.Item, error) {
	var out store.Item
	damaged := func(attribute string) (store.Item, error) {
		return store.Item{}, fault.New(fault.Internal, "item %s/%s has no %s that can be read", out.Partition, out.Sort, attribute)
	}
	for name, into := range map[string]*string{PartitionKey: &out.Partition, SortKey: &out.Sort} {
		s, ok := item[name].(*types.AttributeValueMemberS)
		if !ok {
			return damaged(name)
		}
		*into = s.Value
	}
	n, ok := item[version].(*types.AttributeValueMemberN)
	var err error
	if !ok {
		return damaged(version)
	}
	if out.Version, err = strconv.ParseInt(n.Value, 10, 64); err != nil {
		return damaged(version)
	}
	switch b := item[body].(type) {
	case *types.AttributeValueMemberS:
		out.Body = []byte(b.Value)
	case *types.AttributeValueMemberB:
		out.Body = b.Value
	default:
		return damaged(body)
	}
	if e, ok := item[TimeToLive].(*types.AttributeValueMemberN); ok {
		s, err := strconv.ParseInt(e.Value, 10, 64)
		if err != nil {
			return damaged(TimeToLive)
		}
		out.Expires = time.Unix(s, 0).UTC()
	}
	return out, nil
}

// Get implements store.Table.
func (t *Table) Get(ctx context.Context, partition, sort string, consistent bool) (store.Item, error) {
	if err := store.CheckGet(partition, sort); err != nil {
		return store.Item{}, err
	}
	if err := store.Alive(ctx); err != nil {
		return store.Item{}, err
	}
	name := t.names.of(partition)
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &name, Key: keyOf(partition, sort), ConsistentRead: &consistent})
	if err != nil {
		return store.Item{}, classify(err, "read an item of table %s", name)
	}
	if len(out.Item) == 0 {
		return store.Item{}, fault.NotFoundf("there is no %s/%s", partition, sort)
	}
	item, err := decode(out.Item)
	if err == nil && item.Gone(t.now()) {
		return store.Item{}, fault.NotFoundf("there is no %s/%s", partition, sort)
	}
	return item, err
}

// Query implements store.Table.
func (t *Table) Query(ctx context.Context, partition string, q store.Query) ([]store.Item, error) {
	q, err := store.CheckQuery(partition, q)
	if err != nil {
		return nil, err
	}
	if err := store.Alive(ctx); err != nil {
		return nil, err
	}
	in, some := t.query(partition, q)
	if !some {
		return nil, nil
	}
	var items []store.Item
	for {
		in.Limit = aws.Int32(int32(q.Limit - len(items) + 1)) // one more, for the item at After itself
		page, err := t.client.Query(ctx, in)
		if err != nil {
			return nil, classify(err, "query table %s", *in.TableName)
		}
		for _, raw := range page.Items {
			item, err := decode(raw)
			if err != nil {
				return nil, err
			}
			beyond := q.After == "" || item.Sort != q.After && (item.Sort > q.After) != q.Descending
			if beyond && strings.HasPrefix(item.Sort, q.Prefix) && !item.Gone(t.now()) {
				items = append(items, item)
			}
			if len(items) == q.Limit {
				return items, nil
			}
		}
		if len(page.LastEvaluatedKey) == 0 {
			return items, nil
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

// query makes the request of a Query. DynamoDB takes one condition on the sort key, so the bounds may be looser than asked by the item at
// After, or, for a prefix too long to be bounded from above, by what lies on this side of After.
func (t *Table) query(partition string, q store.Query) (in *dynamodb.QueryInput, some bool) {
	name := t.names.of(partition)
	in = &dynamodb.QueryInput{TableName: &name, ConsistentRead: &q.Consistent, ScanIndexForward: aws.Bool(!q.Descending),
		KeyConditionExpression:    aws.String("#pk = :pk"),
		ExpressionAttributeNames:  map[string]string{"#pk": PartitionKey},
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": text(partition)},
	}
	where := func(condition string, values map[string]string) {
		in.KeyConditionExpression = aws.String("#pk = :pk AND " + condition)
		in.ExpressionAttributeNames["#sk"] = SortKey
		for k, v := range values {
			in.ExpressionAttributeValues[k] = text(v)
		}
	}
	low, high := q.Prefix, q.Prefix+string(utf8.MaxRune) // which is greater than every key, see store.CheckKey
	switch {
	case q.After == "" && q.Prefix == "":
	case q.After == "" || len(high) > store.MaxKeyBytes:
		where("begins_with(#sk, :prefix)", map[string]string{":prefix": q.Prefix})
	default:
		if q.Descending {
			high = min(high, q.After)
		} else {
			low = max(low, q.After)
		}
		switch {
		case low > high:
			return in, false
		case low == "":
			where("#sk <= :high", map[string]string{":high": high})
		default:
			where("#sk BETWEEN :low AND :high", map[string]string{":low": low, ":high": high})
		}
	}
	return in, true
}

func (n Tables) String() string { return fmt.Sprintf("%s, %s, %s", n.Control, n.Audit, n.Idempotency) }
