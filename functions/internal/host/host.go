// Package host is the platform on one machine: the same handlers as in the cloud, wired by the same topology, on a folder and an embedded
// store instead of buckets and tables.
package host

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"mlops/functions/internal/agent"
	"mlops/functions/internal/approve"
	"mlops/functions/internal/dashboard"
	"mlops/functions/internal/driftcheck"
	"mlops/functions/internal/edge"
	"mlops/functions/internal/idempotency"
	"mlops/functions/internal/job"
	"mlops/functions/internal/predict"
	"mlops/functions/internal/probe"
	"mlops/functions/internal/report"
	"mlops/functions/internal/serving"
	"mlops/functions/internal/settings"
	"mlops/functions/internal/train"
	"mlops/functions/internal/validate"
	"mlops/shared/approval"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/platform/local"
	"mlops/shared/platform/store"
	"mlops/shared/topology"
	"mlops/shared/training"
)

// Options are what a person chooses about a host.
type Options struct {
	Dir        string           // of the state
	Now        func() time.Time // the platform's clock
	PublicURL  string           // where links lead
	APIKey     string           // opens predict and operate; "" = keys made once and kept
	Window     time.Duration    // of a drift check
	WindowRows int              // a drift check looks at the newest so many rows of that time; 0 = at all
	Progress   func(training.Progress)
	Attempts   int      // of a delivery; 0 = the bus's default
	Off        []string // names of schedules that do not run
	Log        *slog.Logger
}

// Host is a platform on one machine.
type Host struct {
	State   *local.State
	Keys    edge.Keys
	Edge    *edge.Edge
	HTTP    http.Handler
	Ingest  *validate.Handler
	Loader  *serving.Loader
	options Options
}

// bucket lists keys, which is all that handlers want of a listing.
type bucket struct{ *local.Blobs }

func (b bucket) List(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	objects, err := b.Blobs.List(ctx, prefix, after, limit)
	keys := make([]string, len(objects))
	for i := range objects {
		keys[i] = objects[i].Key
	}
	return keys, err
}

var _ store.Blobs = (*local.Blobs)(nil)

// Open opens the state and wires every function to it. Close it when done.
func Open(o Options) (*Host, error) {
	state, err := local.Open(o.Dir, o.Now)
	if err != nil {
		return nil, err
	}
	h := &Host{State: state, options: o}
	if err := h.wire(); err != nil {
		state.Close()
		return nil, err
	}
	if err := h.Ingest.Refresh(context.Background()); err != nil { // no reason not to serve
		o.Log.Error("the rules for requests stay as they were", "error", err)
	}
	return h, nil
}

// Close gives the state free.
func (h *Host) Close() error { return h.State.Close() }

func (h *Host) wire() error {
	policies, driftSettings, rule, recipes := settings.Agent(h.config, []string{owner}), settings.Drift(h.config), settings.Selection(h.config), settings.Features(h.config)
	configured := settings.Models(h.config)
	checkpoints, qualityPolicy := settings.Checkpoints(h.config), settings.Quality(h.config)
	if err := errors.Join(readable(policies), readable(driftSettings), readable(rule), readable(recipes), readable(checkpoints), readable(qualityPolicy), readable(configured)); err != nil {
		return err
	}
	if err := h.secrets(); err != nil {
		return err
	}
	macKey, err := h.State.Key("approval", 32)
	if err != nil {
		return err
	}
	mac, verify := approval.HMAC(macKey)
	o, s := h.options, h.State
	data, models := bucket{s.Data}, bucket{s.Models}
	id := s.IDs.Next
	h.Loader = &serving.Loader{Control: s.Store, Artefacts: s.Models, Now: o.Now, Stale: func(ctx context.Context, name string, version int, err error) {
		o.Log.ErrorContext(ctx, "the champion cannot be loaded: the last good version goes on", "model", name, "version", version, "error", err)
	}}
	h.Edge = &edge.Edge{Keys: h.Keys, Now: o.Now, NewID: id, Log: o.Log, Once: &idempotency.Keeper{Notes: s.Store, Now: o.Now, Log: o.Log}}

	h.Ingest = &validate.Handler{Control: s.Store, Blobs: data, Now: o.Now, NewID: id, Selection: rule, Drift: settings.DriftPolicy(h.config), Checkpoints: checkpoints, Quality: qualityPolicy, Log: o.Log}
	trainer := &train.Handler{Control: s.Store, Blobs: data, Artefacts: models, Now: o.Now, NewID: id, Threads: runtime.GOMAXPROCS(0), MemoryMB: train.Memory(), Progress: o.Progress, Features: recipes, Models: configured, Selection: rule, Drift: settings.DriftPolicy(h.config), Log: o.Log}
	predictor := &predict.Handler{Models: h.Loader, Blobs: data, Control: s.Store, Default: predict.DefaultModel(s.Store, ""), Now: o.Now, NewID: id, Started: o.Now(), Log: o.Log}
	drifter := &driftcheck.Handler{Control: s.Store, Blobs: data, Loader: h.Loader, Settings: driftSettings, Quality: qualityPolicy, Span: driftcheck.Span{Window: o.Window, Rows: o.WindowRows}, Stage: "local", Expire: s.Data.Expire, Now: o.Now, NewID: id, Log: o.Log}
	reporter := &report.Handler{Control: s.Store, Blobs: data, Price: report.Price, Now: o.Now, NewID: id, Log: o.Log}
	approver := &approve.Handler{Control: s.Store, Verify: verify, Now: o.Now, NewID: id, Log: o.Log}
	shown := &dashboard.Handler{Control: s.Store, Blobs: data, Mails: h.mails, Now: o.Now, Log: o.Log}
	decider := &agent.Handler{Control: s.Store, Blobs: data, Loader: h.Loader, Prober: probe.Prober{Key: h.probeKey, Client: inside{h}}, Mint: mac, Send: h.send, Alert: h.send, Policy: policies,
		Base: o.PublicURL, Owner: owner, Now: o.Now, NewID: id, Nonce: store.Nonce, Log: o.Log}

	signer, err := h.State.Key("upload", 32)
	if err != nil {
		return err
	}
	taken := &uploads{h, signer}
	h.Ingest.Sign, h.Edge.Uploads = taken.sign, taken

	functions := map[topology.Function]http.Handler{
		topology.Predict: predictor.Routes(), topology.Train: trainer.Routes(), topology.Validate: h.Ingest.Routes(), topology.DriftCheck: drifter.Routes(),
		topology.Agent: decider.Routes(), topology.Report: reporter.Routes(), topology.Approve: approver.Routes(), topology.Dashboard: shown.Routes(),
	}
	if h.HTTP, err = h.Edge.Handler(functions); err != nil {
		return err
	}
	return h.subscribe(map[topology.Function]func(context.Context, event.Event) error{
		topology.Train: trainer.Event, topology.Validate: h.Ingest.Event, topology.DriftCheck: drifter.Event, topology.Predict: predictor.Event, topology.Agent: decider.Event, topology.Report: reporter.Event,
	})
}

// subscribe wires the events and schedules of the topology.
func (h *Host) subscribe(doors map[topology.Function]func(context.Context, event.Event) error) error {
	h.State.Bus.OnFailure = func(f local.Failure) {
		level := slog.LevelWarn
		if f.Dead {
			level = slog.LevelError
		}
		h.options.Log.Log(context.Background(), level, "an event was not handled", "function", f.Function, "event", f.Event.Type, "id", f.Event.ID, "attempt", f.Attempt, "given_up", f.Dead, "error", f.Err)
		if f.Dead {
			h.abandon(f)
		}
	}
	for _, spec := range topology.Functions {
		if len(spec.Subscribes) == 0 {
			continue
		}
		do := doors[spec.Name]
		if do == nil {
			return fmt.Errorf("wire the events of %s: it has no handler", spec.Name)
		}
		if err := h.State.Bus.Subscribe(local.Subscriber{Function: string(spec.Name), Types: spec.Subscribes, Handle: do, Concurrency: spec.Concurrency, Attempts: h.options.Attempts, Timeout: spec.Timeout}); err != nil {
			return err
		}
	}
	var known []string
	for _, s := range topology.Schedules() {
		known = append(known, s.Name)
		if slices.Contains(h.options.Off, s.Name) {
			continue
		}
		if err := h.State.Bus.Schedule(local.Schedule{Name: s.Name, Every: s.Every, Offset: s.Offset, Type: s.Event, Payload: s.Payload()}); err != nil {
			return err
		}
	}
	for _, name := range h.options.Off {
		if !slices.Contains(known, name) {
			return fault.Invalidf("there is no schedule %.40q to be off: there are %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}

// abandon ends the job that an event given up belonged to: nobody would ever end it otherwise.
func (h *Host) abandon(f local.Failure) {
	var of struct {
		Job string `json:"job"`
	}
	if json.Unmarshal(f.Event.Detail, &of) != nil || of.Job == "" {
		return
	}
	ctx, ended := context.Background(), true
	docs, err := job.Advance(ctx, h.State.Store, of.Job, h.options.Now(), func(j *job.Job) {
		if ended = j.Ended(); !ended {
			job.Fail(f.Err)(j)
		}
	})
	if err == nil && !ended {
		err = h.State.Store.Commit(ctx, control.Change{Put: docs})
	}
	if err != nil {
		h.options.Log.Error("a job could not be ended", "job", of.Job, "error", err)
	}
}

// secrets makes the keys once, and keeps them.
func (h *Host) secrets() error {
	session, err := h.State.Key("session", 32)
	if err != nil {
		return err
	}
	h.Keys.Session = session
	for name, into := range map[string]*string{"api-predict": &h.Keys.Predict, "api-operate": &h.Keys.Operate, "api-probe": &h.Keys.Probe} {
		b, err := h.State.Key(name, 20)
		if err != nil {
			return err
		}
		*into = hex.EncodeToString(b)
	}
	if h.options.APIKey != "" {
		h.Keys.Operate = h.options.APIKey
		h.Keys.Predict = h.options.APIKey
	}
	return nil
}

func (h *Host) config(_ context.Context, name string) ([]byte, error) {
	b, err := h.State.Config(name)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return b, err
}

// owner is whom a machine on its own tells, and asks where its policy names nobody.
const owner = "owner@localhost"

// readable reads a configuration once, so that a wrong one is said at start-up and not when something has happened.
func readable[T any](read func(context.Context) (T, error)) error {
	_, err := read(context.Background())
	return err
}

func (h *Host) send(ctx context.Context, m agent.Mail) error {
	return h.State.Mails.Send(ctx, local.Mail{To: m.To, Subject: m.Subject, Body: m.Body, ID: m.ID})
}

func (h *Host) mails(ctx context.Context) ([]dashboard.Mail, error) {
	all, err := h.State.Mails.List(ctx)
	out := make([]dashboard.Mail, len(all))
	for i, m := range all {
		out[i] = dashboard.Mail{ID: m.ID + "-" + m.To, To: m.To, Subject: m.Subject, Body: m.Body, At: m.At}
	}
	return out, err
}

// Empty reports whether the state has no model and nothing on its way to one.
func (h *Host) Empty(ctx context.Context) (bool, error) {
	names, err := h.State.Store.Models(ctx)
	if err != nil || len(names) > 0 {
		return false, err
	}
	docs, err := h.State.Store.List(ctx, "job", "", "", 1000)
	for _, d := range docs {
		var j job.Job
		if json.Unmarshal(d.Body, &j) == nil && !j.Ended() {
			return false, err
		}
	}
	return err == nil, err
}

// StateFile is a path inside the state.
func (h *Host) StateFile(name string) string { return filepath.Join(h.options.Dir, name) }
