// Package runtimeapi is AWS Lambda's Runtime API for one function on this machine: it starts the function's real bootstrap, hands it
// invocations as Lambda does, and takes the answers (docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html). No account, no Docker.
package runtimeapi

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Options are what a sandbox is made of.
type Options struct {
	Bootstrap string            // the function's executable
	Name      string            // of the function
	Env       map[string]string // beside what Lambda itself sets; nothing is inherited
	Memory    int               // MB, told and not enforced; 0 = 512
	Timeout   time.Duration     // of one invocation; 0 = 3 s, as Lambda's default
	Init      time.Duration     // until the function asks for its first invocation; 0 = 10 s, as Lambda's
	Output    io.Writer         // what the function writes on stdout and stderr; nil = nowhere
	Traced    bool              // the invocations' traces are kept: X-Ray sampled them
}

// Failure is an error that the function, or the sandbox around it, reports.
type Failure struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
	Stack   []any  `json:"stackTrace,omitempty"`
	Init    bool   `json:"-"` // it never became ready
}

// Error is type and message, as Lambda shows them.
func (f *Failure) Error() string { return f.Type + ": " + f.Message }

// The failures that the sandbox itself reports, as Lambda names them.
const (
	TimedOut  = "Sandbox.Timedout"
	ExitError = "Runtime.ExitError"
)

// Sandbox is one execution environment: one process, one invocation at a time.
type Sandbox struct {
	options  Options
	listener net.Listener
	server   *http.Server
	next     chan invocation
	ready    chan struct{} // closed at the first request for work
	once     sync.Once
	turn     sync.Mutex // held by the invocation under way

	mu      sync.Mutex
	cmd     *exec.Cmd
	exited  chan struct{}
	initErr *Failure
	waiting map[string]chan result
	sigterm bool         // an extension of the process asked to be told of the end
	started atomic.Int64 // nanoseconds since 1970: the function's first request may be served before spawn returns
	init    time.Duration
}

type invocation struct {
	id       string
	payload  []byte
	deadline time.Time
}

type result struct {
	answer  []byte
	failure *Failure
}

// Start starts the function and waits until it asks for work. A *Failure says why it never did.
func Start(ctx context.Context, o Options) (*Sandbox, error) {
	if o.Memory == 0 {
		o.Memory = 512
	}
	if o.Timeout == 0 {
		o.Timeout = 3 * time.Second
	}
	if o.Init == 0 {
		o.Init = 10 * time.Second
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Sandbox{options: o, listener: listener, next: make(chan invocation), ready: make(chan struct{}), waiting: map[string]chan result{}, exited: make(chan struct{})}
	s.server = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(listener) }() // ends with Close
	if err := s.spawn(); err != nil {
		s.server.Close()
		return nil, err
	}
	timer := time.NewTimer(o.Init)
	defer timer.Stop()
	select {
	case <-s.ready:
		return s, nil
	case <-s.exited:
		s.mu.Lock()
		f := s.initErr
		s.mu.Unlock()
		if f == nil {
			f = &Failure{Type: ExitError, Message: "the function ended before it was ready: " + s.cmd.ProcessState.String()}
		}
		f.Init = true
		s.Close()
		return nil, f
	case <-timer.C:
		s.Close()
		return nil, &Failure{Type: TimedOut, Message: fmt.Sprintf("the function was not ready after %s", o.Init), Init: true}
	case <-ctx.Done():
		s.Close()
		return nil, ctx.Err()
	}
}

func (s *Sandbox) spawn() error {
	path, err := filepath.Abs(s.options.Bootstrap)
	if err != nil {
		return err
	}
	cmd := exec.Command(path)
	cmd.Dir = filepath.Dir(path)
	env := map[string]string{"AWS_LAMBDA_RUNTIME_API": s.listener.Addr().String(), "AWS_LAMBDA_FUNCTION_NAME": s.options.Name, "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(s.options.Memory), "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023",
		"LAMBDA_TASK_ROOT": cmd.Dir, "_HANDLER": "bootstrap", "TZ": ":UTC", "PATH": os.Getenv("PATH"), "HOME": "/tmp"}
	for k, v := range s.options.Env {
		env[k] = v
	}
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Stdout, cmd.Stderr = s.options.Output, s.options.Output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	s.started.Store(time.Now().UnixNano())
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", path, err)
	}
	s.cmd = cmd
	go func() {
		_ = cmd.Wait() // how it ended stands in ProcessState
		close(s.exited)
	}()
	return nil
}

// InitTime is how long the function took from the start of its process to its first request for work.
func (s *Sandbox) InitTime() time.Duration { return s.init }

// PeakMemory is the most memory the process held, bytes; 0 where the system does not tell.
func (s *Sandbox) PeakMemory() int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kb, _ := strconv.ParseInt(fields[0], 10, 64) // 0 = not told
	return kb << 10
}

// Invoke lets the function do one invocation, and gives its answer or the *Failure that it reported. One that is not done at its deadline is
// killed, as is one that panicked or ended: then the sandbox is over.
func (s *Sandbox) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	in := invocation{id: requestID(), payload: payload, deadline: time.Now().Add(s.options.Timeout)}
	done := make(chan result, 1)
	s.mu.Lock()
	s.waiting[in.id] = done
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.waiting, in.id)
		s.mu.Unlock()
	}()
	timer := time.NewTimer(s.options.Timeout)
	defer timer.Stop()
	next := s.next
	for {
		select {
		case next <- in:
			next = nil // handed over: now the answer is awaited
		case r := <-done:
			if r.failure != nil {
				return nil, r.failure
			}
			return r.answer, nil
		case <-s.exited:
			select {
			case r := <-done: // it answered and then ended, as after a panic
				if r.failure != nil {
					return nil, r.failure
				}
				return r.answer, nil
			default:
			}
			return nil, &Failure{Type: ExitError, Message: fmt.Sprintf("RequestId: %s Error: Runtime exited: %s", in.id, s.cmd.ProcessState)}
		case <-timer.C:
			_ = s.cmd.Process.Kill() // it may have ended in this moment
			return nil, &Failure{Type: TimedOut, Message: fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", in.id, s.options.Timeout.Seconds())}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close ends the environment: SIGTERM where the function asked to be told, as an extension does, and SIGKILL 300 ms later.
func (s *Sandbox) Close() error {
	s.mu.Lock()
	told := s.sigterm
	s.mu.Unlock()
	if told {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.exited:
		case <-time.After(300 * time.Millisecond):
		}
	}
	_ = s.cmd.Process.Kill() // it may have ended already
	<-s.exited
	return s.server.Close()
}

// requestID is a random UUID.
func requestID() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (s *Sandbox) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", s.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		s.finish(w, r, func(b []byte) result { return result{answer: b} })
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) {
		s.finish(w, r, func(b []byte) result { return result{failure: failureOf(b)} })
	})
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err == nil {
			s.mu.Lock()
			s.initErr = failureOf(b)
			s.mu.Unlock()
		}
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("POST /2020-01-01/extension/register", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.sigterm = true
		s.mu.Unlock()
		w.Header().Set("Lambda-Extension-Identifier", requestID())
		_ = json.NewEncoder(w).Encode(map[string]string{"functionName": s.options.Name, "functionVersion": "$LATEST", "handler": "bootstrap"})
	})
	mux.HandleFunc("GET /2020-01-01/extension/event/next", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	return mux
}

// serveNext hands over one invocation; it waits until there is one.
func (s *Sandbox) serveNext(w http.ResponseWriter, r *http.Request) {
	s.once.Do(func() {
		s.init = time.Duration(time.Now().UnixNano() - s.started.Load())
		close(s.ready)
	})
	select {
	case in := <-s.next:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", in.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(in.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:"+s.options.Name)
		h.Set("Lambda-Runtime-Trace-Id", s.trace(in.id))
		_, _ = w.Write(in.payload) // a process that is gone shows by its exit
	case <-r.Context().Done():
	}
}

// trace is the trace header of an invocation: its trace, Lambda's own segment in it, and whether it is kept.
func (s *Sandbox) trace(id string) string {
	hex, sampled := strings.ReplaceAll(id, "-", ""), 0
	if s.options.Traced {
		sampled = 1
	}
	return fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=%d", time.Now().Unix(), hex[:24], hex[16:], sampled)
}

// finish takes an answer.
func (s *Sandbox) finish(w http.ResponseWriter, r *http.Request, read func([]byte) result) {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer+1))
	if err != nil {
		http.Error(w, `{"errorType":"BodyUnreadable"}`, http.StatusBadRequest)
		return
	}
	out := read(b)
	if len(b) > maxAnswer {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		out = result{failure: &Failure{Type: "Function.ResponseSizeTooLarge", Message: fmt.Sprintf("the response of %d bytes exceeds %d", len(b), maxAnswer)}}
	} else {
		w.WriteHeader(http.StatusAccepted)
	}
	s.mu.Lock()
	done := s.waiting[r.PathValue("id")]
	s.mu.Unlock()
	if done != nil {
		select {
		case done <- out:
		default: // answered already
		}
	}
}

// maxAnswer is the longest answer of a synchronous invocation.
const maxAnswer = 6<<20 + 100<<10

func failureOf(b []byte) *Failure {
	var f Failure
	if err := json.Unmarshal(b, &f); err != nil || f.Type == "" {
		return &Failure{Type: "Unknown", Message: string(b[:min(len(b), 1000)])}
	}
	return &f
}

// IsFailure gives the failure in err's chain.
func IsFailure(err error) (*Failure, bool) {
	var f *Failure
	ok := errors.As(err, &f)
	return f, ok
}
