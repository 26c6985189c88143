package awstest

import (
	"context"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

func init() {
	register(map[string]kind{
		"AWS::S3::Bucket":             {service: S3, make: makeBucket, look: lookAtBucket, set: setBucket},
		"AWS::S3::BucketPolicy":       {make: makeBucketPolicy, look: lookAtBucketPolicy, by: []string{"Bucket"}},
		"AWS::DynamoDB::Table":        {service: DynamoDB, make: makeTable, look: lookAtTable, set: setTable},
		"AWS::KMS::Key":               {service: KMS, first: "moto's CloudFormation makes every key a symmetric one, and ends in an error where it has tags", make: makeKey, look: lookAtKey, set: setKey},
		"AWS::SecretsManager::Secret": {service: SSM, first: "moto's CloudFormation has no secrets, and others refer to this one", make: makeSecret, look: lookAtSecret},
	})
}

func makeBucket(ctx context.Context, c *clients, name string, _ Properties) (made, error) {
	_, err := c.objects.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})
	return made{name, map[string]string{"Arn": "arn:aws:s3:::" + name}}, err
}

// setting calls one of S3's getters; a setting that was never made is none.
func setting[O any](out O, err error) (Properties, error) {
	if absent(err) {
		return Properties{}, nil
	}
	return object(out), err
}

func lookAtBucket(ctx context.Context, c *clients, ref string, _ Properties) (Properties, error) {
	out := Properties{}
	for name, ask := range map[string]func() (Properties, error){
		"VersioningConfiguration": func() (Properties, error) {
			return setting(c.objects.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &ref}))
		},
		"BucketEncryption": func() (Properties, error) {
			got, err := setting(c.objects.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &ref}))
			return Properties{"ServerSideEncryptionConfiguration": renamed(get(got, "ServerSideEncryptionConfiguration", "Rules"), "ApplyServerSideEncryptionByDefault", "ServerSideEncryptionByDefault")}, err
		},
		"PublicAccessBlockConfiguration": func() (Properties, error) {
			got, err := setting(c.objects.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &ref}))
			return object(got["PublicAccessBlockConfiguration"]), err
		},
		"OwnershipControls": func() (Properties, error) {
			got, err := setting(c.objects.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: &ref}))
			return object(got["OwnershipControls"]), err
		},
		"LifecycleConfiguration": func() (Properties, error) {
			got, err := setting(c.objects.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &ref}))
			return Properties{"Rules": rulesOf(got["Rules"])}, err
		},
		"NotificationConfiguration": func() (Properties, error) {
			got, err := setting(c.objects.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: &ref}))
			return Properties{"EventBridgeConfiguration": map[string]any{"EventBridgeEnabled": got["EventBridgeConfiguration"] != nil}}, err
		},
	} {
		got, err := ask()
		if err != nil {
			return nil, err
		}
		out[name] = got
	}
	return out, nil
}

// renamed is a list of objects with a field by another name.
func renamed(list any, from, to string) any {
	all, _ := list.([]any)
	for _, one := range all {
		if m, ok := one.(map[string]any); ok && m[from] != nil {
			m[to] = m[from]
			delete(m, from)
		}
	}
	return all
}

// rulesOf are S3's rules of a lifecycle in the template's words.
func rulesOf(answer any) any {
	all, _ := answer.([]any)
	for _, one := range all {
		rule, _ := one.(map[string]any)
		rule["Id"], rule["Prefix"], rule["ExpirationInDays"] = rule["ID"], get(rule, "Filter", "Prefix"), get(rule, "Expiration", "Days")
		rule["Transitions"] = renamed(rule["Transitions"], "Days", "TransitionInDays")
	}
	return all
}

// rule is one of the template's rules of a lifecycle in S3's words.
func rule(one any) Properties {
	out := object(one)
	prefix, _ := out["Prefix"].(string)
	delete(out, "Prefix")
	out["Filter"] = Properties{"Prefix": prefix}
	if days := out["ExpirationInDays"]; days != nil {
		out["Expiration"] = Properties{"Days": days}
	}
	out["Transitions"] = renamed(out["Transitions"], "TransitionInDays", "Days")
	return out
}

var setBucket = map[string]func(context.Context, *clients, string, Properties) error{
	"VersioningConfiguration": func(ctx context.Context, c *clients, ref string, p Properties) error {
		in := &s3.PutBucketVersioningInput{Bucket: &ref}
		return after(fill(only(p, "VersioningConfiguration"), in), func() error { _, err := c.objects.PutBucketVersioning(ctx, in); return err })
	},
	"BucketEncryption": func(ctx context.Context, c *clients, ref string, p Properties) error {
		rules := renamed(plain(get(p, "BucketEncryption", "ServerSideEncryptionConfiguration")), "ServerSideEncryptionByDefault", "ApplyServerSideEncryptionByDefault")
		in := &s3.PutBucketEncryptionInput{Bucket: &ref}
		return after(fill(Properties{"ServerSideEncryptionConfiguration": Properties{"Rules": rules}}, in), func() error { _, err := c.objects.PutBucketEncryption(ctx, in); return err })
	},
	"PublicAccessBlockConfiguration": func(ctx context.Context, c *clients, ref string, p Properties) error {
		in := &s3.PutPublicAccessBlockInput{Bucket: &ref}
		return after(fill(only(p, "PublicAccessBlockConfiguration"), in), func() error { _, err := c.objects.PutPublicAccessBlock(ctx, in); return err })
	},
	"OwnershipControls": func(ctx context.Context, c *clients, ref string, p Properties) error {
		in := &s3.PutBucketOwnershipControlsInput{Bucket: &ref}
		return after(fill(only(p, "OwnershipControls"), in), func() error { _, err := c.objects.PutBucketOwnershipControls(ctx, in); return err })
	},
	"LifecycleConfiguration": func(ctx context.Context, c *clients, ref string, p Properties) error {
		var rules []any
		all, _ := get(p, "LifecycleConfiguration", "Rules").([]any)
		for _, one := range all {
			rules = append(rules, rule(one))
		}
		in := &s3.PutBucketLifecycleConfigurationInput{Bucket: &ref}
		return after(fill(Properties{"LifecycleConfiguration": Properties{"Rules": rules}}, in), func() error { _, err := c.objects.PutBucketLifecycleConfiguration(ctx, in); return err })
	},
	"NotificationConfiguration": func(ctx context.Context, c *clients, ref string, _ Properties) error {
		_, err := c.objects.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{Bucket: &ref,
			NotificationConfiguration: &s3types.NotificationConfiguration{EventBridgeConfiguration: &s3types.EventBridgeConfiguration{}}})
		return err
	},
}

func after(err error, do func() error) error {
	if err != nil {
		return err
	}
	return do()
}

func makeBucketPolicy(ctx context.Context, c *clients, _ string, p Properties) (made, error) {
	bucket := str(p["Bucket"])
	_, err := c.objects.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: text(p["PolicyDocument"])})
	return made{ref: bucket}, err
}

func lookAtBucketPolicy(ctx context.Context, c *clients, _ string, p Properties) (Properties, error) {
	return seen(ctx, c.objects.GetBucketPolicy, &s3.GetBucketPolicyInput{Bucket: sdk.String(str(p["Bucket"]))}, func(o *s3.GetBucketPolicyOutput, out Properties) { out["PolicyDocument"] = document(o.Policy) })
}

func makeTable(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	m, err := created(ctx, c.tables.CreateTable, &dynamodb.CreateTableInput{TableName: &name}, only(p, "AttributeDefinitions", "KeySchema", "BillingMode", "DeletionProtectionEnabled"), func(o *dynamodb.CreateTableOutput) made {
		return made{name, map[string]string{"Arn": *o.TableDescription.TableArn}}
	})
	if err == nil {
		err = dynamodb.NewTableExistsWaiter(c.tables).Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, time.Minute)
	}
	return m, err
}

func lookAtTable(ctx context.Context, c *clients, ref string, p Properties) (Properties, error) {
	table, err := c.tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &ref})
	if err != nil {
		return nil, err
	}
	out := object(table.Table)
	out["BillingMode"] = get(out, "BillingModeSummary", "BillingMode")
	backups, err := c.tables.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &ref})
	if err != nil {
		return nil, err
	}
	recovery := get(object(backups.ContinuousBackupsDescription), "PointInTimeRecoveryDescription")
	out["PointInTimeRecoverySpecification"] = Properties{"PointInTimeRecoveryEnabled": get(recovery, "PointInTimeRecoveryStatus") == "ENABLED", "RecoveryPeriodInDays": get(recovery, "RecoveryPeriodInDays")}
	expiry, err := c.tables.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &ref})
	if err != nil {
		return nil, err
	}
	ttl := object(expiry.TimeToLiveDescription)
	out["TimeToLiveSpecification"] = Properties{"AttributeName": ttl["AttributeName"], "Enabled": strings.HasPrefix(str(ttl["TimeToLiveStatus"]), "ENABL")}
	if p["ResourcePolicy"] != nil {
		policy, err := c.tables.GetResourcePolicy(ctx, &dynamodb.GetResourcePolicyInput{ResourceArn: table.Table.TableArn})
		if err != nil && !absent(err) {
			return nil, err
		}
		if err == nil {
			out["ResourcePolicy"] = Properties{"PolicyDocument": document(policy.Policy)}
		}
	}
	return out, nil
}

var setTable = map[string]func(context.Context, *clients, string, Properties) error{
	"DeletionProtectionEnabled": func(ctx context.Context, c *clients, ref string, p Properties) error {
		on, _ := p["DeletionProtectionEnabled"].(bool)
		_, err := c.tables.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: &ref, DeletionProtectionEnabled: &on})
		return err
	},
	"PointInTimeRecoverySpecification": func(ctx context.Context, c *clients, ref string, p Properties) error {
		in := &dynamodb.UpdateContinuousBackupsInput{TableName: &ref}
		return after(fill(only(p, "PointInTimeRecoverySpecification"), in), func() error { _, err := c.tables.UpdateContinuousBackups(ctx, in); return err })
	},
	"TimeToLiveSpecification": func(ctx context.Context, c *clients, ref string, p Properties) error {
		in := &dynamodb.UpdateTimeToLiveInput{TableName: &ref}
		return after(fill(only(p, "TimeToLiveSpecification"), in), func() error { _, err := c.tables.UpdateTimeToLive(ctx, in); return err })
	},
	"ResourcePolicy": func(ctx context.Context, c *clients, ref string, p Properties) error {
		var table *dynamodb.DescribeTableOutput
		table, err := c.tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &ref})
		if err == nil {
			_, err = c.tables.PutResourcePolicy(ctx, &dynamodb.PutResourcePolicyInput{ResourceArn: table.Table.TableArn, Policy: text(get(p, "ResourcePolicy", "PolicyDocument"))})
		}
		return err
	},
}

func makeKey(ctx context.Context, c *clients, _ string, p Properties) (made, error) {
	return created(ctx, c.keys.CreateKey, &kms.CreateKeyInput{}, only(p, "Description", "KeySpec", "KeyUsage"), func(o *kms.CreateKeyOutput) made {
		return made{*o.KeyMetadata.KeyId, map[string]string{"Arn": *o.KeyMetadata.Arn}}
	})
}

func lookAtKey(ctx context.Context, c *clients, ref string, _ Properties) (Properties, error) {
	key, err := c.keys.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &ref})
	if err != nil {
		return nil, err
	}
	out := object(key.KeyMetadata)
	policy, err := c.keys.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: &ref, PolicyName: sdk.String("default")})
	if err != nil {
		return nil, err
	}
	out["KeyPolicy"] = document(policy.Policy)
	return out, nil
}

// The key's policy names roles that refer to the key, so it comes after them.
var setKey = map[string]func(context.Context, *clients, string, Properties) error{
	"KeyPolicy": func(ctx context.Context, c *clients, ref string, p Properties) error {
		_, err := c.keys.PutKeyPolicy(ctx, &kms.PutKeyPolicyInput{KeyId: &ref, PolicyName: sdk.String("default"), Policy: text(p["KeyPolicy"])})
		return err
	},
}

func makeSecret(ctx context.Context, c *clients, _ string, p Properties) (made, error) {
	in := &secretsmanager.CreateSecretInput{}
	generate, _ := p["GenerateSecretString"].(map[string]any)
	if _, err := created(ctx, c.secrets.GetRandomPassword, &secretsmanager.GetRandomPasswordInput{}, generate, func(o *secretsmanager.GetRandomPasswordOutput) made {
		in.SecretString = o.RandomPassword
		return made{}
	}); err != nil {
		return made{}, err
	}
	return created(ctx, c.secrets.CreateSecret, in, only(p, "Name", "Description"), func(o *secretsmanager.CreateSecretOutput) made { return made{ref: *o.ARN} })
}

func lookAtSecret(ctx context.Context, c *clients, ref string, _ Properties) (Properties, error) {
	secret, err := c.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &ref})
	if err != nil {
		return nil, err
	}
	value, err := c.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &ref})
	if err != nil {
		return nil, err
	}
	out := object(secret)
	v := sdk.ToString(value.SecretString)
	out["GenerateSecretString"] = Properties{"PasswordLength": float64(len(v)), "ExcludePunctuation": !strings.ContainsAny(v, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")}
	return out, nil
}
