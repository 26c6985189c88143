// Package story plays one model's whole life on a platform of its own, with a clock of its own: what `make demo` prints. Every line is
// something that happened and was checked; a step that cannot be verified makes the story fail.
package story

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"mlops/functions/internal/door"
	"mlops/functions/internal/host"
	"mlops/shared/dataset"
	"mlops/shared/training"
)

// The demonstration's own policies: it acts (a new installation only proposes), and its windows and limits fit a life of three weeks.
var (
	//go:embed policy.yaml
	policyYAML []byte
	//go:embed gate.yaml
	gateYAML []byte
)

// Options say which data the story is about.
type Options struct {
	Data    string // a table; its rows fall into groups
	Target  string // "" = the last column
	ShiftBy string // the column of the groups: the first one is trained on, the second one comes later
	Dir     string // of the state; "" = a temporary folder, removed afterwards
	Out     io.Writer
}

// clock is the story's own.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(time.Millisecond) // so that things which follow each other have times that do
	return c.t
}

var dayZero = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) // a Monday

func (c *clock) set(day, hour, minute int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := dayZero.AddDate(0, 0, day).Add(time.Duration(hour-9)*time.Hour + time.Duration(minute)*time.Minute)
	if t.After(c.t) {
		c.t = t
	}
}

// Story is one telling.
type Story struct {
	o     Options
	ctx   context.Context
	clock *clock
	host  *host.Host
	model string
	rng   *rand.Rand

	ahead map[*group][]int // rows of a group that did not come yet

	first, second *group
	groups        []string
	dropped       []string // columns that not every group records
	target        dataset.Target
	targetName    string
	labels        dataset.Labels // of all rows
	all           *dataset.Frame
	fits          int

	lastStamp string
	failures  []string
	lines     int
}

// group is the rows of one site.
type group struct {
	name string
	rows []int
}

// Tell plays the story. The error says which steps could not be verified.
func Tell(ctx context.Context, o Options) error {
	s := newStory(ctx, o)
	if err := s.read(); err != nil {
		return err
	}
	dir := o.Dir
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "mlops-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	if err := s.open(dir); err != nil {
		return err
	}
	defer s.host.Close()
	return s.tell()
}

func newStory(ctx context.Context, o Options) *Story {
	return &Story{o: o, ctx: ctx, clock: &clock{t: dayZero}, rng: rand.New(rand.NewPCG(7, 11)), ahead: map[*group][]int{}}
}

// tell plays the chapters on the platform that was opened.
func (s *Story) tell() error {
	for _, chapter := range []func() error{s.birth, s.ordinaryWeek, s.shift, s.badRelease, s.nullSurge, s.review} {
		if err := chapter(); err != nil {
			return err
		}
	}
	if len(s.failures) > 0 {
		return fmt.Errorf("%d steps of the story could not be verified: %s", len(s.failures), strings.Join(s.failures, "; "))
	}
	return nil
}

func (s *Story) open(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "config"), 0o700); err != nil {
		return err
	}
	for name, body := range map[string][]byte{"policy.yaml": policyYAML, "gate.yaml": gateYAML} {
		if err := os.WriteFile(filepath.Join(dir, "config", name), body, 0o600); err != nil {
			return err
		}
	}
	var err error
	// The story shows that the agent retrains because something happened: no other retraining happens in it.
	s.host, err = host.Open(host.Options{Dir: dir, Now: s.clock.now, PublicURL: "https://mlops.example", Window: 48 * time.Hour, Off: []string{"retrain"}, Progress: func(p training.Progress) { s.fits = p.Done },
		Log: slog.New(slog.NewTextHandler(s.o.Out, &slog.HandlerOptions{Level: slog.LevelError}))})
	return err
}

// say prints one event: when, who, what.
func (s *Story) say(who, format string, args ...any) {
	t := s.clock.t
	stamp := fmt.Sprintf("day %-2d %s", int(t.Sub(dayZero.Add(-9*time.Hour)).Hours()/24), t.Format("15:04"))
	shown := stamp
	if stamp == s.lastStamp {
		shown = strings.Repeat(" ", len(stamp))
	}
	s.lastStamp = stamp
	s.lines++
	fmt.Fprintf(s.o.Out, "%s  %-10s %s\n", shown, who, fmt.Sprintf(format, args...))
}

// verify notes a step that did not come out as it must.
func (s *Story) verify(ok bool, format string, args ...any) bool {
	if !ok {
		text := fmt.Sprintf(format, args...)
		s.failures = append(s.failures, text)
		s.say("NOT SO", "%s", text)
	}
	return ok
}

// call sends one request through the edge, as a client of that key would.
func (s *Story) call(method, path string, key string, body any) (int, []byte, error) {
	var payload []byte
	contentType := "application/json"
	switch b := body.(type) {
	case nil:
	case []byte:
		payload, contentType = b, "text/csv"
	case url.Values:
		payload, contentType = []byte(b.Encode()), "application/x-www-form-urlencoded"
	default:
		var err error
		if payload, err = json.Marshal(b); err != nil {
			return 0, nil, err
		}
	}
	r, err := http.NewRequestWithContext(s.ctx, method, path, bytes.NewReader(payload))
	if err != nil {
		return 0, nil, err
	}
	r.RemoteAddr = "203.0.113.7:40000"
	r.Header.Set("Content-Type", contentType)
	if key != "" {
		r.Header.Set("X-Api-Key", key)
	}
	w := &door.Recorder{}
	s.host.HTTP.ServeHTTP(w, r)
	return w.Status(), w.Body.Bytes(), nil
}

// must is call for a request that has to succeed; the answer is read into v.
func (s *Story) must(method, path, key string, body, v any) error {
	status, b, err := s.call(method, path, key, body)
	if err != nil {
		return err
	}
	if status >= 300 {
		return fmt.Errorf("%s %s answered %d: %.600s", method, path, status, b)
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read the answer of %s %s: %w", method, path, err)
	}
	return nil
}

// settle lets every event that is under way arrive.
func (s *Story) settle() error { return s.host.State.Bus.Drain(s.ctx) }

// tick lets the schedules run for the time it is now, and settles.
func (s *Story) tick() error {
	if err := s.host.State.Bus.Tick(s.ctx, s.clock.now()); err != nil {
		return err
	}
	return s.settle()
}
