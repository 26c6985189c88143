package main

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"mlops/shared/topology"
)

// The partitions that the store keeps for itself, beside the documents that the topology names.
const (
	outbox     = "outbox"    // control table: events that are to leave
	chainHeads = "audithead" // audit table: the ends of the chains
	entries    = "audit#*"   // audit table: the chains
	markers    = "op"        // idempotency table: what was done and must not be done again
	notes      = "request#*" // idempotency table: the answers kept for repeated requests
)

// The actions on a table, and on a topic. Nothing is scanned, and nothing is updated in place: an item is replaced as a whole or not at all.
var (
	reading  = []string{"dynamodb:GetItem", "dynamodb:Query"}
	writing  = []string{"dynamodb:ConditionCheckItem", "dynamodb:PutItem"}
	deleting = []string{"dynamodb:DeleteItem"}
	mailing  = []string{"sns:ListSubscriptionsByTopic", "sns:Publish"} // a topic that nobody listens to is not written to
)

// grants turns the grants of the topology into statements: single actions, on single resources, and in the control table on single
// partitions.
func (p *platform) grants() {
	for _, spec := range topology.Functions {
		f := p.functions[spec.Name]
		for _, s := range p.statements(spec) {
			f.Role().AddToPrincipalPolicy(s)
		}
	}
}

func (p *platform) statements(spec topology.Spec) []awsiam.PolicyStatement {
	var out []awsiam.PolicyStatement
	var read, write []string // partitions of the control table
	listed := map[topology.Resource]bool{}
	for _, g := range spec.Grants {
		switch g.Resource {
		case topology.Data, topology.Models:
			out = append(out, p.objects(g, !listed[g.Resource])...)
			listed[g.Resource] = true
		case topology.Control:
			if g.Access != topology.Write {
				read = append(read, g.Prefix, g.Prefix+"#*")
			}
			if g.Access != topology.Read {
				write = append(write, g.Prefix, g.Prefix+"#*")
			}
		case topology.Audit:
			out = append(out, p.ledger(g)...)
			if g.Access != topology.Read { // a change that is proved also leaves its mark and lets its events out
				read, write = append(read, outbox), append(write, outbox)
				out = append(out, partitions(p.idempotency, slices.Concat(reading, writing), once(spec)...), p.publishing())
			}
		case topology.Mail:
			out = append(out, allow(mailing, *p.approvals.TopicArn()))
		case topology.Alerts:
			out = append(out, allow(mailing, *p.alerts.TopicArn()))
		case topology.Mint:
			out = append(out, allow([]string{"kms:GenerateMac"}, *p.tokens.KeyArn()))
		case topology.Verify:
			out = append(out, allow([]string{"kms:VerifyMac"}, *p.tokens.KeyArn()))
		case topology.Serving:
			out = append(out, allow([]string{"ssm:GetParameter"}, p.probeParameterArn()), allow([]string{"secretsmanager:GetSecretValue"}, *p.probe.SecretArn()))
		default:
			panic("the topology grants " + string(spec.Name) + " a resource that the stack does not have: " + string(g.Resource))
		}
	}
	if len(read) > 0 {
		out = append(out, partitions(p.control, reading, read...))
	}
	if len(write) > 0 {
		out = append(out, partitions(p.control, slices.Concat(writing, deleting), write...))
	}
	return out
}

// once is the partitions by which a function does things once: answers are kept only where a route takes a key for that.
func once(spec topology.Spec) []string {
	if slices.ContainsFunc(spec.Routes, topology.Route.Keyed) {
		return []string{markers, notes}
	}
	return []string{markers}
}

// objects are the statements of one prefix of a bucket. Nothing is deleted by a function. Listing is granted on the bucket as a whole and
// not by prefix: without it S3 answers 403 where there is no object, and the handlers tell absent from forbidden.
func (p *platform) objects(g topology.Grant, list bool) []awsiam.PolicyStatement {
	bucket := p.data
	if g.Resource == topology.Models {
		bucket = p.models
	}
	actions := []string{"s3:GetObject"} // a writer too: what is there already is compared, not replaced
	if g.Access != topology.Read {
		actions = append(actions, "s3:PutObject")
	}
	out := []awsiam.PolicyStatement{allow(actions, *bucket.ArnForObjects(jsii.String(g.Prefix + "*")))}
	if list {
		out = append(out, allow([]string{"s3:ListBucket"}, *bucket.BucketArn()))
	}
	return out
}

// ledger lets entries be added to the audit table, or read. Who adds one reads where its chain ends and moves that; entries themselves are
// put where none is and never removed.
func (p *platform) ledger(g topology.Grant) []awsiam.PolicyStatement {
	readable := []string{chainHeads}
	if g.Access != topology.Write {
		readable = append(readable, entries)
	}
	out := []awsiam.PolicyStatement{partitions(p.audit, reading, readable...)}
	if g.Access != topology.Read {
		out = append(out, partitions(p.audit, writing, chainHeads, entries))
	}
	return out
}

// partitions allows actions on items of the partitions alone.
func partitions(table awsdynamodb.Table, actions []string, keys ...string) awsiam.PolicyStatement {
	s := allow(actions, *table.TableArn())
	s.AddConditions(&map[string]any{
		"ForAllValues:StringLike": map[string]any{"dynamodb:LeadingKeys": keys},
		"Null":                    map[string]any{"dynamodb:LeadingKeys": "false"}, // ForAllValues also holds where there is no value
	})
	return s
}

// publishing lets events of ours out, and no others.
func (p *platform) publishing() awsiam.PolicyStatement {
	s := allow([]string{"events:PutEvents"}, *p.bus.EventBusArn())
	s.AddConditions(&map[string]any{"StringEquals": map[string]any{"events:source": topology.Source}})
	return s
}

func allow(actions []string, resources ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: jsii.Strings(actions...), Resources: jsii.Strings(resources...)})
}
