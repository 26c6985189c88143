// Package serving holds model versions in memory: the champion that answers, and any version that is to be judged beside it.
package serving

import (
	"context"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"sync"
	"time"

	"mlops/shared/control"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/registry"
	"mlops/shared/rule"
)

// MaxArtefact is the largest model.bin that is loaded, bytes.
const MaxArtefact = 256 << 20

// Served is a model version in memory, ready to answer.
type Served struct {
	*model.Model
	Name     string
	Version  int
	SHA256   string
	Data     string   // data version it was trained on
	Ignored  []string // columns of its data that are not features: accepted in a request, and not used
	LoadedAt time.Time
	ruled    bool          // Rules have been looked for
	Rules    *rule.Checker // what requests are checked by beside the model's own needs; nil = nothing
}

// Loader keeps the champion of each model in memory. It looks at the alias again when TTL has passed, and goes on with the last good
// version when the look fails: a control plane that is down must not take predictions down.
type Loader struct {
	Control interface {
		Get(ctx context.Context, key control.Key, into any) (int64, error)
	}
	Artefacts interface {
		Get(ctx context.Context, key string, limit int64) ([]byte, error)
	}
	TTL   time.Duration
	Now   func() time.Time
	Stale func(ctx context.Context, name string, version int, err error) // told when the champion cannot be loaded and this version, the last good one, goes on; nil = nobody

	mu     sync.Mutex
	models map[string]*entry
}

type entry struct {
	mu      sync.Mutex
	served  *Served
	checked time.Time
	ruled   time.Time // when the rules for requests were looked at
}

// rulesTTL is how long the rules for requests are taken to be as they were.
const rulesTTL = 10 * time.Second

// Champion gives the version that the champion alias points to. NotFound: no such model; Unavailable: it has no champion yet, or it
// cannot be loaded and none was loaded before.
func (l *Loader) Champion(ctx context.Context, name string) (*Served, error) {
	l.mu.Lock()
	if l.models == nil {
		l.models = map[string]*entry{}
	}
	e := l.models[name]
	if e == nil {
		e = &entry{}
		if registry.ValidName(name) && len(l.models) < 1000 {
			l.models[name] = e
		}
	}
	l.mu.Unlock()

	e.mu.Lock()
	defer e.mu.Unlock()
	now := l.Now()
	if e.served != nil && now.Sub(e.checked) < l.TTL && !now.Before(e.checked) {
		return e.served, nil
	}
	s, err := l.load(ctx, name, e.served)
	if err != nil {
		if e.served != nil && !fault.Is(err, fault.NotFound) {
			e.checked = now
			if l.Stale != nil {
				l.Stale(ctx, name, e.served.Version, err)
			}
			return e.served, nil
		}
		return nil, err
	}
	e.served, e.checked = s, now
	l.rules(ctx, name, e, now)
	return e.served, nil
}

// rules looks at the rules for requests again when their time is over. Where they cannot be read, or do not compile, the version goes on with those it
// has, and the next request looks again: a control plane that is down must not take predictions down.
func (l *Loader) rules(ctx context.Context, name string, e *entry, now time.Time) {
	s := e.served
	if !e.ruled.IsZero() && now.Sub(e.ruled) < rulesTTL && !now.Before(e.ruled) && s.ruled {
		return
	}
	var set rule.Set
	if _, err := l.Control.Get(ctx, control.Requests(name), &set); err != nil && !fault.Is(err, fault.NotFound) {
		return
	}
	e.ruled = now
	if s.ruled && s.Rules.Same(set.Digest) {
		return
	}
	checker, err := set.Compile(s.reads)
	if err != nil {
		return
	}
	with := *s // others may be reading the one there is
	with.Rules, with.ruled = checker, true
	e.served = &with
}

// reads reports whether the model reads the column: a rule about any other, such as the target, says nothing of a request.
func (s *Served) reads(column string) bool {
	return slices.ContainsFunc(s.Features, func(f model.Feature) bool { return f.Name == column })
}

func (l *Loader) load(ctx context.Context, name string, have *Served) (*Served, error) {
	var state registry.State
	if _, err := l.Control.Get(ctx, control.State(name), &state); err != nil {
		return nil, fault.Wrap(err, "find the model %q", name)
	}
	v, _, ok := state.At(registry.Champion)
	if !ok {
		return nil, fault.Unavailablef("model %q has no champion yet: it is being trained, or its gate refused it", name)
	}
	if have != nil && have.SHA256 == v.SHA256 && have.Version == v.Number {
		return have, nil
	}
	return l.Version(ctx, name, v)
}

// Version loads one version, whatever its alias, and refuses bytes that are not the ones registered.
func (l *Loader) Version(ctx context.Context, name string, v registry.Version) (*Served, error) {
	dir := ArtefactDir(name, v.SHA256)
	b, err := l.Artefacts.Get(ctx, path.Join(dir, "model.bin"), MaxArtefact)
	if err != nil {
		return nil, fault.Wrap(err, "load version %d of %s", v.Number, name)
	}
	if got := model.Digest(b); got != v.SHA256 {
		return nil, fault.New(fault.Internal, "version %d of %s was registered as %.12s but its bytes are %.12s: it is not served", v.Number, name, v.SHA256, got)
	}
	m, err := model.Decode(b)
	if err != nil {
		return nil, fault.Wrap(err, "read version %d of %s", v.Number, name)
	}
	s := &Served{Model: m, Name: name, Version: v.Number, SHA256: v.SHA256, Data: v.DataVersion, LoadedAt: l.Now()}
	var about struct {
		Ignored []string `json:"ignored"`
	}
	if meta, err := l.Artefacts.Get(ctx, path.Join(dir, "metadata.json"), 4<<20); err == nil {
		if json.Unmarshal(meta, &about) == nil { // only a convenience: without it more fields of a request are unknown
			s.Ignored = about.Ignored
		}
	}
	return s, nil
}

// ArtefactDir is where a version's three files lie in the model bucket.
func ArtefactDir(name, sha string) string { return path.Join("models", name, "sha256", sha) }

// Known drops from a request's row the columns that the model's data had but the model does not use; the row itself is left as it is.
func (s *Served) Known(row map[string]any) map[string]any {
	var kept map[string]any
	for _, name := range s.Ignored {
		if _, ok := row[name]; !ok {
			continue
		}
		if kept == nil {
			kept = maps.Clone(row)
		}
		delete(kept, name)
	}
	if kept == nil {
		return row
	}
	return kept
}
