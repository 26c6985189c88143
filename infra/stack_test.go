package main

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"

	"mlops/shared/config"
	"mlops/shared/topology"
)

type object = map[string]any

// TestFacts holds what the design says of the resources.
func TestFacts(t *testing.T) {
	tpl := usual.of(t)
	a := assertions.Template_FromStack(tpl.stack, nil)
	count := func(kind string, n float64) { a.ResourceCountIs(&kind, &n) }
	all := func(kind string, want any) { a.AllResourcesProperties(&kind, want) }
	has := func(kind string, want any) { a.HasResource(&kind, want) }

	count("AWS::Lambda::Function", float64(len(topology.Functions)))
	all("AWS::Lambda::Function", object{"Runtime": "provided.al2023", "Handler": "bootstrap", "Architectures": []any{"arm64"}, "TracingConfig": object{"Mode": "Active"}})
	for _, f := range topology.Functions {
		has("AWS::Lambda::Function", object{"Properties": object{"MemorySize": f.Memory, "Timeout": f.Timeout.Seconds(), "Description": f.Purpose,
			"LoggingConfig": object{"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "LogGroup": assertions.Match_AnyValue()}, "ReservedConcurrentExecutions": assertions.Match_Absent()}})
	}
	all("AWS::Logs::LogGroup", object{"RetentionInDays": 30})

	count("AWS::S3::Bucket", 2)
	all("AWS::S3::Bucket", object{"VersioningConfiguration": object{"Status": "Enabled"}, "BucketEncryption": assertions.Match_AnyValue(),
		"PublicAccessBlockConfiguration": object{"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true}})
	count("AWS::DynamoDB::Table", 3)
	all("AWS::DynamoDB::Table", object{"BillingMode": "PAY_PER_REQUEST", "DeletionProtectionEnabled": true, "PointInTimeRecoverySpecification": object{"PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": 35},
		"KeySchema": []any{object{"AttributeName": "pk", "KeyType": "HASH"}, object{"AttributeName": "sk", "KeyType": "RANGE"}}})
	for _, kind := range []string{"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key"} {
		for id, r := range tpl.of(kind) {
			if r.DeletionPolicy != "Retain" {
				t.Errorf("%s goes with the stack", tpl.name(id))
			}
		}
	}
	has("AWS::DynamoDB::Table", object{"Properties": object{"TimeToLiveSpecification": object{"AttributeName": "expires", "Enabled": true}}})
	has("AWS::KMS::Key", object{"Properties": object{"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}})

	count("AWS::ApiGateway::RestApi", 2)
	all("AWS::ApiGateway::Stage", object{"TracingEnabled": true, "AccessLogSetting": assertions.Match_ObjectLike(&object{"DestinationArn": assertions.Match_AnyValue()})})
	has("AWS::ApiGateway::Stage", object{"Properties": object{"MethodSettings": []any{assertions.Match_ObjectLike(&object{"DataTraceEnabled": false, "ThrottlingRateLimit": 5, "ThrottlingBurstLimit": 10})}}})
	has("AWS::ApiGateway::UsagePlan", object{"Properties": object{"Throttle": object{"RateLimit": 50, "BurstLimit": 100}}})
	count("AWS::ApiGateway::ApiKey", 2)
	all("AWS::ApiGateway::RequestValidator", object{"ValidateRequestBody": true, "ValidateRequestParameters": true})
	all("AWS::SQS::Queue", object{"SqsManagedSseEnabled": true, "MessageRetentionPeriod": 14 * 24 * 3600})
	count("AWS::SNS::Topic", 2)
	count("AWS::SNS::Subscription", 0)
}

// TestChoices: what was chosen is what is made.
func TestChoices(t *testing.T) {
	tpl := chosen.of(t)
	a := assertions.Template_FromStack(tpl.stack, nil)
	a.AllResourcesProperties(jsii.String("AWS::Lambda::Function"), object{"Architectures": []any{"x86_64"}})
	a.HasResourceProperties(jsii.String("AWS::Lambda::Function"), object{"Description": topology.Of(topology.Agent).Purpose, "ReservedConcurrentExecutions": 1,
		"Environment": object{"Variables": object{"PUBLIC_URL": "https://approve.example.com", "OWNER": "owner@example.com", "APPROVERS": "anna@example.com,ben@example.com", "STAGE": "prod"}}})
	a.AllResourcesProperties(jsii.String("AWS::Logs::LogGroup"), object{"RetentionInDays": 365})
	a.HasResourceProperties(jsii.String("AWS::ApiGateway::UsagePlan"), object{"Throttle": object{"RateLimit": 7, "BurstLimit": 100}})
	a.ResourceCountIs(jsii.String("AWS::Scheduler::Schedule"), jsii.Number(float64(len(topology.Schedules())-1)))
	a.HasResourceProperties(jsii.String("AWS::Scheduler::Schedule"), object{"ScheduleExpression": "rate(30 minutes)"})
	a.ResourceCountIs(jsii.String("AWS::SNS::Subscription"), jsii.Number(3))
	for _, approver := range []string{"anna@example.com", "ben@example.com"} {
		a.HasResourceProperties(jsii.String("AWS::SNS::Subscription"), object{"Protocol": "email", "Endpoint": approver, "FilterPolicy": object{"approver": []any{approver}}})
	}
	a.HasResourceProperties(jsii.String("AWS::SNS::Subscription"), object{"Endpoint": "owner@example.com", "FilterPolicy": assertions.Match_Absent()})
}

// TestOnlyTLS: buckets, queues and topics refuse what is not encrypted on its way, and models what is there already.
func TestOnlyTLS(t *testing.T) {
	tpl := usual.of(t)
	refuses, once := map[string]bool{}, false
	for _, s := range policies(tpl) {
		if s.effect == "Deny" && find(s.fields, "Condition", "Bool", "aws:SecureTransport") == "false" {
			refuses[s.who] = true
		}
		once = once || s.who == "on Models" && find(s.fields, "Condition", "Null", "s3:if-none-match") == "true"
	}
	for _, kind := range []string{"AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::SNS::Topic"} {
		for id := range tpl.of(kind) {
			if !refuses["on "+tpl.name(id)] {
				t.Errorf("%s may be reached without TLS", tpl.name(id))
			}
		}
	}
	if !once {
		t.Error("a model may be overwritten")
	}
}

// TestAccessLogsHaveNoSecrets: a link's token stands in the query.
func TestAccessLogsHaveNoSecrets(t *testing.T) {
	for _, s := range usual.of(t).of("AWS::ApiGateway::Stage") {
		format := find(s.Properties, "AccessLogSetting", "Format").(string)
		if !strings.Contains(format, "$context.requestId") || regexp.MustCompile(`(?i)query|context\.path\b|apiKey\b|authorization`).MatchString(format) {
			t.Errorf("access log %s", format)
		}
	}
}

// TestFunctionsAreFoundBySAM: each function says which folder it is made of, relative to the template, and its bootstrap lies there.
func TestFunctionsAreFoundBySAM(t *testing.T) {
	tpl := usual.of(t)
	seen := map[string]bool{}
	for id, f := range tpl.of("AWS::Lambda::Function") {
		path, _ := f.Metadata["aws:asset:path"].(string)
		if f.Metadata["aws:asset:property"] != "Code" || path == "" || filepath.IsAbs(path) {
			t.Errorf("%s: metadata %v", id, f.Metadata)
			continue
		}
		info, err := os.Stat(filepath.Join(filepath.Dir(tpl.file), path, "bootstrap"))
		if err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s: %v, mode %v", id, err, info)
		}
		if seen[path] {
			t.Errorf("%s shares the folder %s with another", id, path)
		}
		seen[path] = true
	}
	for _, f := range topology.Functions {
		if tpl.Resources[*title(string(f.Name))].Type != "AWS::Lambda::Function" {
			t.Errorf("%s is not called so in the template", f.Name)
		}
	}
}

// TestSynthesisRepeats: the same project gives the same template, byte for byte, so that a diff shows what was changed and nothing else.
func TestSynthesisRepeats(t *testing.T) {
	again, err := synth(false)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.text, usual.of(t).text) {
		before, after := strings.Split(string(usual.of(t).text), "\n"), strings.Split(string(again.text), "\n")
		for i := range min(len(before), len(after)) {
			if before[i] != after[i] {
				t.Fatalf("line %d: %q, then %q", i+1, before[i], after[i])
			}
		}
		t.Fatalf("%d lines, then %d", len(before), len(after))
	}
}

// TestFunctionsUnderstandTheirEnvironment: with names in place of what the deployment fills in, each function loads what the stack tells it.
func TestFunctionsUnderstandTheirEnvironment(t *testing.T) {
	kinds := map[string]func(func(string) string) error{
		"Predict": loads(config.Load[config.Predict]), "Train": loads(config.Load[config.Train]), "Validate": loads(config.Load[config.Validate]),
		"Driftcheck": loads(config.Load[config.DriftCheck]), "Agent": loads(config.Load[config.Agent]), "Report": loads(config.Load[config.Report]),
		"Approve": loads(config.Load[config.Approve]), "Dashboard": loads(config.Load[config.Dashboard]),
	}
	for name, tpl := range map[string]template{"usual": usual.of(t), "chosen": chosen.of(t)} {
		for id, f := range tpl.of("AWS::Lambda::Function") {
			variables, _ := find(f.Properties, "Environment", "Variables").(object)
			err := kinds[id](func(v string) string { return deployed(tpl, variables[v]) })
			if err != nil {
				t.Errorf("%s: %s: %v", name, id, err)
			}
			if size := len(jsonOf(t, variables)); size > 4<<10 {
				t.Errorf("%s: %s: the environment has %d bytes; Lambda takes 4,096", name, id, size)
			}
		}
	}
}

// TestAgentWaitsAsLongAsPredictRemembers: golden rows that are sent earlier would be answered by the version before.
func TestAgentWaitsAsLongAsPredictRemembers(t *testing.T) {
	tpl := usual.of(t)
	said := func(id string) any {
		return find(tpl.Resources[id].Properties, "Environment", "Variables", "MODEL_TTL")
	}
	if said("Agent") == nil || said("Agent") != said("Predict") {
		t.Errorf("agent %v, predict %v", said("Agent"), said("Predict"))
	}
}

// TestWall: the stack is built from what both sides read, and from nothing else of the house.
func TestWall(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			switch path := strings.Trim(i.Path.Value, `"`); {
			case strings.HasSuffix(name, "_test.go"), !strings.HasPrefix(path, "mlops/"), path == "mlops/shared/topology", path == "mlops/shared/config":
			default:
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

func loads[T any](load func(func(string) string) (T, error)) func(func(string) string) error {
	return func(getenv func(string) string) error {
		_, err := load(getenv)
		return err
	}
}

// deployed is a value as it may be once the stack stands.
func deployed(tpl template, v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case object:
		if id, ok := v["Ref"].(string); ok {
			switch kind := tpl.Resources[id].Type; {
			case id == "AWS::Region":
				return "eu-central-1"
			case id == "AWS::URLSuffix":
				return "amazonaws.com"
			case kind == "AWS::SNS::Topic":
				return "arn:aws:sns:eu-central-1:123456789012:" + id
			case kind == "AWS::S3::Bucket":
				return strings.ToLower(id)
			}
			return id
		}
		if join, ok := v["Fn::Join"].([]any); ok {
			var parts []string
			for _, p := range join[1].([]any) {
				parts = append(parts, deployed(tpl, p))
			}
			return strings.Join(parts, join[0].(string))
		}
	}
	return "?"
}

// TestLint: AWS's own linter finds no error in the template.
func TestLint(t *testing.T) {
	path, err := exec.LookPath("cfn-lint")
	if err != nil {
		t.Skip("cfn-lint is not on the PATH: https://github.com/aws-cloudformation/cfn-lint")
	}
	for name, tpl := range map[string]template{"usual": usual.of(t), "chosen": chosen.of(t)} {
		// W3005 is the CDK's own habit: a function waits for its role twice.
		out, err := exec.Command(path, "--ignore-checks", "W3005", "--template", tpl.file).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
