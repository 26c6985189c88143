package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"

	"mlops/shared/topology"
)

// TestEachFunctionHasItsOwn: no two functions share a role, a log group or a queue of dead letters, and each has its alarms.
func TestEachFunctionHasItsOwn(t *testing.T) {
	tpl := usual.of(t)
	users := map[string]string{}
	own := func(f, what string, v any) {
		t.Helper()
		said := tpl.say(v)
		if v == nil || users[said] != "" {
			t.Errorf("%s has the %s %s, %q too", f, what, said, users[said])
		}
		users[said] = f
	}
	for id, f := range tpl.of("AWS::Lambda::Function") {
		own(id, "role", f.Properties["Role"])
		own(id, "log group", find(f.Properties, "LoggingConfig", "LogGroup"))
	}
	for id, c := range tpl.of("AWS::Lambda::EventInvokeConfig") {
		own(id, "queue", find(c.Properties, "DestinationConfig", "OnFailure", "Destination"))
	}
	watched := map[string]bool{}
	for _, a := range tpl.of("AWS::CloudWatch::Alarm") {
		for _, d := range list(a.Properties["Dimensions"]) {
			watched[tpl.say(a.Properties["MetricName"])+" "+tpl.say(find(d, "Value"))] = true
		}
	}
	for _, f := range topology.Functions {
		for _, metric := range []string{"Errors", "Throttles"} {
			if !watched[metric+" "+*title(string(f.Name))] {
				t.Errorf("nobody watches the %s of %s", metric, f.Name)
			}
		}
	}
	stale := false // watched by the namespace and the dimensions that package start writes
	for _, a := range tpl.of("AWS::CloudWatch::Alarm") {
		stale = stale || a.Properties["MetricName"] == "ServedStale" && a.Properties["Namespace"] == "mlops" && a.Properties["Threshold"] == 0.0 && a.Properties["ComparisonOperator"] == "GreaterThanThreshold" &&
			fmt.Sprint(a.Properties["Dimensions"]) == "[map[Name:Service Value:predict] map[Name:Stage Value:dev]]"
	}
	if !stale {
		t.Error("nobody watches whether predict answers by an older version than the champion")
	}
}

// TestKeysHaveAPlan: a key without a usage plan opens nothing, and each plan is one of the main API's stage and bounds what it lets through.
func TestKeysHaveAPlan(t *testing.T) {
	tpl := usual.of(t)
	planned := map[string]bool{}
	for _, k := range tpl.of("AWS::ApiGateway::UsagePlanKey") {
		planned[tpl.say(k.Properties["KeyId"])] = tpl.say(k.Properties["UsagePlanId"]) != "" && k.Properties["KeyType"] == "API_KEY"
	}
	for id := range tpl.of("AWS::ApiGateway::ApiKey") {
		if !planned[tpl.name(id)] {
			t.Errorf("the key %s has no plan", tpl.name(id))
		}
	}
	for id, p := range tpl.of("AWS::ApiGateway::UsagePlan") {
		stages := list(p.Properties["ApiStages"])
		if len(stages) != 1 || tpl.say(find(stages[0], "ApiId")) != "Api" || tpl.say(find(stages[0], "Stage")) != "Api/DeploymentStage.live" || find(p.Properties, "Throttle", "RateLimit") == nil {
			t.Errorf("the plan %s: %v", tpl.name(id), p.Properties)
		}
	}
}

// TestRecommendedFlags: cdk.json sets every feature flag as the CDK in use recommends it for a new project.
func TestRecommendedFlags(t *testing.T) {
	usual.of(t) // the CDK unpacks itself
	info, ok := debug.ReadBuildInfo()
	if !ok {
		t.Fatal("this test does not know of which modules it is made")
	}
	version := ""
	for _, m := range info.Deps {
		if m.Path == "github.com/aws/aws-cdk-go/awscdk/v2" {
			version = strings.TrimPrefix(m.Version, "v")
		}
	}
	cache := os.Getenv("JSII_RUNTIME_PACKAGE_CACHE_ROOT")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(home, ".cache", "aws", "jsii", "package-cache")
	}
	files, err := filepath.Glob(filepath.Join(cache, "aws-cdk-lib", version, "*", "recommended-feature-flags.json"))
	if err != nil || len(files) == 0 {
		t.Skipf("the CDK %s keeps its recommendations elsewhere than under %s", version, cache)
	}
	want := read[map[string]any](t, files[0])
	got := read[struct{ Context map[string]any }](t, filepath.Join("..", "cdk.json")).Context
	for flag, v := range want {
		if !reflect.DeepEqual(got[flag], v) {
			t.Errorf("%s is %v; the CDK %s recommends %v", flag, got[flag], version, v)
		}
	}
}

func read[T any](t *testing.T, file string) T {
	t.Helper()
	var v T
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}
