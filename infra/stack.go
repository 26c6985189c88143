package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"mlops/shared/topology"
)

// platform is the stack while it is being built: each file adds its concern, in the order of build.
type platform struct {
	awscdk.Stack
	settings settings

	data, models                awss3.Bucket
	control, audit, idempotency awsdynamodb.Table
	tokens                      awskms.Key
	alerts, approvals           awssns.Topic
	bus                         awsevents.EventBus
	main, approvalPages         awsapigateway.RestApi
	client, prober              awsapigateway.IApiKey // who may ask predict: a client, and the platform itself
	probe                       awssecretsmanager.Secret
	functions                   map[topology.Function]*function
	scheduleDead                awssqs.Queue
}

// function is one deployed function and what stands around it.
type function struct {
	topology.Spec
	awslambda.Function
	dead awssqs.Queue // what it failed to handle; nil where nothing wakes it but a request
}

// build makes the stack of one environment.
func build(app awscdk.App, s settings) awscdk.Stack {
	env := &awscdk.Environment{}
	if s.account != "" {
		env.Account = &s.account
	}
	if s.region != "" {
		env.Region = &s.region
	}
	p := &platform{settings: s, functions: map[topology.Function]*function{}}
	p.Stack = awscdk.NewStack(app, jsii.String("mlops-"+s.env), &awscdk.StackProps{
		Env: env, TerminationProtection: jsii.Bool(s.production()),
		Description: jsii.String("Trains, gates, serves, watches and repairs tabular models; idle it costs a key and some alarms."),
		// Without the rule the template needs no SSM parameter to be read; the CDK's command line checks the bootstrap version itself.
		Synthesizer: awscdk.NewDefaultStackSynthesizer(&awscdk.DefaultStackSynthesizerProps{GenerateBootstrapVersionRule: jsii.Bool(false)}),
	})
	awscdk.Tags_Of(p.Stack).Add(jsii.String("app"), jsii.String("mlops"), nil)
	awscdk.Tags_Of(p.Stack).Add(jsii.String("env"), &s.env, nil)

	p.storage()
	p.topics()
	p.bus = awsevents.NewEventBus(p.Stack, jsii.String("Events"), &awsevents.EventBusProps{EventBusName: p.name("events")})
	p.key()
	p.apis()
	p.eachFunction()
	p.guards()
	p.grants()
	p.routes()
	p.rules()
	p.schedule()
	p.alarms()
	p.outputs()
	return p.Stack
}

// name is a physical name, for the few resources that people look up by it or that are named before they exist.
func (p *platform) name(s string) *string { return jsii.String("mlops-" + p.settings.env + "-" + s) }

// title is a construct's id made of a name of the topology.
func title(s string) *string {
	if s == "" {
		return &s
	}
	return jsii.String(string(s[0]-'a'+'A') + s[1:])
}
