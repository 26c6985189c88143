package main

import (
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambdadestinations"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"mlops/shared/topology"
)

// How often what nobody waits for is tried again. Lambda's own limits are 2 and six hours, and it takes them when nothing else is said.
const (
	retries  = 2
	eventAge = 6 // hours
	deadDays = 14
)

// provided is the operating system alone: the bootstrap is the runtime. The CDK's own constant could move to a newer one.
var provided = "provided.al2023"

// eachFunction makes the functions with their roles, logs and dead-letter queues. What they may touch is added by grants.
func (p *platform) eachFunction() {
	for _, spec := range topology.Functions {
		p.functions[spec.Name] = p.function(spec)
	}
}

func (p *platform) function(spec topology.Spec) *function {
	id := *title(string(spec.Name))
	f := &function{Spec: spec}
	logs := p.logGroup(id + "Logs")
	role := awsiam.NewRole(p.Stack, jsii.String(id+"Role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil), Description: jsii.String("The function " + string(spec.Name) + " of mlops-" + p.settings.env),
	})
	role.AddToPrincipalPolicy(allow([]string{"logs:CreateLogStream", "logs:PutLogEvents"}, *logs.LogGroupArn()))

	props := &awslambda.FunctionProps{
		Runtime: awslambda.NewRuntime(&provided, awslambda.RuntimeFamily_OTHER, nil), Handler: jsii.String("bootstrap"), Architecture: p.architecture(),
		Code: awslambda.Code_FromAsset(jsii.String(filepath.Join(p.settings.dist, string(spec.Name))), nil), Description: &spec.Purpose, Role: role,
		MemorySize: jsii.Number(float64(spec.Memory)), Timeout: awscdk.Duration_Seconds(jsii.Number(spec.Timeout.Seconds())), Environment: p.environment(spec),
		Tracing: awslambda.Tracing_ACTIVE, LoggingFormat: awslambda.LoggingFormat_JSON, LogGroup: logs,
		ApplicationLogLevelV2: awslambda.ApplicationLogLevel_INFO, SystemLogLevelV2: awslambda.SystemLogLevel_WARN,
	}
	if p.settings.reserved && spec.Concurrency > 0 {
		props.ReservedConcurrentExecutions = jsii.Number(float64(spec.Concurrency))
	}
	if f.asynchronous() {
		f.dead = p.deadLetters(id + "Dead")
		props.OnFailure = awslambdadestinations.NewSqsDestination(f.dead)
		props.RetryAttempts = jsii.Number(retries)
		props.MaxEventAge = awscdk.Duration_Hours(jsii.Number(eventAge))
	}
	f.Function = awslambda.NewFunction(p.Stack, &id, props)
	f.Function.Node().DefaultChild().(awslambda.CfnFunction).OverrideLogicalId(&id) // `sam local invoke` and people call it by this
	return f
}

// asynchronous says whether anything but a request wakes the function.
func (f *function) asynchronous() bool {
	return len(f.Subscribes) > 0 || f.Name == topology.IntakeBy
}

func (p *platform) architecture() awslambda.Architecture {
	if p.settings.arch == "x86_64" {
		return awslambda.Architecture_X86_64()
	}
	return awslambda.Architecture_ARM_64()
}

// deadLetters makes a queue that keeps what could not be delivered or handled until a person has looked at it.
func (p *platform) deadLetters(id string) awssqs.Queue {
	return awssqs.NewQueue(p.Stack, &id, &awssqs.QueueProps{RetentionPeriod: days(deadDays), Encryption: awssqs.QueueEncryption_SQS_MANAGED, EnforceSSL: jsii.Bool(true)})
}

// logGroup makes a log group of our own: one that Lambda or API Gateway made by itself would be kept for ever.
func (p *platform) logGroup(id string) awslogs.LogGroup {
	removal := awscdk.RemovalPolicy_DESTROY
	if p.settings.production() {
		removal = awscdk.RemovalPolicy_RETAIN
	}
	group := awslogs.NewLogGroup(p.Stack, &id, &awslogs.LogGroupProps{RemovalPolicy: removal, Retention: awslogs.RetentionDays_INFINITE})
	group.Node().DefaultChild().(awslogs.CfnLogGroup).SetRetentionInDays(jsii.Number(float64(p.settings.logDays)))
	return group
}
