package runtimeapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"mlops/functions/internal/runtimeapi"
	"mlops/shared/platform/aws/awstest"
	"mlops/shared/topology"
)

var background = context.Background()

// TestMain lets this binary be a bootstrap too: one that behaves as BEHAVE says.
func TestMain(m *testing.M) {
	switch os.Getenv("BEHAVE") {
	case "":
		defer os.RemoveAll(bootstraps.dir)
		awstest.Main(m)
	case "no start":
		fmt.Println("cannot start")
		os.Exit(7)
	case "slow start":
		time.Sleep(time.Minute)
	}
	lambda.StartWithOptions(func(ctx context.Context, in map[string]string) (map[string]string, error) {
		deadline, _ := ctx.Deadline()
		fmt.Println("at work on", in["do"])
		switch in["do"] {
		case "fail":
			return nil, errors.New("it went wrong")
		case "panic":
			panic("oh no")
		case "exit":
			os.Exit(9)
		case "hang":
			time.Sleep(time.Minute)
		}
		return map[string]string{"did": in["do"], "left": time.Until(deadline).Round(time.Second).String(), "name": os.Getenv("AWS_LAMBDA_FUNCTION_NAME"), "said": os.Getenv("SAID"), "home": os.Getenv("GOPATH")}, nil
	}, lambda.WithEnableSIGTERM(func() { fmt.Println("told of the end") }))
}

// behaving starts this binary as a function.
func behaving(t *testing.T, how string, o runtimeapi.Options) (*runtimeapi.Sandbox, *output, error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out := &output{}
	o.Bootstrap, o.Name, o.Output, o.Env = self, "itself", out, map[string]string{"BEHAVE": how, "SAID": "hello"}
	s, err := runtimeapi.Start(background, o)
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, out, err
}

// output is what a process wrote.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func failed(t *testing.T, err error, kind, words string) {
	t.Helper()
	f, ok := runtimeapi.IsFailure(err)
	if !ok || f.Type != kind || !strings.Contains(f.Message, words) {
		t.Errorf("got %v; want %s with %q", err, kind, words)
	}
}

func TestInvocations(t *testing.T) {
	s, out, err := behaving(t, "well", runtimeapi.Options{Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOPATH", "/not/inherited")
	for range 3 {
		answer, err := s.Invoke(background, []byte(`{"do":"work"}`))
		if want := `{"did":"work","home":"","left":"20s","name":"itself","said":"hello"}`; err != nil || string(answer) != want {
			t.Fatalf("got %s, error %v; want %s", answer, err, want)
		}
		_, err = s.Invoke(background, []byte(`{"do":"fail"}`))
		failed(t, err, "errorString", "it went wrong")
		_, err = s.Invoke(background, []byte(`[]`))
		failed(t, err, "UnmarshalTypeError", "cannot unmarshal")
	}
	if s.InitTime() <= 0 || s.PeakMemory() < 1<<20 {
		t.Errorf("ready after %s, with %d bytes at most", s.InitTime(), s.PeakMemory())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got := out.String(); strings.Count(got, "at work on work") != 3 || !strings.Contains(got, "told of the end") {
		t.Errorf("it wrote %q", got)
	}
	if _, err := s.Invoke(background, nil); err == nil {
		t.Error("a closed sandbox answered")
	}
}

func TestEnds(t *testing.T) {
	for do, want := range map[string][2]string{"panic": {"string", "oh no"}, "exit": {runtimeapi.ExitError, "exit status 9"}, "hang": {runtimeapi.TimedOut, "timed out after 0.70 seconds"}} {
		s, _, err := behaving(t, "well", runtimeapi.Options{Timeout: 700 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Invoke(background, fmt.Appendf(nil, `{"do":%q}`, do))
		failed(t, err, want[0], want[1])
		_, err = s.Invoke(background, []byte(`{"do":"work"}`))
		failed(t, err, runtimeapi.ExitError, "exited")
	}
	_, out, err := behaving(t, "no start", runtimeapi.Options{})
	failed(t, err, runtimeapi.ExitError, "exit status 7")
	if !strings.Contains(out.String(), "cannot start") {
		t.Errorf("it wrote %q", out)
	}
	_, _, err = behaving(t, "slow start", runtimeapi.Options{Init: 300 * time.Millisecond})
	failed(t, err, runtimeapi.TimedOut, "not ready")
	if _, err := runtimeapi.Start(background, runtimeapi.Options{Bootstrap: "/no/such/bootstrap"}); err == nil {
		t.Error("a bootstrap that is not there was started")
	}
}

// bootstraps are the functions' real executables for this machine, built once.
var bootstraps struct {
	once sync.Once
	dir  string
	err  error
}

// built is the path of a function's bootstrap.
func built(t *testing.T, name topology.Function) string {
	t.Helper()
	bootstraps.once.Do(func() {
		if bootstraps.dir, bootstraps.err = os.MkdirTemp("", "mlops-bootstraps-"); bootstraps.err != nil {
			return
		}
		args := []string{"build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags=-s -w -buildid=", "-o", bootstraps.dir + "/"}
		for _, spec := range topology.Functions {
			args = append(args, "mlops/functions/"+string(spec.Name))
		}
		cmd := exec.Command("go", args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			bootstraps.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	if bootstraps.err != nil {
		t.Fatalf("build the functions: %v", bootstraps.err)
	}
	return filepath.Join(bootstraps.dir, string(name))
}
