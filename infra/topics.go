package main

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/jsii-runtime-go"

	"mlops/shared/topology"
)

// approverAttribute is the message attribute by which a subscription picks the messages to one person. A topic sends the same text to all
// its subscribers, and a link must say whose it is.
const approverAttribute = "approver"

// topics makes the two ways to people. They are apart so that a storm of alarms does not bury a question, nor suspend its subscription.
func (p *platform) topics() {
	p.alerts = awssns.NewTopic(p.Stack, jsii.String("Alerts"), &awssns.TopicProps{DisplayName: jsii.String("mlops alerts"), EnforceSSL: jsii.Bool(true)})
	p.alerts.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("Alarms"), Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)},
		Actions: jsii.Strings("sns:Publish"), Resources: &[]*string{p.alerts.TopicArn()},
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()}},
	}))
	for _, owner := range p.settings.owners {
		p.alerts.AddSubscription(awssnssubscriptions.NewEmailSubscription(&owner, nil))
	}
	p.approvals = awssns.NewTopic(p.Stack, jsii.String("Approvals"), &awssns.TopicProps{DisplayName: jsii.String("mlops approvals"), EnforceSSL: jsii.Bool(true)})
	for _, approver := range p.settings.approvers {
		p.approvals.AddSubscription(awssnssubscriptions.NewEmailSubscription(&approver, &awssnssubscriptions.EmailSubscriptionProps{FilterPolicy: &map[string]awssns.SubscriptionFilter{
			approverAttribute: awssns.SubscriptionFilter_StringFilter(&awssns.StringConditions{Allowlist: jsii.Strings(approver)}),
		}}))
	}
}

// key makes the key of the approval links.
func (p *platform) key() {
	p.tokens = awskms.NewKey(p.Stack, jsii.String("Tokens"), &awskms.KeyProps{
		Description: jsii.String("Signs the links of approval mails"), KeySpec: awskms.KeySpec_HMAC_256, KeyUsage: awskms.KeyUsage_GENERATE_VERIFY_MAC,
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})
}

// guards holds against every other role of the account what the functions' own roles say. Who asks can make a link but not check one, who
// counts votes can check a link but not make one: the function that the internet reaches could not forge a link if it were taken over.
func (p *platform) guards() {
	p.tokens.AddToResourcePolicy(p.onlyFor(topology.Mint, "kms:GenerateMac", "*"), nil)
	p.tokens.AddToResourcePolicy(p.onlyFor(topology.Verify, "kms:VerifyMac", "*"), nil)
	p.approvals.AddToResourcePolicy(p.onlyFor(topology.Mail, "sns:Publish", *p.approvals.TopicArn()))
}

// onlyFor denies an action to everybody but the functions that the topology grants the resource.
func (p *platform) onlyFor(r topology.Resource, action, arn string) awsiam.PolicyStatement {
	var roles []*string
	for _, f := range topology.Functions {
		for _, g := range f.Grants {
			if g.Resource == r {
				roles = append(roles, p.functions[f.Name].Role().RoleArn())
			}
		}
	}
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String(fmt.Sprintf("Only%s", *title(string(r)))), Effect: awsiam.Effect_DENY, Principals: anybody(), Actions: jsii.Strings(action), Resources: jsii.Strings(arn),
		Conditions: &map[string]any{"ArnNotEquals": map[string]any{"aws:PrincipalArn": roles}},
	})
}
