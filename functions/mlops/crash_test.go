package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mlops/shared/audit"
	"mlops/shared/model"
	"mlops/shared/registry"
)

// fast is a folder in memory where the machine has such a place. A killed process leaves what it wrote to the file either way.
func fast(t *testing.T) string {
	if dir, err := os.MkdirTemp("/dev/shm", "mlops-crash-"); err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		return dir
	}
	return t.TempDir()
}

// server is a running `mlops serve`, a process of its own.
type server struct {
	*testing.T
	command *exec.Cmd
	state   string
	addr    string
	out     lines
	gone    chan struct{}
}

// lines is what a process printed so far.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const key = "the-key-of-a-test-0123456789abcdef"

// quick makes trainings of a state that none is configured for try two candidates only: what comes after them is what is tested.
func quick(t *testing.T, state string) {
	t.Helper()
	file := filepath.Join(state, "config", "model_config.yaml")
	if _, err := os.Stat(file); err == nil {
		return
	}
	for _, dir := range []string{state, filepath.Dir(file)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	const text = "extends: nothing\nvote: 0\nnested: 0\ncalibrate: false\ncandidates:\n  - {algorithm: linear}\n  - {algorithm: boosting, params: {trees: 50, leaves: 7}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// serve starts one, and returns as soon as it listens: what it does first may go on.
func serve(t *testing.T, state string, args ...string) *server {
	t.Helper()
	quick(t, state)
	s := &server{T: t, state: state, gone: make(chan struct{})}
	s.command = exec.Command(os.Args[0], append([]string{"serve", "--state", state, "--addr", "127.0.0.1:0"}, args...)...)
	s.command.Env = append(os.Environ(), asCommand+"=1", "MLOPS_API_KEY="+key)
	s.command.Stdout, s.command.Stderr = &s.out, &s.out
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.command.Wait() // it is killed: the outcome is known
		close(s.gone)
	}()
	t.Cleanup(s.kill)
	pid := s.command.Process.Pid
	s.until("it listens", func() bool { // whoever holds the state writes where it answers
		b, err := os.ReadFile(filepath.Join(state, "lock"))
		var held struct {
			PID  int    `json:"pid"`
			Addr string `json:"addr"`
		}
		if err != nil || json.Unmarshal(b, &held) != nil || held.PID != pid || held.Addr == "" {
			return false
		}
		s.addr = "http://" + held.Addr
		return true
	})
	return s
}

// until waits for something that will be, and gives up after a time that no machine needs.
func (s *server) until(what string, is func() bool) {
	s.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); {
		select {
		case <-s.gone:
			s.Fatalf("the server ended before %s: %s", what, s.out.String())
		case <-time.After(2 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.Fatalf("%s: not in a minute; %s", what, s.out.String())
		}
	}
}

func (s *server) kill() {
	_ = s.command.Process.Kill() // it may be gone already
	<-s.gone
}

var client = http.Client{Timeout: 30 * time.Second}

// call makes a request; status 0 means that no answer came.
func (s *server) call(method, path, contentType string, body []byte) (int, []byte) {
	r, err := http.NewRequest(method, s.addr+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil
	}
	r.Header.Set("X-Api-Key", key)
	r.Header.Set("Content-Type", contentType)
	res, err := client.Do(r)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil // half an answer is none
	}
	return res.StatusCode, b
}

// get reads a JSON answer that must come.
func (s *server) get(path string, into any) {
	s.Helper()
	status, b := s.call("GET", path, "", nil)
	if status != http.StatusOK {
		s.Fatalf("GET %s: %d %.300s", path, status, b)
	}
	if err := json.Unmarshal(b, into); err != nil {
		s.Fatalf("GET %s: %v", path, err)
	}
}

// acknowledged is everything that a client was told has happened.
type acknowledged struct {
	mu          sync.Mutex
	jobs        []string
	predictions []string
	labels      map[string]string
}

// traffic is a client that never stops: it uploads, predicts, labels, promotes and rolls back until no answer comes.
func (s *server) traffic(a *acknowledged, round int, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	for {
		var status int
		var body []byte
		a.mu.Lock()
		jobs, predictions := len(a.jobs), len(a.predictions)
		a.mu.Unlock()
		switch k := rng.IntN(20); {
		case (k < 2 || k == 4) && jobs > 2*round, k > 4 && predictions > 40*(round+1): // what is under way is to end in time
			status, _ = s.call("GET", "/live", "", nil)
		case k == 0:
			if status, body = s.call("POST", "/datasets/loan?target=default", "text/csv", people(240+rng.IntN(5), uint64(rng.IntN(3)), 0)); status == http.StatusAccepted {
				a.job(body)
			}
		case k == 1:
			if status, body = s.call("POST", "/train", "application/json", fmt.Appendf(nil, `{"dataset":"loan","algorithm":"linear","seed":%d}`, rng.IntN(4))); status == http.StatusAccepted {
				a.job(body)
			}
		case k == 2:
			status, _ = s.call("POST", "/models/loan/promotions", "application/json", fmt.Appendf(nil, `{"version":"%d","force":true,"reason":"by hand"}`, 1+rng.IntN(3)))
		case k == 3:
			status, _ = s.call("POST", "/models/loan/rollback", "application/json", []byte(`{"to":"previous","reason":"by hand"}`))
		case k == 4:
			if status, body = s.call("POST", "/drift/check", "application/json", []byte(`{"model":"loan"}`)); status == http.StatusAccepted {
				a.job(body)
			}
		default:
			status, body = s.call("POST", "/predict", "application/json", fmt.Appendf(nil, `{"age":%d,"income":2500,"city":"Rome"}`, 20+rng.IntN(50)))
			var p struct {
				ID string `json:"inference_id"`
			}
			if status != http.StatusOK || json.Unmarshal(body, &p) != nil {
				break
			}
			a.mu.Lock()
			a.predictions = append(a.predictions, p.ID)
			a.mu.Unlock()
			if rng.IntN(2) == 0 {
				continue
			}
			label := fmt.Sprint(rng.IntN(2))
			if status, body = s.call("POST", "/feedback", "application/json", fmt.Appendf(nil, `{"feedback":[{"inference_id":%q,"label":%s}]}`, p.ID, label)); status == http.StatusOK && bytes.Contains(body, []byte(`"accepted":1`)) {
				a.mu.Lock()
				a.labels[p.ID] = label
				a.mu.Unlock()
			}
		}
		if status == 0 {
			return
		}
	}
}

func (a *acknowledged) job(body []byte) {
	var j struct {
		ID string `json:"job_id"`
	}
	if json.Unmarshal(body, &j) == nil {
		a.mu.Lock()
		a.jobs = append(a.jobs, j.ID)
		a.mu.Unlock()
	}
}

// judge asks a server that was started again whether everything acknowledged is there and nothing half-done is live.
func (s *server) judge(a *acknowledged) {
	s.Helper()
	for _, id := range a.jobs {
		if status, b := s.call("GET", "/jobs/"+id, "", nil); status != http.StatusOK {
			s.Errorf("the job %s, acknowledged, is lost: %d %s", id, status, b)
		}
	}
	for _, id := range a.predictions {
		status, b := s.call("GET", "/predictions/"+id+"?model=loan", "", nil)
		if status != http.StatusOK {
			s.Errorf("the prediction %s, answered, is lost: %d %s", id, status, b)
		}
		if label := a.labels[id]; label != "" && !strings.Contains(string(b), `"value":`+label) {
			s.Errorf("the label %s of %s, accepted, is lost: %s", label, id, b)
		}
	}
	var chain struct {
		Entries []audit.Entry
		Head    audit.Head
	}
	if status, _ := s.call("GET", "/models/loan/audit", "", nil); status == http.StatusNotFound && len(a.jobs) == 0 {
		return // killed before anything was acknowledged
	}
	var models, before struct{ Models []registry.State }
	s.until("ledger and registry are read at one moment", func() bool { // two requests: what is under way may move between them
		s.get("/models", &before)
		s.get("/models/loan/audit", &chain)
		s.get("/models", &models)
		return fmt.Sprint(before) == fmt.Sprint(models)
	})
	if len(chain.Entries) < 500 {
		if err := audit.VerifyTo(chain.Entries, chain.Head); err != nil {
			s.Errorf("the ledger: %v", err)
		}
	}
	for _, m := range models.Models {
		served := 0
		for _, e := range chain.Entries {
			if e.Kind == audit.AliasPromoted || e.Kind == audit.AliasRolledBack {
				if e.From != served {
					s.Errorf("ledger #%d moves from %d, but %d served", e.Seq, e.From, served)
				}
				served = e.To
			}
		}
		v, _, ok := m.At(registry.Champion)
		if v.Number != served && len(chain.Entries) < 500 {
			s.Errorf("version %d is champion, the ledger says %d", v.Number, served)
		}
		for _, x := range m.Versions { // whatever is registered is whole
			b, err := os.ReadFile(filepath.Join(s.state, "models", "models", m.Model, "sha256", x.SHA256, "model.bin"))
			if err != nil || model.Digest(b) != x.SHA256 {
				s.Errorf("the artefact of version %d: %v", x.Number, err)
			}
		}
		if !ok {
			continue
		}
		status, b := s.call("POST", "/predict?model="+m.Model, "application/json", []byte(`{"age":31,"income":2500,"city":"Rome"}`))
		if status != http.StatusOK {
			s.Errorf("the champion does not answer: %d %s", status, b)
		}
	}
}

// TestKill kills the platform with SIGKILL at moments that chance chooses, during ingestion, training, promotions and predictions, and starts
// it again on what is left.
func TestKill(t *testing.T) {
	state := filepath.Join(fast(t), "state")
	data := filepath.Join(t.TempDir(), "loan.csv")
	if err := os.WriteFile(data, people(300, 1, 0), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"--data", data, "--target", "default"}
	told := &acknowledged{labels: map[string]string{}}
	rng := rand.New(rand.NewPCG(uint64(os.Getpid()), 2)) // another story each time
	const kills = 8
	for round := range kills {
		s := serve(t, state, args...)
		if round >= kills/2 {
			s.until("it serves", func() bool { return strings.Contains(s.out.String(), "answers:") })
		}
		s.judge(told)
		var clients sync.WaitGroup
		seeds := []uint64{rng.Uint64(), rng.Uint64()}
		for c := range uint64(2) {
			clients.Go(func() { s.traffic(told, round, seeds[c]) })
		}
		// The moment: the first half dies within an ingestion or a training, the second half somewhere in the traffic as well.
		moment := time.Duration(10+rng.IntN(150+60*round)) * time.Millisecond
		time.AfterFunc(moment, func() { _ = s.command.Process.Signal(syscall.SIGKILL) })
		clients.Wait()
		<-s.gone
		if t.Failed() {
			t.Fatalf("killed after %v in round %d: %s", moment, round, s.out.String())
		}
	}
	s := serve(t, state, args...)
	waiting := ""
	defer func() {
		if t.Failed() {
			t.Logf("waited for %s", waiting)
		}
	}()
	s.until("everything under way ends", func() bool {
		for _, id := range told.jobs {
			var j struct{ Kind, Status, Stage, Error string }
			s.get("/jobs/"+id, &j)
			if j.Status == "queued" || j.Status == "running" {
				waiting = fmt.Sprintf("%s: %+v", id, j)
				return false
			}
			if j.Status == "failed" {
				t.Errorf("the job %s failed: %s", id, j.Error)
				return true
			}
		}
		return true
	})
	s.until("it serves", func() bool { return strings.Contains(s.out.String(), "answers:") })
	s.judge(told)
	var models struct{ Models []registry.State }
	s.get("/models", &models)
	if len(models.Models) != 1 {
		t.Fatalf("%d models", len(models.Models))
	}
	if _, _, ok := models.Models[0].At(registry.Champion); !ok {
		t.Error("nothing serves")
	}
	if len(told.predictions) == 0 {
		t.Error("no prediction was ever acknowledged: the test killed too early to show anything")
	}
	t.Logf("%d kills, %d jobs, %d predictions and %d labels acknowledged, %d versions", kills, len(told.jobs), len(told.predictions), len(told.labels), len(models.Models[0].Versions))
}

// TestCommandsOnAState asks a state in all the ways there are: while a server holds it, and when nobody does.
func TestCommandsOnAState(t *testing.T) {
	t.Setenv("MLOPS_API_KEY", key)
	file := files(t)
	state := filepath.Join(fast(t), "state")
	s := serve(t, state, "--data", file("people.csv"), "--target", "default", "--name", "loan")
	s.until("it serves", func() bool { return strings.Contains(s.out.String(), "answers:") })
	out := s.out.String()
	for _, want := range []string{"upload", "validate", "train", "gate", "ready in", s.addr, "/dashboard/sign-in?code=", key, "curl"} {
		if !strings.Contains(out, want) {
			t.Errorf("serve does not print %q: %s", want, out)
		}
	}
	scanner := bufio.NewScanner(strings.NewReader(out))
	for scanner.Scan() { // the curl line that it prints answers
		if _, line, ok := strings.Cut(scanner.Text(), "-d '"); ok {
			body, _, _ := strings.Cut(line, "'")
			if status, b := s.call("POST", "/predict?model=loan", "application/json", []byte(body)); status != http.StatusOK {
				t.Errorf("the printed example: %d %s", status, b)
			}
		}
	}
	if mode, err := os.Stat(filepath.Join(state, "keys")); err != nil || mode.Mode().Perm() != 0o700 {
		t.Errorf("the keys' folder: %v %v", mode.Mode(), err)
	}
	_, b := s.call("POST", "/predict", "application/json", []byte(`{"age":31,"income":2500,"city":"Rome"}`))
	var p struct {
		ID string `json:"inference_id"`
	}
	if err := json.Unmarshal(b, &p); err != nil || p.ID == "" {
		t.Fatalf("%s", b)
	}
	_, b = s.call("POST", "/train", "application/json", []byte(`{"dataset":"loan","algorithm":"baseline"}`))
	var j struct {
		ID string `json:"job_id"`
	}
	if err := json.Unmarshal(b, &j); err != nil {
		t.Fatal(err)
	}
	s.until("the training ends", func() bool {
		var v struct{ Status string }
		s.get("/jobs/"+j.ID, &v)
		return v.Status == "succeeded"
	})
	if status, b := s.call("POST", "/models/loan/promotions", "application/json", []byte(`{"version":"2","force":true,"reason":"hotfix"}`)); status != http.StatusAccepted {
		t.Fatalf("%d %s", status, b)
	}

	for round, name := range []string{"held by a server", "over --url", "held by nobody"} {
		t.Run(name, func(t *testing.T) {
			at := []string{"--state", state}
			switch round {
			case 1:
				at = []string{"--url", s.addr}
			case 2:
				s.kill()
			}
			with := func(args ...string) result {
				t.Helper()
				return mlops(t, append(args, at...)...)
			}
			if h := with("history", "loan", "--json").exits(0).document(); len(h["history"].([]any)) != 2+round {
				t.Errorf("%v", h)
			}
			if r := with("history", "loan").exits(0); !strings.Contains(r.out, "promote") || !strings.Contains(r.out, "forced past the gate") {
				t.Errorf("%q", r.out)
			}
			if r := with("history", "loan", "--at", "2020-01-01").exits(0); !strings.Contains(r.out, "nothing served") {
				t.Errorf("%q", r.out)
			}
			with("history", "loan", "--at", "yesterday").exits(2, "yesterday")
			m := with("drift", "loan", "--window", "2h", "--rows", "500", "--json").exits(0).document()
			if m["model"] != "loan" || m["window_kind"] != "count" || m["report"].(map[string]any)["verdict"] == nil {
				t.Errorf("a check of the traffic: %v", m)
			}
			with("drift", "loan").exits(0)
			with("drift", "none").exits(2, "none")
			with("drift", "loan", "--window", "1s").exits(2, "window")
			with("drift", "loan", "--reference", "a.csv").exits(2, "not both")
			with("history", "none", "--json").exits(2, "none").document()
			if v := with("reproduce", p.ID, "--json").exits(0).document(); v["equal"] != true {
				t.Errorf("%v", v)
			}
			with("reproduce", "01KJPWF1761BDP6CVMQ5C26KW1").exits(2)
			if v := with("approvals", "--json").exits(0).document(); fmt.Sprint(v["approvals"]) != "[]" {
				t.Errorf("%v", v)
			}
			html := filepath.Join(t.TempDir(), "r.html")
			with("report", "weekly", "--out", html, "--json").exits(0).document()
			if page, err := os.ReadFile(html); err != nil || !bytes.Contains(bytes.ToLower(page), []byte("<!doctype html>")) {
				t.Errorf("%v %.100s", err, page)
			}
			with("report", "daily").exits(2, "daily")
			with("rollback", "none", "--reason", "x").exits(2, "none")
			with("rollback", "loan", "--to", "seven", "--reason", "x").exits(2, "seven")
			r := with("rollback", "loan", "--to", []string{"1", "2", "1"}[round], "--reason", "worse", "--json")
			if v := r.exits(0).document(); v["to"] != []string{"1", "2", "1"}[round] || v["verified"] != true {
				t.Errorf("%v", v)
			}
			export := filepath.Join(t.TempDir(), "export.jsonl")
			v := with("audit", "verify", "--save", export, "--json").exits(0).document()
			if l := v["ledgers"].([]any)[0].(map[string]any); l["ok"] != true || l["entries"].(float64) < 8 {
				t.Errorf("%v", v)
			}
			mlops(t, "audit", "verify", "--export", export).exits(0)
			text, err := os.ReadFile(export)
			if err != nil {
				t.Fatal(err)
			}
			forged := bytes.Replace(text, []byte("hotfix"), []byte("hotfox"), 1)
			if err := os.WriteFile(export, forged, 0o600); err != nil {
				t.Fatal(err)
			}
			if v := mlops(t, "audit", "verify", "--export", export, "--json").exits(1).document(); v["ledgers"].([]any)[0].(map[string]any)["ok"] != false {
				t.Errorf("%v", v)
			}
		})
	}
	mlops(t, "history", "loan", "--url", s.addr).exits(3) // nobody answers there any more
	second := serve(t, state)
	if r := mlops(t, "serve", "--state", state, "--addr", "127.0.0.1:0"); r.code != 2 || !strings.Contains(r.errOut, "held") {
		t.Errorf("a second server on one state: %d %s", r.code, r.errOut)
	}
	second.kill()
}
