package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mlops/functions/internal/door"
	"mlops/functions/internal/host"
	"mlops/shared/fault"
	"mlops/shared/platform/local"
)

// remote is how commands reach a platform: over HTTP, or where nobody serves the state, by opening it themselves.
type remote struct {
	state, url string
	accept     string // the content type that is wanted, where there are several
}

func (r *remote) flags(c *cobra.Command) {
	c.Flags().StringVar(&r.state, "state", envOr("MLOPS_STATE", ".local"), "the folder that holds the state")
	c.Flags().StringVar(&r.url, "url", os.Getenv("MLOPS_URL"), "a platform's address, instead of a state")
}

// call does one request and gives the answer's body.
func (r *remote) call(ctx context.Context, method, path string, body any) (json.RawMessage, error) {
	var payload []byte
	if body != nil {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	return r.send(ctx, method, path, "application/json", payload)
}

// send is call with any body.
func (r *remote) send(ctx context.Context, method, path, mediaType string, payload []byte) (json.RawMessage, error) {
	if r.url != "" {
		return r.http(ctx, strings.TrimSuffix(r.url, "/"), os.Getenv("MLOPS_API_KEY"), method, path, mediaType, payload)
	}
	if _, err := os.Stat(filepath.Join(r.state, "control.db")); err != nil {
		return nil, usage{fmt.Errorf("there is no state in %s: name one with --state, or a running platform with --url", r.state)}
	}
	b, err := r.inProcess(ctx, method, path, mediaType, payload)
	var held *local.Held
	if errors.As(err, &held) && held.Addr != "" {
		key, err := operateKey(r.state)
		if err != nil {
			return nil, err
		}
		return r.http(ctx, "http://"+held.Addr, key, method, path, mediaType, payload)
	}
	return b, err
}

// operateKey is the key of the server that holds a state, as that server reads it.
func operateKey(state string) (string, error) {
	if key := os.Getenv("MLOPS_API_KEY"); key != "" {
		return key, nil
	}
	b, err := os.ReadFile(filepath.Join(state, "keys", "api-operate"))
	if err != nil {
		return "", usage{fmt.Errorf("read the operate key of the state: %w", err)}
	}
	return strings.TrimSpace(string(b)), nil
}

func (r *remote) http(ctx context.Context, base, key, method, path, mediaType string, payload []byte) (json.RawMessage, error) {
	if _, err := url.Parse(base); err != nil {
		return nil, usage{fmt.Errorf("--url %q is no address", base)}
	}
	req, err := http.NewRequestWithContext(ctx, method, base+path, bytes.NewReader(payload))
	if err != nil {
		return nil, usage{err}
	}
	req.Header.Set("X-Api-Key", key)
	if r.accept != "" {
		req.Header.Set("Accept", r.accept)
	}
	if payload != nil {
		req.Header.Set("Content-Type", mediaType)
	}
	client := http.Client{Timeout: 60 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		return nil, fault.Unavailablef("reach the platform at %s", base).Because(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return nil, fault.Unavailablef("read the platform's answer").Because(err)
	}
	return answered(res.StatusCode, b)
}

// open opens the state as a platform in this process.
func (r *remote) open() (*host.Host, error) {
	return host.Open(host.Options{Dir: r.state, Now: time.Now, PublicURL: os.Getenv("PUBLIC_URL"), Window: 24 * time.Hour, Log: slog.New(slog.DiscardHandler)})
}

// inProcess opens the state and asks the same handlers.
func (r *remote) inProcess(ctx context.Context, method, path, mediaType string, payload []byte) (json.RawMessage, error) {
	h, err := r.open()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	req, err := http.NewRequestWithContext(ctx, method, path, bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Api-Key", h.Keys.Operate)
	if r.accept != "" {
		req.Header.Set("Accept", r.accept)
	}
	req.Header.Set("Content-Type", mediaType)
	w := &door.Recorder{}
	h.HTTP.ServeHTTP(w, req)
	if err := h.State.Bus.Drain(ctx); err != nil { // what the request set off is done before the state is closed
		return nil, err
	}
	return answered(w.Status(), w.Body.Bytes())
}

// answered turns an HTTP answer back into what it says.
func answered(status int, b []byte) (json.RawMessage, error) {
	if status < 300 {
		return b, nil
	}
	var e struct {
		Message string         `json:"message"`
		Detail  []fault.Detail `json:"detail"`
	}
	if json.Unmarshal(b, &e) != nil || e.Message == "" {
		e.Message = fmt.Sprintf("the platform answered %d: %.200s", status, b)
	}
	kinds := map[int]fault.Kind{400: fault.Invalid, 401: fault.Denied, 403: fault.Denied, 404: fault.NotFound, 409: fault.Conflict, 410: fault.Conflict, 413: fault.Invalid, 415: fault.Invalid, 429: fault.Unavailable, 503: fault.Unavailable}
	return nil, fault.New(kinds[status], "%s", e.Message).With(e.Detail...)
}

func historyCommand(a *app) *cobra.Command {
	var r remote
	var at string
	c := &cobra.Command{
		Use: "history <model>", Short: "What served when, by whom and why, from the ledger", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path := "/models/" + url.PathEscape(args[0]) + "/history"
			if at != "" {
				path += "?at=" + url.QueryEscape(at)
			}
			b, err := r.call(c.Context(), http.MethodGet, path, nil)
			if err != nil {
				return err
			}
			a.answer = b
			if a.json {
				return nil
			}
			type move struct {
				At           time.Time
				From, To     int
				Kind, Reason string
				Forced       bool
				Verified     bool
				Actor        struct{ ID string }
				Seq          int64 `json:"ledger_seq"`
				Dataset      string
				Data         string `json:"data_version"`
			}
			var h struct {
				History  []move
				Champion *move
			}
			if err := json.Unmarshal(b, &h); err != nil {
				return err
			}
			if at != "" {
				if h.Champion == nil {
					a.printf("nothing served at %s\n", at)
					return nil
				}
				h.History = []move{*h.Champion}
			}
			for _, m := range h.History {
				note := ""
				if m.Forced {
					note += ", forced past the gate"
				}
				if m.Verified {
					note += ", verified"
				}
				a.printf("%s  %-8s v%d -> v%d  of %s@%.12s  by %s%s  ledger #%d  %s\n", m.At.Format(time.RFC3339), m.Kind, m.From, m.To, m.Dataset, m.Data, m.Actor.ID, note, m.Seq, m.Reason)
			}
			return nil
		},
	}
	c.Flags().StringVar(&at, "at", "", "what served at this time (RFC 3339)")
	r.flags(c)
	return c
}

func rollbackCommand(a *app) *cobra.Command {
	var r remote
	var to, reason string
	c := &cobra.Command{
		Use: "rollback <model>", Short: "Serve an earlier version again: checked before, verified after", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if reason == "" {
				return usage{fmt.Errorf("--reason is missing: it goes into the ledger")}
			}
			b, err := r.call(c.Context(), http.MethodPost, "/models/"+url.PathEscape(args[0])+"/rollback", map[string]string{"to": to, "reason": reason})
			if err != nil {
				return err
			}
			a.answer = b
			var v struct {
				From, To string
				Verified bool
				Problem  string
				Matched  int `json:"golden_rows_matched"`
				Rows     int `json:"golden_rows"`
			}
			if err := json.Unmarshal(b, &v); err != nil {
				return err
			}
			if !a.json {
				a.printf("v%s -> v%s, %d of %d golden rows match through the serving path\n", v.From, v.To, v.Matched, v.Rows)
			}
			if !v.Verified {
				a.printf("not verified: %s\n", v.Problem)
				return errNegative
			}
			return nil
		},
	}
	c.Flags().StringVar(&to, "to", "previous", "previous, or a version's number")
	c.Flags().StringVar(&reason, "reason", "", "why")
	r.flags(c)
	return c
}

func approvalsCommand(a *app) *cobra.Command {
	var r remote
	c := &cobra.Command{
		Use: "approvals", Short: "What people were asked, and what they said", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b, err := r.call(c.Context(), http.MethodGet, "/approvals", nil)
			if err != nil {
				return err
			}
			a.answer = b
			if a.json {
				return nil
			}
			var v struct {
				Approvals []struct {
					ID, Model, Kind, Incident, Status string
					ExpiresAt                         time.Time `json:"expires_at"`
				}
			}
			if err := json.Unmarshal(b, &v); err != nil {
				return err
			}
			for _, x := range v.Approvals {
				a.printf("%s  %-8s %s of %s %s, until %s\n", x.ID, x.Status, x.Kind, x.Model, x.Incident, x.ExpiresAt.Format(time.RFC3339))
			}
			if len(v.Approvals) == 0 {
				a.printf("nobody was asked anything\n")
			}
			return nil
		},
	}
	r.flags(c)
	return c
}

func reportCommand(a *app) *cobra.Command {
	var r remote
	var model, out string
	c := &cobra.Command{
		Use: "report <kind>", Short: "Write a report now (weekly), or print the newest one of a kind (validation, drift, gate)", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			kind := args[0]
			if kind == "weekly" {
				b, err := r.call(c.Context(), http.MethodPost, "/reports", map[string]string{"kind": kind, "model": model})
				if err != nil {
					return err
				}
				if err := r.wait(c.Context(), b); err != nil {
					return err
				}
			}
			b, err := r.call(c.Context(), http.MethodGet, "/reports", nil)
			if err != nil {
				return err
			}
			var v struct {
				Reports []struct {
					ID, Kind, Model, Title, Key string
					At                          time.Time
				}
			}
			if err := json.Unmarshal(b, &v); err != nil {
				return err
			}
			for _, x := range v.Reports {
				if x.Kind != kind || model != "" && x.Model != model {
					continue
				}
				html, err := r.call(c.Context(), http.MethodGet, "/reports/"+url.PathEscape(x.ID), nil)
				if err != nil {
					return err
				}
				if out != "" {
					if err := a.write(out, html); err != nil {
						return err
					}
				}
				a.answer = x
				if !a.json {
					a.printf("%s  %s  %s\n", x.At.Format(time.RFC3339), x.Title, x.Key)
				}
				return nil
			}
			return fault.NotFoundf("there is no report of kind %q yet: weekly, validation, drift and gate exist", kind)
		},
	}
	c.Flags().StringVar(&model, "model", "", "of this model (default: all)")
	c.Flags().StringVar(&out, "out", "", "write the HTML to this file")
	r.flags(c)
	return c
}

// wait follows a job until it ends.
func (r *remote) wait(ctx context.Context, started json.RawMessage) error {
	var s struct {
		Job string `json:"job_id"`
	}
	if err := json.Unmarshal(started, &s); err != nil {
		return err
	}
	for range 600 {
		b, err := r.call(ctx, http.MethodGet, "/jobs/"+s.Job, nil)
		if err != nil {
			return err
		}
		var j struct{ Status, Error string }
		if err := json.Unmarshal(b, &j); err != nil {
			return err
		}
		switch j.Status {
		case "succeeded":
			return nil
		case "failed":
			return fault.Invalidf("%s", j.Error)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fault.Unavailablef("job %s is not done after a minute: ask GET /jobs/%s later", s.Job, s.Job)
}

func reproduceCommand(a *app) *cobra.Command {
	var r remote
	var model string
	c := &cobra.Command{
		Use: "reproduce <inference_id>", Short: "Score a recorded prediction again with the version that gave it, and compare to the last bit", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path := "/predictions/" + url.PathEscape(args[0]) + "/reproduction"
			if model != "" {
				path += "?model=" + url.QueryEscape(model)
			}
			b, err := r.call(c.Context(), http.MethodGet, path, nil)
			if err != nil {
				return err
			}
			a.answer = b
			var v struct {
				Equal   bool
				Version string `json:"model_version"`
				SHA256  string `json:"model_sha256"`
			}
			if err := json.Unmarshal(b, &v); err != nil {
				return err
			}
			if !a.json {
				a.printf("version %s (%.12s): equal bit for bit = %v\n", v.Version, v.SHA256, v.Equal)
			}
			if !v.Equal {
				return errNegative
			}
			return nil
		},
	}
	c.Flags().StringVar(&model, "model", "", "the model (default: the only one)")
	r.flags(c)
	return c
}
