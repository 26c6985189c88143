package awstest

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

// wanted is what must be seen in the emulator, of every resource of which the template says it.
var wanted = map[string][]string{
	"AWS::S3::Bucket":                   {"VersioningConfiguration", "BucketEncryption", "PublicAccessBlockConfiguration", "OwnershipControls", "LifecycleConfiguration"},
	"AWS::S3::BucketPolicy":             {"PolicyDocument"}, // TLS only; models once
	"AWS::DynamoDB::Table":              {"KeySchema", "AttributeDefinitions", "BillingMode", "PointInTimeRecoverySpecification", "DeletionProtectionEnabled", "TimeToLiveSpecification", "ResourcePolicy"},
	"AWS::KMS::Key":                     {"KeySpec", "KeyUsage", "KeyPolicy"},
	"AWS::SecretsManager::Secret":       {"Name", "GenerateSecretString"},
	"AWS::SNS::Topic":                   {"DisplayName"},
	"AWS::SNS::TopicPolicy":             {"PolicyDocument"},
	"AWS::SNS::Subscription":            {"TopicArn", "Protocol", "Endpoint", "FilterPolicy"},
	"AWS::SQS::Queue":                   {"MessageRetentionPeriod", "SqsManagedSseEnabled"},
	"AWS::SQS::QueuePolicy":             {"PolicyDocument"},
	"AWS::Events::EventBus":             {"Name"},
	"AWS::Events::Rule":                 {"EventPattern", "EventBusName", "State", "Targets"},
	"AWS::Scheduler::Schedule":          {"ScheduleExpression", "ScheduleExpressionTimezone", "State", "Target"},
	"AWS::ApiGateway::RestApi":          {"Name"},
	"AWS::ApiGateway::Resource":         {"ParentId", "PathPart"},
	"AWS::ApiGateway::Method":           {"HttpMethod", "ApiKeyRequired", "AuthorizationType", "Integration", "RequestValidatorId", "RequestParameters", "RequestModels"},
	"AWS::ApiGateway::RequestValidator": {"ValidateRequestBody", "ValidateRequestParameters"},
	"AWS::ApiGateway::GatewayResponse":  {"ResponseType", "ResponseTemplates"},
	"AWS::ApiGateway::Stage":            {"StageName", "TracingEnabled", "MethodSettings", "AccessLogSetting"},
	"AWS::ApiGateway::ApiKey":           {"Enabled", "Value"},
	"AWS::ApiGateway::UsagePlan":        {"UsagePlanName", "Throttle", "ApiStages"},
	"AWS::ApiGateway::UsagePlanKey":     {"KeyId", "UsagePlanId"},
}

// TestStack deploys the template and lists what was made how, what the emulator holds of it by its own answers, and what it does not, and why.
func TestStack(t *testing.T) {
	c := Deploy(t)
	s := c.Stack
	t.Logf("the template in the emulator:\n%s", s.String())
	for _, g := range s.Gaps {
		if g.Reason == "" && emulator.moto {
			t.Error(g.String())
		}
	}
	if !emulator.moto {
		return // what another emulator holds is listed
	}
	held := map[string]int{}
	for _, one := range s.Held {
		held[one]++
	}
	for kind, properties := range wanted {
		for _, name := range properties {
			n := 0
			for _, id := range s.of(kind) {
				if s.Resources[id].Properties[name] != nil {
					n++
				}
			}
			if got := held[kind+"."+name]; n == 0 || got != n {
				t.Errorf("%s.%s: the template says it of %d resources, the emulator holds it of %d", kind, name, n, got)
			}
		}
	}
	for id, r := range s.Resources {
		if s.names[id] == "" {
			t.Errorf("%s %s is not there", r.Type, s.template.names[id])
		}
		if kinds[r.Type].look == nil && !s.ours(id) && !slices.Contains([]string{"AWS::IAM::Role", "AWS::IAM::Policy", "AWS::Logs::LogGroup", "AWS::CloudWatch::Alarm"}, r.Type) {
			t.Errorf("nobody looks at %s", r.Type)
		}
	}

	// A resource that is otherwise than the template says is seen.
	key := s.Resources[s.id("Tokens")].Properties
	key["KeySpec"] = "HMAC_512"
	before := len(s.Gaps)
	if err := s.settle(context.Background(), s.id("Tokens")); err != nil || len(s.Gaps) != before+1 || s.Gaps[before].Got != "HMAC_256" || s.Gaps[before].Reason != "" {
		t.Errorf("%v, error %v; want a gap: another key than the template's", s.Gaps[before:], err)
	}
}

// TestWithoutCloudFormation: the SDK alone makes the same, and more of it, where the emulator has no CloudFormation.
func TestWithoutCloudFormation(t *testing.T) {
	c := open(t, func(c *Cloud) error {
		c.Spoil(func(_ int, call string) Outcome {
			if call == "CreateStack" {
				return Lack
			}
			return Pass
		})
		return c.Stack.deploy(context.Background())
	})
	s := c.Stack
	if !slices.Equal(s.Lacks, []string{"CloudFormation CreateStack"}) || len(s.ByCloudFormation) > 0 || c.DataBucket == "" || c.MacKey == "" {
		t.Fatalf("%s", s.String())
	}
	for id, r := range s.Resources {
		if s.names[id] == "" {
			t.Errorf("%s %s is not there", r.Type, s.template.names[id])
		}
	}
	for _, g := range s.Gaps {
		if g.Reason == "" && emulator.moto {
			t.Error(g.String())
		}
	}
	if _, err := s.All("AWS::Lambda::Function"); err != nil {
		t.Error(err)
	}
}

// stopped is a test that is to be skipped or to fail.
type stopped struct {
	testing.TB
	skipped, failed string
}

func (s *stopped) Skipf(format string, args ...any) {
	s.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}
func (s *stopped) Fatalf(format string, args ...any) {
	s.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// stops runs what may skip or fail a test.
func stops(t *testing.T, do func(testing.TB)) *stopped {
	s := &stopped{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		do(s)
	}()
	<-done
	return s
}

// unable is an emulator with a certificate of its own that has nothing but what has says.
func unable(t *testing.T, has func(call string) bool) (url, bundle string) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if call := r.Header.Get("X-Amz-Target"); call == "" || !has(call) {
			w.WriteHeader(http.StatusNotImplemented)
			_, _ = w.Write([]byte("<html>not implemented</html>"))
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = w.Write([]byte(`{"RandomPassword":"abc","ARN":"arn:aws:secretsmanager:us-east-1:123456789012:secret:x","SecretString":"abc"}`))
	}))
	t.Cleanup(server.Close)
	bundle = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return server.URL, bundle
}

// TestLacking: an emulator on HTTPS that has not everything is used for what it has; what it answers 501 to is named, and what needs that is
// skipped.
func TestLacking(t *testing.T) {
	emulator.once.Do(func() {})
	saved := []any{emulator.url, emulator.transport, emulator.why, emulator.err, emulator.moto}
	t.Cleanup(func() {
		emulator.url, _ = saved[0].(string)
		emulator.transport, _ = saved[1].(http.RoundTripper)
		emulator.why, _ = saved[2].(string)
		emulator.err, _ = saved[3].(error)
		emulator.moto, _ = saved[4].(bool)
	})
	url, bundle := unable(t, func(call string) bool { return strings.HasPrefix(call, "secretsmanager.") })
	t.Setenv("AWS_ENDPOINT_URL", url)
	emulator.why = ""

	if err := reach(url, ""); err == nil || !strings.Contains(err.Error(), "AWS_CA_BUNDLE") || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without its certificate: %v", err)
	}
	for name, text := range map[string]string{"absent": "", "empty": "no certificate"} {
		file := filepath.Join(t.TempDir(), name)
		if text != "" {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := reach(url, file); err == nil || !strings.Contains(err.Error(), "AWS_CA_BUNDLE") {
			t.Errorf("a bundle that is %s: %v", name, err)
		}
	}
	t.Setenv("AWS_CA_BUNDLE", bundle)
	if err := reach(url, bundle); err != nil || emulator.moto {
		t.Fatalf("%v, moto %v", err, emulator.moto)
	}

	for service, want := range map[Service]string{DynamoDB: "DynamoDB CreateTable", S3: "S3 CreateBucket", SNS: "SNS CreateTopic", KMS: "KMS CreateKey", SQS: "SQS CreateQueue", EventBridge: "EventBridge CreateEventBus"} {
		if got := stops(t, func(t testing.TB) { Open(t, service); t.Errorf("%s was opened", service) }); !strings.Contains(got.skipped, "this emulator lacks "+want) || got.failed != "" {
			t.Errorf("%s: skipped %q, failed %q; want %q", service, got.skipped, got.failed, want)
		}
	}
	var c *Cloud
	if got := stops(t, func(t testing.TB) { c = Open(t, SSM) }); got.skipped+got.failed != "" || c.ProbeKey != "abc" {
		t.Errorf("what it has: skipped %q, failed %q, %+v", got.skipped, got.failed, c)
	}
	if got := stops(t, func(t testing.TB) { c = Deploy(t) }); got.skipped+got.failed != "" || !slices.Contains(c.Stack.Lacks, "S3 CreateBucket") || !strings.Contains(c.Stack.String(), "this emulator lacks") {
		t.Errorf("the stack: skipped %q, failed %q", got.skipped, got.failed)
	}
	if _, err := c.Stack.All("AWS::Lambda::Function"); err == nil || !strings.Contains(err.Error(), "refers to what is not there") {
		t.Errorf("the functions' environment: %v", err)
	}
	if !slices.Contains(c.Lacked(), "DynamoDB_20120810.CreateTable") || !slices.Contains(c.Lacked(), "CreateTopic") {
		t.Errorf("the proxy saw %v", c.Lacked())
	}
}
