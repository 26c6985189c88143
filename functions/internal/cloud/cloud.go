// Package cloud joins a function's handler to AWS: it reads the configuration, opens what the platform is kept in, guards the HTTP routes by
// the topology, and starts. It links no handler, so that a function's main links only its own.
package cloud

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"mlops/functions/internal/idempotency"
	"mlops/functions/internal/intake"
	"mlops/shared/config"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/platform/aws"
	"mlops/shared/platform/start"
	"mlops/shared/platform/store"
	"mlops/shared/topology"
)

// Platform is what a handler is made of.
type Platform struct {
	Account aws.Account
	Store   *store.Store
	Data    Bucket
	Models  Bucket
	Log     *slog.Logger
	Now     func() time.Time
	NewID   func() string // ULIDs

	outbox *aws.Outbox
	data   *aws.Blobs
	bucket string // the data bucket's name
}

// Doors are what a function answers to.
type Doors struct {
	HTTP   http.Handler
	Event  func(ctx context.Context, e event.Event) error
	Object func(ctx context.Context, o start.Object, body []byte, metadata map[string]string) error // an object that somebody laid into the data bucket
	Limit  int64                                                                                    // of such an object, bytes
	Probe  string                                                                                   // API Gateway's id of the platform's own key
}

// Main is the main of a function: it reads the configuration, lets make join the handler, and serves until the environment ends.
func Main[T any, P config.Bound[T]](name topology.Function, make func(c T, p *Platform) (Doors, error)) {
	log := start.NewLog(name)
	slog.SetDefault(log)
	c, err := config.Load[T, P](os.Getenv)
	if err != nil {
		start.Fail(log, name, err)
	}
	p, err := open(context.Background(), P(&c).Common(), log)
	if err != nil {
		start.Fail(log, name, err)
	}
	doors, err := make(c, p)
	if err != nil {
		start.Fail(log, name, err)
	}
	f := p.function(name, P(&c).Common().Stage, doors)
	f.Serve()
}

func open(ctx context.Context, c config.Platform, log *slog.Logger) (*Platform, error) {
	account, err := aws.Open(ctx)
	if err != nil {
		return nil, err
	}
	table := account.Table(aws.Tables{Control: c.ControlTable, Audit: c.AuditTable, Idempotency: c.IdempotencyTable}, time.Now)
	p := &Platform{Account: account, Store: store.New(table, time.Now), Log: log, Now: time.Now, NewID: store.NewIDs(time.Now, nil).Next}
	p.outbox = account.Outbox(table, c.EventBus)
	p.Store.OnEvents = p.outbox.Wake
	p.data, p.bucket = account.Blobs(c.DataBucket), c.DataBucket
	p.Data, p.Models = Bucket{p.data}, Bucket{account.Blobs(c.ModelBucket)}
	return p, nil
}

// function joins doors to what starts them.
func (p *Platform) function(name topology.Function, stage string, d Doors) *start.Function {
	f := &start.Function{Name: name, Stage: stage, After: p.after, Tracer: p.Account.Tracer(), Log: p.Log}
	if d.HTTP != nil {
		f.HTTP = Guard(topology.Of(name), d.Probe, &idempotency.Keeper{Notes: p.Store, Now: p.Now, Log: p.Log}, d.HTTP)
	}
	if d.Event != nil {
		f.Event = func(ctx context.Context, e event.Event) error {
			if e.Type == event.SweepRequested { // what another function could not publish leaves now
				p.outbox.Wake()
			}
			return d.Event(ctx, e)
		}
	}
	if d.Object != nil {
		f.Object = func(ctx context.Context, o start.Object) error { return p.object(ctx, o, d) }
	}
	return f
}

// after publishes what the work committed. What cannot be published stays in the outbox for the agent's sweep.
func (p *Platform) after(ctx context.Context) {
	if !p.outbox.Waiting() {
		return
	}
	n, err := p.outbox.Drain(ctx)
	start.Count(ctx, "EventsPublished", float64(n))
	if err != nil {
		start.Count(ctx, "EventsKept", 1)
		p.Log.ErrorContext(ctx, "events stay in the outbox until the next sweep", "error", err.Error())
	}
}

// object reads an object that somebody laid where files are taken in. What the platform put there itself is named by its digest, and was
// announced by an event of its own.
func (p *Platform) object(ctx context.Context, o start.Object, d Doors) error {
	part := strings.Split(o.Key, "/")
	if o.Bucket != p.bucket || len(part) < 3 || !slices.Contains(topology.Intake, part[0]+"/") {
		return fault.Invalidf("the object %.200q of bucket %s is in no place for uploads: <dataset>/<file> under %s of %s", o.Key, o.Bucket, strings.Join(topology.Intake, " or "), p.bucket)
	}
	if part[0] == "raw" && ours(part[len(part)-1]) {
		return nil
	}
	metadata, err := p.data.Metadata(ctx, o.Key)
	if err != nil {
		return err
	}
	body, err := p.Data.Get(ctx, o.Key, d.Limit)
	if err != nil {
		return err
	}
	return d.Object(ctx, o, body, metadata)
}

// ours reports whether a file is named by a SHA-256, as the platform names what it puts into raw/. A file that a person named so is taken in
// under uploads/.
func ours(file string) bool {
	stem, _, _ := strings.Cut(file, ".")
	return len(stem) == 64 && strings.Trim(stem, "0123456789abcdef") == ""
}

// Once does something that no transaction holds, such as a mail, unless it was done before under this name. A crash between the deed and
// its record does it twice.
func (p *Platform) Once(ctx context.Context, name string, do func() error) error {
	done, err := p.Store.Done(ctx, name)
	if done || err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return p.Store.Commit(ctx, control.Change{Op: name})
}

// Stale says that a version which should serve cannot be loaded, and which one goes on.
func (p *Platform) Stale(ctx context.Context, name string, version int, err error) {
	start.Count(ctx, topology.ServedStale, 1)
	p.Log.ErrorContext(ctx, "the champion cannot be loaded: the last good version goes on", "model", name, "version", version, "error", err.Error())
}

// Config reads an operator's override, config/<name>.yaml in the data bucket; nil when there is none.
func (p *Platform) Config(ctx context.Context, name string) ([]byte, error) {
	b, err := p.Data.Get(ctx, "config/"+name+".yaml", 1<<20)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return b, err
}

// Sign makes the address of an upload, with the words that are to stand beside the object.
func (p *Platform) Sign(key string, metadata map[string]string, expires time.Time) (intake.Signed, error) {
	address, headers, err := p.data.Sign(context.Background(), key, metadata, expires.Sub(p.Now()))
	return intake.Signed{URL: address, Headers: headers, MaxBytes: MaxUpload}, err
}

// Bucket is a bucket as handlers know it. What passes through it is counted: predictions captured, and the time it takes to load a model.
type Bucket struct{ blobs *aws.Blobs }

// Create stores an object once.
func (b Bucket) Create(ctx context.Context, key string, body []byte) error {
	err := b.blobs.Create(ctx, key, body)
	if rest, ok := strings.CutPrefix(key, "capture/"); ok {
		name := "PredictionCount"
		if strings.Contains(rest, "/rejected/") {
			name = "PredictionErrors"
		}
		if err != nil && !fault.Is(err, fault.Conflict) { // a Conflict: a batch that was delivered again, captured by the version that served then
			name = "CaptureLost"
		}
		start.Count(ctx, name, float64(strings.Count(string(body), "\n")))
		model, _, _ := strings.Cut(rest, "/")
		start.Note(ctx, "model", model)
	}
	return err
}

// Get reads an object.
func (b Bucket) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	began := time.Now()
	body, err := b.blobs.Get(ctx, key, limit)
	if strings.HasSuffix(key, "/model.bin") && err == nil {
		start.Milliseconds(ctx, "ModelLoadMs", time.Since(began))
	}
	return body, err
}

// List tells keys.
func (b Bucket) List(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	objects, err := b.blobs.List(ctx, prefix, after, limit)
	keys := make([]string, len(objects))
	for i := range objects {
		keys[i] = objects[i].Key
	}
	return keys, err
}

// Emit writes a line for CloudWatch to where the function's log goes: CloudWatch makes metrics of those in its embedded metric format.
func Emit(line []byte) { os.Stdout.Write(append(line, '\n')) }
