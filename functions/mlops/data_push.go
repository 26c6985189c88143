package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mlops/functions/internal/door"
	"mlops/shared/fault"
	"mlops/shared/platform/local"
	"mlops/shared/topology"
)

// dataPushCommand sends a file to a dataset: in a request where it is small, else by an address that the platform signs.
func dataPushCommand(a *app) *cobra.Command {
	var r remote
	var name, target, positive, task, ignore, segment string
	var wait bool
	c := &cobra.Command{
		Use: "push <file>", Short: "Send a table to a dataset, of any size: it is validated, and trained on", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			info, err := os.Stat(args[0])
			if err != nil {
				return usage{fmt.Errorf("read the data: %w", err)}
			}
			if name == "" {
				name = stem(args[0])
			}
			q := url.Values{}
			for k, v := range map[string]string{"target": target, "positive": positive, "task": task, "ignore": ignore, "segment": segment} {
				if v != "" {
					q.Set(k, v)
				}
			}
			id, err := r.push(c.Context(), args[0], info.Size(), name, q)
			if err != nil {
				return err
			}
			a.answer = map[string]string{"job_id": id, "dataset": name}
			if !a.json {
				a.printf("%s: %d bytes, job %s\n", name, info.Size(), id)
			}
			if !wait {
				return nil
			}
			started, err := json.Marshal(a.answer)
			if err != nil {
				return err
			}
			return r.wait(c.Context(), started)
		},
	}
	c.Flags().StringVar(&name, "dataset", "", "the dataset (default: the file's stem)")
	c.Flags().StringVar(&target, "target", "", "what is predicted: a column or a comparison")
	c.Flags().StringVar(&positive, "positive", "", "the positive class")
	c.Flags().StringVar(&task, "task", "", "binary, multiclass or regression")
	c.Flags().StringVar(&ignore, "ignore", "", "columns that are not features, a,b")
	c.Flags().StringVar(&segment, "segment", "", "columns whose groups the gate looks at, a,b")
	c.Flags().BoolVar(&wait, "wait", false, "until the job has ended")
	r.flags(c)
	return c
}

// push sends the file and gives the job.
func (r *remote) push(ctx context.Context, file string, size int64, name string, q url.Values) (string, error) {
	route := "/datasets/" + url.PathEscape(name)
	if size <= topology.UploadBody && plain(file) {
		body, err := os.ReadFile(file)
		if err != nil {
			return "", usage{err}
		}
		b, err := r.send(ctx, http.MethodPost, route+"?"+q.Encode(), mediaType(file), body)
		if err != nil {
			return "", err
		}
		return jobOf(b)
	}
	b, err := r.call(ctx, http.MethodPost, route+"/upload-url?"+q.Encode(), nil)
	if err != nil {
		return "", err
	}
	var s struct {
		URL      string
		Headers  map[string]string
		MaxBytes int64 `json:"max_bytes"`
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return "", err
	}
	if size > s.MaxBytes {
		return "", fault.Invalidf("%s has %d bytes, more than the %d that are taken: compress it (gzip, zstd), or send Parquet", file, size, s.MaxBytes).WithCode(fault.CodeTooLarge)
	}
	f, err := os.Open(file)
	if err != nil {
		return "", usage{err}
	}
	defer f.Close()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, s.URL, f)
	if err != nil {
		return "", err
	}
	req.ContentLength = size
	for name, value := range s.Headers {
		req.Header.Set(name, value)
	}
	if err := r.put(ctx, req); err != nil {
		return "", fault.Wrap(err, "put %s to the address that was signed for it", file)
	}
	return jobOf(b)
}

// put sends a file to a signed address: to a bucket, to the server that holds the state, or where none does to the platform in this process.
func (r *remote) put(ctx context.Context, req *http.Request) error {
	if r.url == "" {
		if _, key, ok := strings.Cut(req.URL.Path, "/uploads/"); ok { // the public address may lie behind a proxy, under a path of its own
			req.URL.Path = "/uploads/" + key
		}
		h, err := r.open()
		if err == nil {
			defer h.Close()
			w := &door.Recorder{}
			h.HTTP.ServeHTTP(w, req)
			if _, err := answered(w.Status(), w.Body.Bytes()); err != nil {
				return err
			}
			return h.State.Bus.Drain(ctx)
		}
		var held *local.Held
		if !errors.As(err, &held) {
			return err
		}
		if held.Addr != "" {
			req.URL.Scheme, req.URL.Host, req.Host = "http", held.Addr, ""
		}
	}
	client := http.Client{Timeout: time.Hour}
	res, err := client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // the address is a secret while it lasts
			err = u.Err
		}
		return fault.Unavailablef("reach %s", req.URL.Host).Because(err)
	}
	defer res.Body.Close()
	said, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fault.Unavailablef("read the answer of %s", req.URL.Host).Because(err)
	}
	_, err = answered(res.StatusCode, bytes.TrimSpace(said))
	return err
}

func jobOf(b json.RawMessage) (string, error) {
	var s struct {
		Job string `json:"job_id"`
	}
	err := json.Unmarshal(b, &s)
	return s.Job, err
}

// plain reports whether a request's body may be the file: uncompressed CSV or JSON Lines.
func plain(file string) bool { return mediaType(file) != "" }

// mediaType is the content type of a file, "" where a request does not take it.
func mediaType(file string) string {
	switch ext := fileExtension(file); {
	case strings.HasSuffix(ext, ".csv"):
		return "text/csv"
	case strings.HasSuffix(ext, ".jsonl"), strings.HasSuffix(ext, ".ndjson"), strings.HasSuffix(ext, ".json"):
		return "application/x-ndjson"
	}
	return ""
}
