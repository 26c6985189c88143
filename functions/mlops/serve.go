package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mlops/functions/internal/host"
	"mlops/functions/internal/job"
	"mlops/functions/internal/serving"
	"mlops/shared/control"
	"mlops/shared/dataset"
	"mlops/shared/event"
	"mlops/shared/fault"
)

type serveFlags struct {
	addr, state, data, target, positive, task, name, publicURL string
	ignore, off                                                []string
	window                                                     time.Duration
	windowRows                                                 int
}

func serveCommand(a *app) *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the platform on this machine",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return a.serve(c.Context(), f) },
	}
	c.Flags().StringVar(&f.addr, "addr", "127.0.0.1:8080", "where to listen")
	c.Flags().StringVar(&f.state, "state", envOr("MLOPS_STATE", ".local"), "the folder that holds the state")
	c.Flags().StringVar(&f.data, "data", "", "a table to begin with, where the state is empty")
	c.Flags().StringVar(&f.target, "target", "", "its target: a column, or a comparison such as 'num>0' (default: the last column)")
	c.Flags().StringVar(&f.positive, "positive", "", "the positive class (default: the greater value)")
	c.Flags().StringVar(&f.task, "task", "", "binary, multiclass or regression (default: inferred)")
	c.Flags().StringVar(&f.name, "name", "", "the model's name (default: the file's stem)")
	c.Flags().StringSliceVar(&f.ignore, "ignore", nil, "columns that are not features")
	c.Flags().StringVar(&f.publicURL, "public-url", os.Getenv("PUBLIC_URL"), "where links in mails lead (default: the address)")
	c.Flags().DurationVar(&f.window, "window", 24*time.Hour, "how far back a drift check looks")
	c.Flags().IntVar(&f.windowRows, "window-rows", 0, "a drift check looks at the newest so many rows of that time (default: at all)")
	c.Flags().StringSliceVar(&f.off, "off", nil, "schedules that do not run: sweep, retrain, drift, weekly")
	return c
}

func envOr(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func (a *app) serve(ctx context.Context, f serveFlags) error {
	started := time.Now()
	listener, err := net.Listen("tcp", f.addr)
	if err != nil {
		return usage{fmt.Errorf("listen on %s: %w (choose another with --addr, or PORT=.. make run)", f.addr, err)}
	}
	defer listener.Close()
	if strings.HasSuffix(f.addr, ":0") { // any free port: now it is known which
		f.addr = listener.Addr().String()
	}
	if f.publicURL == "" {
		f.publicURL = "http://" + f.addr
	}
	bar := newBar(a.err)
	h, err := host.Open(host.Options{Dir: f.state, Now: time.Now, PublicURL: f.publicURL, APIKey: os.Getenv("MLOPS_API_KEY"), Window: f.window, WindowRows: f.windowRows, Off: f.off, Progress: bar.show,
		Log: slog.New(slog.NewJSONHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return err
	}
	defer h.Close()
	if err := h.State.Announce(listener.Addr().String()); err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(ctx)
	busDone := make(chan error, 1)
	go func() { busDone <- h.State.Bus.Run(ctx) }()
	defer func() { cancel(); <-busDone }() // no handler may still write when the state is closed

	server := &http.Server{Handler: h.HTTP, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second, WriteTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	if err := a.begin(ctx, h, f); err != nil {
		return err
	}
	a.welcome(ctx, h, f, time.Since(started))

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		down, done := context.WithTimeout(context.Background(), 5*time.Second)
		defer done()
		return server.Shutdown(down)
	}
}

// begin takes the first table in where the state is empty, or goes on with what a crash interrupted, until there is an answer.
func (a *app) begin(ctx context.Context, h *host.Host, f serveFlags) error {
	empty, err := h.Empty(ctx)
	if err != nil {
		return err
	}
	var id string
	if empty && f.data != "" {
		body, err := os.ReadFile(f.data)
		if err != nil {
			return usage{fmt.Errorf("read the data: %w", err)}
		}
		u := event.Upload{Dataset: f.modelName(), Target: f.target, Positive: f.positive, Task: f.task, Ignore: f.ignore, Actor: "operator"}
		a.printf("upload    %s: %d bytes, through the same way as POST /datasets/%s\n", f.data, len(body), u.Dataset)
		if id, err = h.Ingest.Accept(ctx, u, dataset.ExtensionOf(f.data, body), body); err != nil {
			return err
		}
	} else if id, err = unfinished(ctx, h); err != nil || id == "" {
		return err
	}
	return a.follow(ctx, h, id)
}

// unfinished is the ingestion that was under way when the platform stopped and has no model yet, or "".
func unfinished(ctx context.Context, h *host.Host) (string, error) {
	names, err := h.State.Store.Models(ctx)
	if err != nil {
		return "", err
	}
	for _, n := range names {
		if _, err := h.Loader.Champion(ctx, n); err == nil {
			return "", nil // something serves: what is under way goes on behind it
		}
	}
	docs, err := h.State.Store.ListRecent(ctx, "job", "", "", 20)
	if err != nil {
		return "", err
	}
	for _, d := range docs {
		var j job.Job
		if err := json.Unmarshal(d.Body, &j); err == nil && (j.Status == job.Queued || j.Status == job.Running) {
			return j.ID, nil
		}
	}
	return "", nil
}

// follow prints the stages of a job until it ends.
func (a *app) follow(ctx context.Context, h *host.Host, id string) error {
	told := 0
	for {
		var j job.Job
		if _, err := h.State.Store.Get(ctx, control.Job(id), &j); err != nil {
			return err
		}
		lines := stages(j)
		for ; told < len(lines); told++ {
			a.printf("%s\n", lines[told])
		}
		switch j.Status {
		case job.Failed:
			return fault.Invalidf("the data was not taken: %s", j.Error).With(j.Detail...)
		case job.Succeeded:
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stages are the stages that a job has behind it, one line each, by what they made: a quick one may pass between two looks.
func stages(j job.Job) []string {
	var lines []string
	if v := j.Result["data_version"]; v != "" {
		lines = append(lines, fmt.Sprintf("validate  passed: data version %.12s", v))
	}
	if v := j.Result["version"]; v != "" {
		lines = append(lines, fmt.Sprintf("train     version %s: %s, artefact %.12s", v, j.Result["algorithm"], j.Result["sha256"]))
	}
	if d := j.Result["decision"]; d != "" {
		lines = append(lines, "gate      "+d)
	}
	return lines
}

func (a *app) welcome(ctx context.Context, h *host.Host, f serveFlags, took time.Duration) {
	code := rand.Text()
	a.printf("\nready in %.1f s on %s, state in %s\n", took.Seconds(), f.publicURL, f.state)
	a.printf("dashboard   %s%s   (once)\n", f.publicURL, h.Edge.SignIn(code))
	a.printf("predict key %s\noperate key %s\n", h.Keys.Predict, h.Keys.Operate)
	names, err := h.State.Store.Models(ctx)
	if err != nil || len(names) == 0 {
		a.printf("there is no model yet:\n  curl -X POST --data-binary @data.csv -H 'x-api-key: %s' '%s/datasets/mymodel?target=COLUMN'\n", h.Keys.Operate, f.publicURL)
		return
	}
	for _, n := range names {
		s, err := h.Loader.Champion(ctx, n)
		if err != nil {
			a.printf("%s: %s\n", n, messages(err))
			continue
		}
		a.printf("%s version %d (%s) answers:\n  curl -s '%s/predict?model=%s' -H 'x-api-key: %s' -H 'content-type: application/json' -d '%s'\n",
			n, s.Version, s.Algorithm, f.publicURL, n, h.Keys.Predict, exampleBody(ctx, h, s))
	}
}

// exampleBody is the first golden row of the version that serves.
func exampleBody(ctx context.Context, h *host.Host, s *serving.Served) string {
	var g struct {
		Rows []struct {
			Features json.RawMessage `json:"features"`
		} `json:"rows"`
	}
	b, err := h.State.Data.Get(ctx, fmt.Sprintf("reference/%s/%d/golden.json", s.Name, s.Version), 16<<20)
	if err != nil || json.Unmarshal(b, &g) != nil || len(g.Rows) == 0 {
		return "{}"
	}
	return strings.ReplaceAll(string(g.Rows[0].Features), "'", `'\''`)
}

var notName = regexp.MustCompile(`[^a-z0-9._-]+`)

// modelName is --name, or the file's stem as a name.
func (f serveFlags) modelName() string {
	if f.name != "" {
		return f.name
	}
	return stem(f.data)
}

func stem(file string) string {
	base := strings.ToLower(filepath.Base(file))
	for _, ext := range []string{".gz", ".zst", ".csv", ".jsonl", ".ndjson", ".json", ".parquet", ".txtar"} {
		base = strings.TrimSuffix(base, ext)
	}
	name := strings.Trim(notName.ReplaceAllString(base, "-"), "-._")
	if name == "" {
		return "model"
	}
	return name[:min(len(name), 64)]
}

func fileExtension(file string) string {
	base := filepath.Base(file)
	if i := strings.IndexByte(base, '.'); i >= 0 {
		return strings.ToLower(base[i:])
	}
	return ".csv"
}
