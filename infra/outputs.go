package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// outputs says what a person needs after a deployment.
func (p *platform) outputs() {
	for _, o := range []struct{ id, value, text string }{
		{"ApiUrl", p.address(p.main), "Predictions and operations"},
		{"ApprovalsUrl", p.publicURL(), "Where the links of approval mails lead"},
		{"ClientKeyId", *p.client.KeyId(), "The id of the clients' API key: aws apigateway get-api-key --include-value --api-key ID"},
		{"DataBucket", *p.data.BucketName(), "Files put under uploads/<dataset>/ are taken in"},
		{"ModelBucket", *p.models.BucketName(), "Models by the digest of their bytes"},
		{"ControlTable", *p.control.TableName(), "Registry, incidents, approvals, jobs"},
		{"AuditTable", *p.audit.TableName(), "The audit chains"},
		{"IdempotencyTable", *p.idempotency.TableName(), "What was done once"},
		{"EventBus", *p.bus.EventBusName(), "The platform's events"},
		{"AlertsTopic", *p.alerts.TopicArn(), "Alarms and incidents"},
		{"ApprovalsTopic", *p.approvals.TopicArn(), "Questions, one message to each approver"},
	} {
		awscdk.NewCfnOutput(p.Stack, jsii.String(o.id), &awscdk.CfnOutputProps{Value: jsii.String(o.value), Description: jsii.String(o.text)})
	}
}
