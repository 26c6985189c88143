package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"mlops/shared/topology"
)

const (
	stageName = "live"
	// What the approvals API takes: people, one click at a time.
	approvalsRate, approvalsBurst = 5, 10
	// What the platform asks of itself: golden rows after a promotion.
	proberRate, proberBurst = 20, 40
	probeKeyLength          = 40
)

// binaryTypes arrive as bytes; all else is text. Lambda takes them in base 64, so 4.4 MB of them are its 6.
var binaryTypes = []string{"application/octet-stream", "application/gzip", "application/x-gzip", "application/zstd", "application/vnd.apache.parquet"}

// apis makes the two APIs, yet without routes, so that their addresses can be told to the functions. Approvals have one of their own: a link
// in a mail can carry no key, and its traffic is bounded apart from the clients'.
func (p *platform) apis() {
	if p.settings.logsRole {
		p.loggingRole()
	}
	p.main = p.api("Api", "Predictions, feedback, operations and the dashboard", 0, 0)
	p.approvalPages = p.api("ApprovalsApi", "What is to be decided, and the votes on it", approvalsRate, approvalsBurst)

	// The keys are made apart from the API, whose own way of making them ties them to its stage, and so to the functions that are told their ids.
	p.client = awsapigateway.NewApiKey(p.Stack, jsii.String("ClientKey"), &awsapigateway.ApiKeyProps{Description: jsii.String("A client of predictions")})
	p.probe = awssecretsmanager.NewSecret(p.Stack, jsii.String("ProbeSecret"), &awssecretsmanager.SecretProps{
		SecretName: jsii.String(probeName(p.settings.env)), Description: jsii.String("The API key by which the platform asks itself"), RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		GenerateSecretString: &awssecretsmanager.SecretStringGenerator{ExcludePunctuation: jsii.Bool(true), PasswordLength: jsii.Number(probeKeyLength)},
	})
	p.prober = awsapigateway.NewApiKey(p.Stack, jsii.String("ProberKey"), &awsapigateway.ApiKeyProps{Description: jsii.String("The platform asking itself: not captured"), Value: p.probe.SecretValue().UnsafeUnwrap()})
}

// probeName is the secret's name, and probeParameter the name by which Parameter Store reads it (docs.aws.amazon.com/systems-manager/latest/
// userguide/integration-ps-secretsmanager.html): a template can make a random secret, and no random parameter.
func probeName(env string) string      { return "mlops-" + env + "-probe-key" }
func probeParameter(env string) string { return "/aws/reference/secretsmanager/" + probeName(env) }

func (p *platform) probeParameterArn() string {
	return *p.Stack.FormatArn(&awscdk.ArnComponents{Service: jsii.String("ssm"), Resource: jsii.String("parameter"), ResourceName: jsii.String(strings.TrimPrefix(probeParameter(p.settings.env), "/"))})
}

// loggingRole is how API Gateway may write logs: one role in an account and region, without which no stage that logs can be made.
func (p *platform) loggingRole() {
	role := awsiam.NewRole(p.Stack, jsii.String("ApiLogsRole"), &awsiam.RoleProps{
		AssumedBy:       awsiam.NewServicePrincipal(jsii.String("apigateway.amazonaws.com"), nil),
		ManagedPolicies: &[]awsiam.IManagedPolicy{awsiam.ManagedPolicy_FromAwsManagedPolicyName(jsii.String("service-role/AmazonAPIGatewayPushToCloudWatchLogs"))},
	})
	account := awsapigateway.NewCfnAccount(p.Stack, jsii.String("ApiLogs"), &awsapigateway.CfnAccountProps{CloudWatchRoleArn: role.RoleArn()})
	for _, keep := range []awscdk.CfnResource{account, role.Node().DefaultChild().(awscdk.CfnResource)} {
		keep.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil) // the account's other APIs use it too
	}
}

func (p *platform) api(id, description string, rate, burst float64) awsapigateway.RestApi {
	logs := p.logGroup(id + "AccessLogs")
	options := &awsapigateway.StageOptions{
		StageName: jsii.String(stageName), TracingEnabled: jsii.Bool(true), MetricsEnabled: jsii.Bool(false), DataTraceEnabled: jsii.Bool(false), LoggingLevel: awsapigateway.MethodLoggingLevel_OFF,
		AccessLogDestination: awsapigateway.NewLogGroupLogDestination(logs), AccessLogFormat: awsapigateway.AccessLogFormat_Custom(jsii.String(accessLog)),
	}
	if rate > 0 {
		options.ThrottlingRateLimit, options.ThrottlingBurstLimit = &rate, &burst
	}
	api := awsapigateway.NewRestApi(p.Stack, &id, &awsapigateway.RestApiProps{
		RestApiName: p.name(strings.ToLower(strings.TrimSuffix(id, "Api") + "api")), Description: &description, CloudWatchRole: jsii.Bool(false), DeployOptions: options, BinaryMediaTypes: jsii.Strings(binaryTypes...),
		EndpointConfiguration: &awsapigateway.EndpointConfiguration{Types: &[]awsapigateway.EndpointType{awsapigateway.EndpointType_REGIONAL}},
	})
	if account := p.Stack.Node().TryFindChild(jsii.String("ApiLogs")); account != nil {
		api.DeploymentStage().Node().AddDependency(account)
	}
	p.refusals(api)
	return api
}

// accessLog is one line for each request. It has no query, which may hold a token, and no path beyond the route's pattern.
const accessLog = `{"requestId":"$context.requestId","time":"$context.requestTime","ip":"$context.identity.sourceIp","apiKeyId":"$context.identity.apiKeyId","caller":"$context.identity.userArn",` +
	`"method":"$context.httpMethod","route":"$context.resourcePath","status":"$context.status","bytes":"$context.responseLength","latencyMs":"$context.responseLatency","functionStatus":"$context.integration.status","error":"$context.error.responseType"}`

// refusals words what the gateway itself refuses like the functions word theirs.
func (p *platform) refusals(api awsapigateway.RestApi) {
	const body = `{"error":"%s","message":%s,"detail":[],"request_id":"$context.requestId"}`
	for _, r := range []struct {
		kind    awsapigateway.ResponseType
		id      string
		status  string
		error   string
		message string
		after   string // seconds after which to try again
	}{
		{awsapigateway.ResponseType_DEFAULT_4XX(), "Refused", "", "$context.error.responseType", "$context.error.messageString", ""},
		{awsapigateway.ResponseType_DEFAULT_5XX(), "Failed", "", "$context.error.responseType", "$context.error.messageString", ""},
		{awsapigateway.ResponseType_INVALID_API_KEY(), "WrongKey", "403", "Forbidden", `"this door needs a key of scope predict: send it as x-api-key"`, ""},
		{awsapigateway.ResponseType_MISSING_AUTHENTICATION_TOKEN(), "Unsigned", "403", "Forbidden", `"there is no such route, or it needs a request signed with AWS credentials (SigV4)"`, ""},
		{awsapigateway.ResponseType_THROTTLED(), "Throttled", "429", "TooManyRequests", `"too many requests: try again after the pause that Retry-After names"`, "1"},
		{awsapigateway.ResponseType_QUOTA_EXCEEDED(), "QuotaExceeded", "429", "TooManyRequests", `"the quota of this key is used up"`, "3600"},
		{awsapigateway.ResponseType_INTEGRATION_TIMEOUT(), "Late", "503", "Unavailable", `"there was no answer in time: try again"`, "1"},
	} {
		options := &awsapigateway.GatewayResponseOptions{Type: r.kind, Templates: &map[string]*string{"application/json": jsii.String(fmt.Sprintf(body, r.error, r.message))}}
		if r.status != "" {
			options.StatusCode = jsii.String(r.status)
		}
		if r.after != "" {
			options.ResponseHeaders = &map[string]*string{"Retry-After": jsii.String("'" + r.after + "'")}
		}
		api.AddGatewayResponse(jsii.String(r.id), options)
	}
}

// door is a route with the function it leads to.
type door struct {
	topology.Route
	to topology.Function
}

// routes opens the doors of the topology.
func (p *platform) routes() {
	apis := map[bool]*gate{}
	for approvals, api := range map[bool]awsapigateway.RestApi{false: p.main, true: p.approvalPages} {
		apis[approvals] = p.gate(api)
	}
	all := doors()
	for _, d := range all {
		p.open(apis[d.to == topology.Approve], d)
	}
	for _, plan := range []struct {
		id          string
		key         awsapigateway.IApiKey
		rate, burst float64
	}{{"Clients", p.client, float64(p.settings.rate), float64(p.settings.burst)}, {"Prober", p.prober, proberRate, proberBurst}} {
		p.main.AddUsagePlan(jsii.String(plan.id), &awsapigateway.UsagePlanProps{
			Name: p.name(strings.ToLower(plan.id)), Throttle: &awsapigateway.ThrottleSettings{RateLimit: jsii.Number(plan.rate), BurstLimit: jsii.Number(plan.burst)},
			ApiStages: &[]*awsapigateway.UsagePlanPerApiStage{{Api: p.main, Stage: p.main.DeploymentStage()}},
		}).AddApiKey(plan.key, nil)
	}
}

// doors are the routes in the gateway's syntax, and those that its way of choosing makes necessary: it takes the resource that fits best and
// only then looks for the method, where ServeMux looks for both. So a greedy route's method is repeated on what lies below it (POST
// /v1/models/heart:predict fits /v1/models/{m}, which has no POST of its own), and on its own folder, which {x+} does not match.
func doors() []door {
	var all []door
	taken := map[string]bool{}
	add := func(d door) {
		if key := d.Method + " " + d.Path; !taken[key] {
			taken[key] = true
			all = append(all, d)
		}
	}
	for _, f := range topology.Functions {
		for _, r := range f.Routes {
			r.Path = strings.ReplaceAll(r.Path, "...}", "+}")
			add(door{r, f.Name})
		}
	}
	for _, greedy := range slices.Clone(all) {
		base, last, _ := cutLast(greedy.Path)
		if !strings.HasSuffix(last, "+}") {
			continue
		}
		for _, d := range slices.Clone(all) {
			if d.Path != greedy.Path && strings.HasPrefix(d.Path, base+"/") {
				again := greedy
				again.Path = d.Path
				add(again)
			}
		}
		again := greedy
		again.Path = base
		add(again)
	}
	return all
}

func cutLast(path string) (before, after string, found bool) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:], i >= 0
}

// gate is an API with what its methods share.
type gate struct {
	awsapigateway.RestApi
	object       awsapigateway.IModel
	validator    awsapigateway.IRequestValidator
	integrations map[topology.Function]awsapigateway.LambdaIntegration
}

func (p *platform) gate(api awsapigateway.RestApi) *gate {
	return &gate{RestApi: api, integrations: map[topology.Function]awsapigateway.LambdaIntegration{},
		object: api.AddModel(jsii.String("Object"), &awsapigateway.ModelOptions{ContentType: jsii.String("application/json"), Description: jsii.String("One JSON object"),
			Schema: &awsapigateway.JsonSchema{Schema: awsapigateway.JsonSchemaVersion_DRAFT4, Type: awsapigateway.JsonSchemaType_OBJECT}}),
		validator: api.AddRequestValidator(jsii.String("Validator"), &awsapigateway.RequestValidatorOptions{ValidateRequestBody: jsii.Bool(true), ValidateRequestParameters: jsii.Bool(true)}),
	}
}

// anyBody are doors whose body the gateway does not look at, though it is small: it may be missing.
var anyBody = []string{"/datasets/{name}/upload-url", "/v2/repository/index"}

// open adds one method.
func (p *platform) open(g *gate, d door) {
	to, ok := g.integrations[d.to]
	if !ok {
		// One permission for the whole API: one for each method would fill the function's policy and the template.
		to = awsapigateway.NewLambdaIntegration(p.functions[d.to].Function, &awsapigateway.LambdaIntegrationOptions{
			Proxy: jsii.Bool(true), ScopePermissionToMethod: jsii.Bool(false)})
		g.integrations[d.to] = to
	}
	options := &awsapigateway.MethodOptions{ApiKeyRequired: jsii.Bool(false), AuthorizationType: awsapigateway.AuthorizationType_NONE, RequestValidator: g.validator, RequestParameters: &map[string]*bool{}}
	switch d.Scope {
	case topology.PredictScope:
		options.ApiKeyRequired = jsii.Bool(true)
	case topology.Operate, topology.Session: // there is nobody here to hand out a sign-in link: people sign requests as programs do
		options.AuthorizationType = awsapigateway.AuthorizationType_IAM
	case topology.Public: // health, and the approval pages, whose links carry a token
	default:
		panic("the stack does not know the scope " + string(d.Scope))
	}
	for _, part := range strings.Split(d.Path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			(*options.RequestParameters)["method.request.path."+strings.TrimRight(name, "+}")] = jsii.Bool(true)
		}
	}
	if d.Method == http.MethodPost && d.Body == topology.SmallBody && !slices.Contains(anyBody, d.Path) {
		options.RequestModels = &map[string]awsapigateway.IModel{"application/json": g.object}
	}
	g.Root().ResourceForPath(&d.Path).AddMethod(&d.Method, to, options)
}

// address is where an API's stage is reached. It is made of the API's id alone: the stage knows the functions, which must know the address.
func (p *platform) address(api awsapigateway.RestApi) string {
	return fmt.Sprintf("https://%s.execute-api.%s.%s/%s", *api.RestApiId(), *p.Stack.Region(), *p.Stack.UrlSuffix(), stageName)
}

// publicURL is where the links of mails lead.
func (p *platform) publicURL() string {
	if p.settings.publicURL != "" {
		return p.settings.publicURL
	}
	return p.address(p.approvalPages)
}
