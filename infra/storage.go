package main

import (
	"path"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"mlops/shared/topology"
)

// The attributes of a table's items.
const (
	partitionKey = "pk"
	sortKey      = "sk"
	expiry       = "expires" // Unix seconds
)

// storage makes the buckets and tables. They outlive the stack: nothing that was learned or decided goes with a `cdk destroy`.
func (p *platform) storage() {
	rules := []*awss3.LifecycleRule{
		{Id: jsii.String("capture"), Prefix: jsii.String("capture/"), Expiration: days(400), Transitions: &[]*awss3.Transition{{StorageClass: awss3.StorageClass_INFREQUENT_ACCESS(), TransitionAfter: days(30)}}},
		{Id: jsii.String("uploads"), Prefix: jsii.String("uploads/"), Expiration: days(30)}, // taken in, they lie under raw/
	}
	for _, f := range topology.Functions {
		for _, k := range f.Keeps {
			rules = append(rules, &awss3.LifecycleRule{Id: jsii.String(path.Base(k.Prefix)), Prefix: jsii.String(k.Prefix), Expiration: days(k.For.Hours() / 24)})
		}
	}
	p.data = p.bucket("Data", &rules)
	// Uploads wake a function by a rule. Written on the bucket itself, this needs no function of the CDK's own, as EventBridgeEnabled would.
	p.data.Node().DefaultChild().(awss3.CfnBucket).AddPropertyOverride(jsii.String("NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled"), true)

	p.models = p.bucket("Models", nil)
	// A model's bytes lie under their own digest, so nothing is ever written twice there.
	p.models.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("WriteOnce"), Effect: awsiam.Effect_DENY, Principals: anybody(), Actions: jsii.Strings("s3:PutObject"), Resources: &[]*string{p.models.ArnForObjects(jsii.String("*"))},
		Conditions: &map[string]any{"Null": map[string]any{"s3:if-none-match": "true"}, "Bool": map[string]any{"s3:ObjectCreationOperation": "true"}},
	}))

	p.control = p.table("Control", nil, nil)
	p.idempotency = p.table("Idempotency", jsii.String(expiry), nil)
	// Entries are added and never changed. No role here may change them anyhow; this holds against every other role of the account too,
	// until somebody takes it away, which CloudTrail records.
	p.audit = p.table("Audit", nil, awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &[]awsiam.PolicyStatement{
		awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Sid: jsii.String("AppendOnly"), Effect: awsiam.Effect_DENY, Principals: anybody(), Resources: jsii.Strings("*"),
			Actions: jsii.Strings("dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem", "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate", "dynamodb:PartiQLDelete")}),
	}}))
}

func (p *platform) bucket(id string, rules *[]*awss3.LifecycleRule) awss3.Bucket {
	all := []*awss3.LifecycleRule{{Id: jsii.String("replaced"), NoncurrentVersionExpiration: days(90), AbortIncompleteMultipartUploadAfter: days(7)}}
	if rules != nil {
		all = append(all, *rules...)
	}
	return awss3.NewBucket(p.Stack, &id, &awss3.BucketProps{
		Versioned: jsii.Bool(true), BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(), ObjectOwnership: awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		EnforceSSL: jsii.Bool(true), MinimumTLSVersion: jsii.Number(1.2), Encryption: awss3.BucketEncryption_S3_MANAGED,
		LifecycleRules: &all, RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})
}

// table makes a table of items in ordered partitions. It is awsdynamodb.Table and not TableV2, whose resource type local emulators skip.
func (p *platform) table(id string, ttl *string, policy awsiam.PolicyDocument) awsdynamodb.Table {
	return awsdynamodb.NewTable(p.Stack, &id, &awsdynamodb.TableProps{
		PartitionKey: &awsdynamodb.Attribute{Name: jsii.String(partitionKey), Type: awsdynamodb.AttributeType_STRING},
		SortKey:      &awsdynamodb.Attribute{Name: jsii.String(sortKey), Type: awsdynamodb.AttributeType_STRING},
		BillingMode:  awsdynamodb.BillingMode_PAY_PER_REQUEST, DeletionProtection: jsii.Bool(true), RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: jsii.Bool(true), RecoveryPeriodInDays: jsii.Number(35)},
		TimeToLiveAttribute:              ttl, ResourcePolicy: policy,
	})
}

func anybody() *[]awsiam.IPrincipal { return &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()} }

func days(n float64) awscdk.Duration { return awscdk.Duration_Days(&n) }
