package runtimeapi_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mlops/shared/approval"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/platform/store"
	"mlops/shared/registry"
)

// world is a platform that a story can be played on.
type world interface {
	configure(name, yaml string)                                              // the operator's override of a policy
	put(file string, table []byte, options url.Values)                        // a file comes in for a dataset, and all that follows is over
	call(method, path string, body any) (int, map[string]any)                 // a client's request
	operate(method, path string, form url.Values) (status int, answer string) // an operator's request, or with a link of its own a person's
	tick(schedule string, in time.Duration)                                   // a schedule's time comes, in whole seconds from now
	carry()                                                                   // every event arrives, until there is none
	letters() []letter                                                        // the mails since the last call
	controls() *store.Store
	keys(prefix string) []string // of the data bucket
	said() string                // what the functions logged
	left() []thing               // everything that is kept
}

// letter is a mail as its reader gets it.
type letter struct{ to, subject, body string }

const (
	alice = "alice@example.com" // approves
	owner = "owner@"            // is told; where the owner is at home is the world's own
)

// story plays on a world and checks every chapter.
type story struct {
	*testing.T
	world
	mails []letter
	kept  []thing // what was left when the story ended
}

func (s *story) state() registry.State {
	s.Helper()
	var st registry.State
	if _, err := s.controls().Get(background, control.State("heart"), &st); err != nil {
		s.Fatal(err)
	}
	return st
}

func (s *story) entries() []audit.Entry {
	s.Helper()
	entries, err := s.controls().Entries(background, "heart", 0, 0)
	if err != nil {
		s.Fatal(err)
	}
	return entries
}

// must fails the story at the first chapter that did not come out, with what the functions had to say about it.
func (s *story) must(ok bool, format string, args ...any) {
	s.Helper()
	if ok {
		return
	}
	for _, e := range s.entries() {
		s.Logf("ledger #%d %s %d->%d: %s", e.Seq, e.Kind, e.From, e.To, e.Reason)
	}
	s.Log(s.said())
	s.Fatalf(format, args...)
}

func count(entries []audit.Entry, kind audit.Kind) int {
	n := 0
	for _, e := range entries {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// site is the rows of one site of the shipped dataset, as CSV and as requests with their labels.
func site(t *testing.T, name string) (table []byte, rows []map[string]any, labels []string) {
	t.Helper()
	f, err := os.Open("../../../testdata/datasets/heart.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.Write(all[0]) // into memory
	for _, record := range all[1:] {
		if record[0] != name {
			continue
		}
		_ = w.Write(record)
		row := map[string]any{}
		for i, column := range all[0][:len(all[0])-1] {
			if record[i] == "" || record[i] == "?" {
				row[column] = nil
			} else if row[column] = any(json.Number(record[i])); i == 0 {
				row[column] = record[i]
			}
		}
		rows, labels = append(rows, row), append(labels, record[len(record)-1])
	}
	w.Flush()
	return out.Bytes(), rows, labels
}

// links is where mails lead: to the approvals API of the cloud, or to a machine whose owner calls it so.
const links = `https://[a-z0-9]+\.execute-api\.[a-z0-9.-]+/live`

var link = regexp.MustCompile(links + `(/approvals/\S+)`)

// tell plays a model's life: a file comes in and is validated, trained on, gated and served; traffic of other patients comes with its labels;
// drift is measured, diagnosed, and a person asked by mail; the person approves, the model is retrained on what came, gated, promoted, and
// verified through the serving path; a report sums it up.
func (s *story) tell() {
	s.configure("policy", "name: test\ndry_run: false\nevidence: {min_labels: 100, bad_windows: 2, of_windows: 3}\napproval: {approvers: ["+alice+"], quorum: 1, hours: 72}\n")
	s.configure("gate", "min_rows: 150\nmin_rarer_class: 20\n")
	s.birth()
	rows := s.traffic()
	s.drift()
	s.decide()
	s.end(rows)
	s.kept = s.left()
	slices.SortFunc(s.kept, func(a, b thing) int { return strings.Compare(a.key, b.key) })
}

func (s *story) birth() {
	table, _, _ := site(s.T, "north")
	s.put("north.csv", table, url.Values{"target": {"target"}, "segment": {"site"}})
	st := s.state()
	champion, _, serves := st.At(registry.Champion)
	s.must(serves && champion.Number == 1 && len(st.Versions) == 1, "no version 1 serves: %+v", st.Aliases)
	s.must(count(s.entries(), audit.PromotionVerified) == 1, "the promotion is not verified through the serving path")
	for prefix, n := range map[string]int{"raw/heart/": 1, "processed/heart/": 4, "reference/heart/1/": 2, "reports/": 2} {
		s.must(len(s.keys(prefix)) >= n, "%s holds %v; want %d objects", prefix, s.keys(prefix), n)
	}
}

// traffic is of other patients, with what became of them; the labels are sent twice.
func (s *story) traffic() []map[string]any {
	_, rows, labels := site(s.T, "south")
	status, answer := s.call("POST", "/predict/batch", map[string]any{"samples": rows})
	predictions, _ := answer["predictions"].([]any)
	s.must(status == http.StatusOK && len(predictions) == len(rows), "the batch answered %d: %.500v", status, answer)
	var feedback []map[string]any
	for i, p := range predictions {
		label := labels[i]
		if rows[i]["exang"] == json.Number("1") { // the other hospital calls something else a disease
			label = map[string]string{"0": "1", "1": "0"}[label]
		}
		feedback = append(feedback, map[string]any{"inference_id": p.(map[string]any)["inference_id"], "label": json.Number(label)})
	}
	for range 2 {
		status, answer = s.call("POST", "/feedback", map[string]any{"feedback": feedback})
	}
	s.must(status == http.StatusOK, "the labels answered %d: %.500v", status, answer)
	s.must(len(s.keys("capture/heart/champion/")) == 1, "captured: %v", s.keys("capture/"))
	return rows
}

// drift is measured by the schedule, twice: policy waits for a second bad window.
func (s *story) drift() {
	for i := range 2 {
		s.tick("drift", time.Duration(i+1)*time.Second)
		s.carry()
		s.must(len(s.keys("reports/drift/")) >= i+1, "after %d checks there are %v", i+1, s.keys("reports/drift/"))
	}
	s.mails = append(s.mails, s.letters()...)
}

// decide lets a scanner open the link, somebody forge it, and alice decide.
func (s *story) decide() {
	var asked string
	told := 0
	for _, m := range s.mails {
		switch found := link.FindStringSubmatch(m.body); {
		case m.to == alice:
			s.must(asked == "" && found != nil, "alice was asked twice, or without a link: %+v", m)
			asked = html.UnescapeString(found[1])
		case strings.HasPrefix(m.to, owner):
			told++
		}
	}
	s.must(asked != "" && told == 1, "alice was asked %q, the owner told %d times: %+v", asked, told, s.mails)
	before := len(s.entries())
	for range 3 {
		status, page := s.operate("GET", asked, nil)
		s.must(status == http.StatusOK && strings.Contains(page, "heart"), "the page answers %d: %.300s", status, page)
	}
	s.must(len(s.entries()) == before, "opening the link wrote to the ledger")
	at, err := url.Parse(asked)
	if err != nil {
		s.Fatal(err)
	}
	var request approval.Request
	if _, err := s.controls().Get(background, control.Approval(strings.TrimPrefix(at.Path, "/approvals/")), &request); err != nil {
		s.Fatal(err)
	}
	token := at.Query().Get("t")
	other := "A"
	if token[40] == 'A' {
		other = "B"
	}
	form := func(token string) url.Values {
		return url.Values{"token": {token}, "decision": {"Approved"}, "reason": {"a new hospital joined"}, "typed": {request.Typed()}}
	}
	status, page := s.operate("POST", at.Path, form(token[:40]+other+token[41:]))
	s.must(status == http.StatusForbidden, "a forged token: %d %.200s", status, page)
	status, page = s.operate("POST", at.Path, form(token))
	s.must(status == http.StatusOK, "the vote answers %d: %.500s", status, page)
	s.carry()
}

// end looks at what became of it: the model was retrained on what came, and judged; whatever serves now is verified and explained.
func (s *story) end(rows []map[string]any) {
	st := s.state()
	champion, _, _ := st.At(registry.Champion)
	s.must(len(st.Versions) == 2 && champion.Number == 2, "after the retraining version %d serves of %+v", champion.Number, st.Versions)
	entries := s.entries()
	for _, kind := range []audit.Kind{audit.GatePassed, audit.AliasPromoted, audit.PromotionVerified} {
		s.must(count(entries, kind) == 2, "the ledger has %s %d times", kind, count(entries, kind))
	}
	status, answer := s.call("POST", "/predict", rows[0])
	s.must(status == http.StatusOK && answer["model_version"] == fmt.Sprint(champion.Number), "predict answers %d %v; want version %d", status, answer, champion.Number)

	s.tick("weekly", 3*time.Second)
	s.tick("sweep", 0)
	s.carry()
	s.must(len(s.keys("reports/weekly/")) == 2, "the weekly report is %v", s.keys("reports/weekly/"))
	status, page := s.operate("GET", "/models/heart/history", nil)
	s.must(status == http.StatusOK && strings.Contains(page, champion.SHA256[:12]), "the history answers %d: %.500s", status, page)
	if _, err := s.controls().Verify(background, "heart"); err != nil {
		s.Error(err)
	}
	s.mails = append(s.mails, s.letters()...)
	s.Logf("version %d serves after %d ledger entries", champion.Number, len(s.entries()))
}

// TestStory plays one story on one machine, and on the emulated cloud with the executables that are deployed and events that come late, out
// of order and some of them twice; what is left behind is the same.
func TestStory(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: it builds and runs every function; make test runs it")
	}
	var one, other *story
	t.Run("on one machine", func(t *testing.T) {
		one = &story{T: t, world: newMachine(t)}
		one.tell()
	})
	t.Run("on the emulated cloud", func(t *testing.T) {
		other = &story{T: t, world: newCloud(t)}
		other.tell()
	})
	if one != nil && other != nil && one.kept != nil && other.kept != nil {
		compare(t, one, other)
	}
}

// scheduledTime is the time a schedule names: whole seconds, as EventBridge Scheduler has them. It is a little ahead, so that a window that
// ends then holds everything that came before.
func scheduledTime(in time.Duration) time.Time { return time.Now().UTC().Truncate(time.Second).Add(in) }

// window is how far back a drift check looks; the cloud's default.
const window = 24 * time.Hour
