package runtimeapi_test

import (
	"archive/zip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"mlops/functions/internal/host"
	"mlops/functions/internal/loopback"
	"mlops/functions/internal/runtimeapi"
	"mlops/shared/event"
	"mlops/shared/topology"
)

// What `make sizes` asks for.
var (
	sizesOf = flag.String("sizes", "", "folder of what make build made: measure it, and write sizes.txt there")
	starts  = flag.Int("starts", 1, "how often each function is started; medians are told")
)

// start is one start of a function.
type start struct {
	ready, first time.Duration // since the process began
	memory       int64         // bytes, at most
	answer       string        // status of the HTTP answer, done, or the error's kind
}

// TestSizes starts every function on a platform that serves a model, and has it answer its main event. predict answers with a real
// prediction of the real model. With -sizes it writes what it measured: the table of make sizes.
func TestSizes(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: it builds the functions and trains a model; make test runs it")
	}
	state := heart(t)
	var table strings.Builder
	fmt.Fprintf(&table, "%-10s  %9s %9s   %9s %12s %10s   %s\n", "", "arm64 MB", "zipped MB", "ready ms", "answered ms", "peak MiB", "answer to")
	for _, spec := range topology.Functions {
		var all []start
		for range *starts {
			all = append(all, startOnce(t, state, spec))
		}
		ready := median(all, func(s start) float64 { return float64(s.ready.Microseconds()) / 1000 })
		first := median(all, func(s start) float64 { return float64(s.first.Microseconds()) / 1000 })
		memory := median(all, func(s start) float64 { return float64(s.memory) / (1 << 20) })
		if ready <= 0 || first < ready || memory < 1 {
			t.Errorf("%s: ready after %.1f ms, answered after %.1f, %.1f MiB at most", spec.Name, ready, first, memory)
		}
		size, zipped := 0.0, 0.0
		if *sizesOf != "" {
			size, zipped = sizes(t, filepath.Join(*sizesOf, string(spec.Name), "bootstrap"))
		}
		fmt.Fprintf(&table, "%-10s  %9.1f %9.1f   %9.1f %12.1f %10.1f   events/%s.json: %s\n", spec.Name, size, zipped, ready, first, memory, spec.Name, all[0].answer)
	}
	fmt.Fprintf(&table, "\nready: process start to the Runtime API's first request for work; answered: process start to the first answer. Medians of %d starts,\n", *starts)
	fmt.Fprintf(&table, "%s/%s, %d CPUs, S3 and DynamoDB answered on loopback from memory. MB = 1,000,000 bytes.\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	if *sizesOf == "" {
		t.Logf("\n%s", table.String())
		return
	}
	if err := os.WriteFile(filepath.Join(*sizesOf, "sizes.txt"), []byte(table.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// heart is the state of a platform that trained on the shipped dataset and serves the champion, made once; each start has a copy.
func heart(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	h, err := host.Open(host.Options{Dir: dir, Now: time.Now, PublicURL: "https://mlops.example", Window: time.Hour, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	body, err := os.ReadFile("../../../testdata/datasets/heart.csv")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Ingest.Accept(background, event.Upload{Dataset: "heart", Actor: "operator"}, ".csv", body); err != nil {
		t.Fatal(err)
	}
	if err := h.State.Bus.Drain(background); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Loader.Champion(background, "heart"); err != nil {
		t.Fatalf("nothing serves: %v", err)
	}
	return dir
}

// serving is the cloud of a copy of a state, in memory where the machine has such a place: what is timed is the function.
func serving(t *testing.T, state string) *loopback.Cloud {
	t.Helper()
	if _, err := os.Stat("/dev/shm"); err == nil {
		t.Setenv("TMPDIR", "/dev/shm")
	}
	c, err := loopback.Open(state, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// startOnce starts a function on a platform of its own and takes its first answer.
func startOnce(t *testing.T, state string, spec topology.Spec) start {
	t.Helper()
	f := serving(t, state)
	defer f.Close()
	bootstrap := filepath.Join(*sizesOf, "host", string(spec.Name), "bootstrap")
	if *sizesOf == "" {
		bootstrap = built(t, spec.Name)
	}
	payload, err := os.ReadFile("../../../events/" + string(spec.Name) + ".json")
	if err != nil {
		t.Fatal(err)
	}
	log := &output{}
	s, err := runtimeapi.Start(background, runtimeapi.Options{Bootstrap: bootstrap, Name: string(spec.Name), Env: f.Environ(), Memory: spec.Memory, Timeout: spec.Timeout, Output: log})
	if err != nil {
		t.Fatalf("start %s: %v\n%s", spec.Name, err, log)
	}
	defer s.Close()
	asked := time.Now()
	b, err := s.Invoke(background, payload)
	out := start{ready: s.InitTime(), first: s.InitTime() + time.Since(asked), memory: s.PeakMemory(), answer: "done"}
	var a events.APIGatewayProxyResponse
	switch failure, failed := runtimeapi.IsFailure(err); {
	case failed:
		out.answer = failure.Type
	case err != nil:
		t.Fatal(err)
	case json.Unmarshal(b, &a) == nil && a.StatusCode != 0:
		out.answer = fmt.Sprint(a.StatusCode)
	}
	if want := wanted[spec.Name]; out.answer != want || !strings.Contains(a.Body, said[spec.Name]) {
		t.Errorf("%s: %s, not %s: %s %v\n%s", spec.Name, out.answer, want, a.Body, err, log)
	}
	return out
}

// wanted is how each function answers its main event on a platform that serves heart. The data that train, the version that agent and the
// request that approve are told of are not there.
var wanted = map[topology.Function]string{topology.Predict: "200", topology.Validate: "202", topology.DriftCheck: "done", topology.Report: "done", topology.Dashboard: "200",
	topology.Train: "done", topology.Agent: "NotFound", topology.Approve: "403"}

// said is what the body of the answer has in it.
var said = map[topology.Function]string{topology.Predict: `"prediction":`, topology.Dashboard: `"heart"`, topology.Validate: `"job_id"`}

// sizes are an executable's size and its share of a deployment package, MB.
func sizes(t *testing.T, path string) (plain, zipped float64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var n counted
	z := zip.NewWriter(&n)
	w, err := z.Create("bootstrap")
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return float64(len(b)) / 1e6, float64(n) / 1e6
}

// counted is how much was written.
type counted int64

func (c *counted) Write(b []byte) (int, error) {
	*c += counted(len(b))
	return len(b), nil
}

var _ io.Writer = new(counted)

// median of a figure of the starts; of an even number, the upper one.
func median(all []start, figure func(start) float64) float64 {
	var x []float64
	for _, s := range all {
		x = append(x, figure(s))
	}
	slices.Sort(x)
	return x[len(x)/2]
}
