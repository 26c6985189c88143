package runtimeapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"mlops/functions/internal/runtimeapi"
	"mlops/shared/platform/aws/awstest"
	"mlops/shared/topology"
)

// deployment is the functions' real executables on an emulated cloud that holds the stack's own template.
type deployment struct {
	*testing.T
	wiring
	cloud     *awstest.Cloud
	api       *httptest.Server // what API Gateway is to clients of predict, and to the agent's golden rows
	gateway   gateway
	functions map[string]awstest.Properties // of the template
	running   map[topology.Function]*runtimeapi.Sandbox
	logs      map[topology.Function]*output
	carried   int // events
}

// deploy deploys the template; where the emulator lacks something that the functions need, the test is skipped.
func deploy(t *testing.T) *deployment {
	t.Helper()
	d := &deployment{T: t, cloud: awstest.Deploy(t), running: map[topology.Function]*runtimeapi.Sandbox{}, logs: map[topology.Function]*output{}}
	var err error
	if d.wiring, err = wired(d.cloud.Stack); err == nil {
		d.functions, err = d.cloud.Stack.All("AWS::Lambda::Function")
	}
	if err == nil {
		d.gateway, err = gatewayOf(d.cloud.Stack)
	}
	if lacks := d.cloud.Stack.Lacks; err != nil && len(lacks) > 0 {
		t.Skipf("this emulator lacks %s: %v", strings.Join(lacks, ", "), err)
	}
	if err != nil {
		t.Fatal(err)
	}
	d.gateway.ids = d.cloud.APIKeys(t)
	d.gateway.ids[clientKey] = d.cloud.Stack.Ref("ClientKey")
	d.api = httptest.NewServer(http.HandlerFunc(d.serve))
	t.Cleanup(func() {
		d.api.Close()
		for _, s := range d.running {
			s.Close()
		}
	})
	return d
}

// environ is what the template tells a function, and where the cloud is. The address of the API is that of the server which stands for it.
// A champion is not remembered, and so not waited for: the test would sleep.
func (d *deployment) environ(name topology.Function) map[string]string {
	d.Helper()
	environ := d.cloud.Credentials()
	variables, _ := d.functions[logical(name)]["Environment"].(map[string]any)["Variables"].(map[string]any)
	for k, v := range variables {
		text, ok := v.(string)
		if !ok {
			d.Fatalf("%s is told %s=%v", name, k, v)
		}
		environ[k] = strings.ReplaceAll(text, d.gateway.address, d.api.URL)
	}
	if environ["MODEL_TTL"] != "" {
		environ["MODEL_TTL"] = "0s"
	}
	return environ
}

// sandbox is the function's execution environment, started when it is first needed.
func (d *deployment) sandbox(name topology.Function) *runtimeapi.Sandbox {
	d.Helper()
	if s := d.running[name]; s != nil {
		return s
	}
	d.logs[name] = &output{}
	s, err := runtimeapi.Start(background, runtimeapi.Options{Bootstrap: built(d.T, name), Name: string(name), Env: d.environ(name), Timeout: topology.Of(name).Timeout, Output: d.logs[name]})
	if err != nil {
		d.Fatalf("start %s: %v\n%s", name, err, d.logs[name])
	}
	d.running[name] = s
	return s
}

// ask lets a function answer a request.
func (d *deployment) ask(name topology.Function, in events.APIGatewayProxyRequest) events.APIGatewayProxyResponse {
	in.RequestContext.RequestID = "r-1"
	payload, err := json.Marshal(in)
	if err != nil {
		d.Fatal(err)
	}
	b, err := d.sandbox(name).Invoke(background, payload)
	var a events.APIGatewayProxyResponse
	if err == nil {
		err = json.Unmarshal(b, &a)
	}
	if err != nil {
		d.Errorf("%s %s of %s: %v\n%s", in.HTTPMethod, in.Path, name, err, d.logs[name])
	}
	return a
}

// TestEveryEventOnTheRealBootstraps hands each shipped event to the executable it is for, on an empty cloud: whatever there is to answer, it
// is an answer, or an error that says of which kind it is; nothing panics, hangs or ends.
func TestEveryEventOnTheRealBootstraps(t *testing.T) {
	d := deploy(t)
	files, err := filepath.Glob("../../../events/*.json")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b = []byte(strings.ReplaceAll(string(b), `"mlops-data"`, fmt.Sprintf("%q", d.cloud.DataBucket)))
		of, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), "-")
		name := topology.Function(of)
		answer, err := d.sandbox(name).Invoke(background, b)
		if err != nil {
			if f, ok := runtimeapi.IsFailure(err); !ok || !strings.Contains("Invalid NotFound Conflict Denied Unavailable Internal", f.Type) {
				t.Errorf("%s: %v\n%s", file, err, d.logs[name])
				delete(d.running, name)
			}
			continue
		}
		var a events.APIGatewayProxyResponse
		if string(answer) != "null" && (json.Unmarshal(answer, &a) != nil || a.StatusCode < 200 || a.StatusCode == 500) {
			t.Errorf("%s: %s\n%s", file, answer, d.logs[name])
		}
	}
	for _, spec := range topology.Functions {
		log := d.logs[spec.Name].String()
		if !strings.Contains(log, `"_aws"`) || !strings.Contains(log, `"ColdStart":1`) {
			t.Errorf("%s wrote no metrics: %.500s", spec.Name, log)
		}
		for line := range strings.Lines(log) {
			if !json.Valid([]byte(line)) && !strings.Contains(line, `"errorMessage"`) { // the library's own line has a time before it
				t.Errorf("%s wrote a line that is not JSON: %s", spec.Name, line)
			}
		}
		t.Logf("%-10s ready after %s, %d MiB at most", spec.Name, d.running[spec.Name].InitTime(), d.running[spec.Name].PeakMemory()>>20)
	}
}
