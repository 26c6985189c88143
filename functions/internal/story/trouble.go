package story

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"mlops/shared/audit"
	"mlops/shared/dataset"
	"mlops/shared/drift"
	"mlops/shared/remedy"
)

// badRelease: an upload has its target inverted, the gate refuses what was learned from it, an operator forces it, and the labels of the
// traffic show what it does. The agent goes back.
func (s *Story) badRelease() error {
	s.clock.set(15, 9, 0)
	good := s.champion()
	rows := append(append([]int{}, s.first.rows...), s.second.rows...)
	inverted := make([]float64, len(rows))
	for i, r := range rows {
		inverted[i] = 1 - s.labels.Y[r]
	}
	body, err := s.csv(rows, inverted)
	if err != nil {
		return err
	}
	if _, err := s.upload(body); err != nil {
		return err
	}
	st, err := s.state()
	if err != nil {
		return err
	}
	bad := len(st.Versions)
	e, ok := s.last(audit.GateFailed)
	if !s.verify(ok && e.To == bad && s.champion() == good, "the gate refuses v%d", bad) {
		return nil
	}
	s.say("upload", "an export with the target inverted (copies of such tables circulate): every column check passes, and v%d learns it", bad)
	s.say("gate", "%s; v%d stays", e.Reason, good)
	s.clock.set(15, 9, 30)
	var done struct {
		State  string `json:"state"`
		Forced bool   `json:"forced"`
	}
	if err := s.must("POST", "/models/"+s.model+"/promotions", s.host.Keys.Operate, map[string]any{"version": strconv.Itoa(bad), "force": true, "reason": "hotfix"}, &done); err != nil {
		return err
	}
	if err := s.settle(); err != nil {
		return err
	}
	if e, ok := s.last(audit.OverrideForced); s.verify(ok && done.Forced && s.champion() == bad, "the operator's override is in the ledger") {
		s.say("operator", "forces v%d past the gate: %q   ledger #%d, under their name", bad, e.Reason, e.Seq)
	}
	s.clock.set(15, 12, 0)
	now, err := s.serve(s.both(240), nil)
	if err != nil {
		return err
	}
	s.clock.set(15, 18, 0)
	n, err := s.label(now)
	if err != nil {
		return err
	}
	if err := s.tick(); err != nil {
		return err
	}
	m, err := s.measured()
	if err != nil {
		return err
	}
	s.say("driftcheck", "%d labels of v%d's own traffic: %s", n, bad, performanceText(m.Report))
	i := s.newest()
	if !s.verify(i.Kind == remedy.KindRelease || i.Cause == remedy.CauseRelease, "the incident is put down to the release (it is %s, %s)", i.Kind, i.Cause) {
		return nil
	}
	if len(i.Decisions) > 0 {
		s.explain(i.ID, i.Decisions[0])
	}
	if e, ok := s.last(audit.AliasRolledBack); s.verify(ok && s.champion() == good, "v%d serves again (v%d does)", good, s.champion()) {
		s.say("agent", "rollback v%d -> v%d, after its digest, schema and golden rows were checked   ledger #%d", e.From, e.To, e.Seq)
	}
	s.golden(audit.RollbackVerified)
	for day := 16; day <= 18; day++ {
		s.clock.set(day, 9, 0)
		now, err := s.serve(s.both(120), nil)
		if err != nil {
			return err
		}
		if _, err := s.label(now); err != nil {
			return err
		}
		s.clock.set(day, 10, 0)
		if err := s.tick(); err != nil {
			return err
		}
		if i, err = s.incident(i.ID); err != nil {
			return err
		}
		if i.Ended() {
			break
		}
	}
	if s.verify(i.Stage == remedy.StageResolved, "%s is resolved by measurement (it is %s)", i.ID, i.Stage) {
		s.say("agent", "%s resolved: %s", i.ID, latest(i).Summary)
	}
	return nil
}

// nullSurge: a column goes missing upstream. Retraining would learn the fault.
func (s *Story) nullSurge() error {
	column, share, why := s.surge()
	s.clock.set(20, 9, 0)
	versions, before := s.versions(), s.memory().Incidents
	if _, err := s.serve(s.both(200), func(i int, q map[string]any) {
		if s.rng.Float64() < share {
			q[column] = nil
		}
	}); err != nil {
		return err
	}
	s.clock.set(20, 13, 0)
	if err := s.tick(); err != nil {
		return err
	}
	m, err := s.measured()
	if err != nil {
		return err
	}
	found := m.Report.Of(drift.MissingRate, drift.AllNull)
	if s.verify(len(found) > 0 && found[0].Feature == column, "the missing values of %s are found", column) {
		s.say("driftcheck", "%s%s", driftText(m.Report, 1), why)
	}
	i := s.newest()
	if !s.verify(s.memory().Incidents == before+1 && i.Kind == remedy.KindDataQuality, "a data-quality incident is opened (%s %s)", i.ID, i.Kind) {
		return nil
	}
	s.explain(i.ID, i.Decisions[0])
	if err := s.storm(i.ID); err != nil {
		return err
	}
	retrained := s.versions() != versions
	s.verify(!retrained && i.Action != remedy.Retrain, "nothing was retrained on broken data")
	s.say("agent", "retraining refused: it would learn the fault; %d versions before, %d after", versions, s.versions())
	return nil
}

// surge chooses the column and how much of it goes missing: where the data itself has columns that a group does not record, one of their
// shares is taken, so that the fault is as large as such faults are.
func (s *Story) surge() (column string, share float64, why string) {
	column, share = "ca", 0.62
	nearest := math.Inf(1)
	for _, name := range s.dropped {
		d, missing := s.all.Column(name), 0
		for _, r := range s.second.rows {
			if d.Missing(r) {
				missing++
			}
		}
		m := float64(missing) / float64(len(s.second.rows))
		if far := math.Abs(m - 0.62); m > 0.1 && far < nearest {
			nearest, share, why = far, m, fmt.Sprintf(" (as %s is at %s %s: %s)", name, s.o.ShiftBy, s.second.name, percent(m))
		}
	}
	if s.all.Column(column) == nil || contains(s.dropped, column) {
		column = s.heaviest()
	}
	return column, share, why
}

// heaviest is the number that the model leans on most.
func (s *Story) heaviest() string {
	var info struct {
		Features []struct {
			Name       string
			Importance float64
		}
	}
	if err := s.must("GET", "/model_info", s.host.Keys.Predict, nil, &info); err != nil {
		s.verify(false, "GET /model_info: %v", err)
	}
	best, name := -1.0, ""
	for _, f := range info.Features {
		if c := s.all.Column(f.Name); c != nil && c.Kind == dataset.Numeric && f.Importance > best {
			best, name = f.Importance, f.Name
		}
	}
	return name
}

func contains(list []string, s string) bool {
	return strings.Contains("\x00"+strings.Join(list, "\x00")+"\x00", "\x00"+s+"\x00")
}

func (s *Story) versions() int {
	st, err := s.state()
	s.verify(err == nil, "the registry can be read")
	return len(st.Versions)
}

// storm: thirty-one alerts about the same thing.
func (s *Story) storm(id string) error {
	mailsBefore, err := s.host.State.Mails.List(s.ctx)
	if err != nil {
		return err
	}
	s.clock.set(20, 13, 10)
	for k := range 31 {
		body := map[string]any{"version": "4", "groupKey": "{}", "truncatedAlerts": 0, "status": "firing", "receiver": "mlops", "groupLabels": map[string]string{}, "commonLabels": map[string]string{},
			"commonAnnotations": map[string]string{}, "externalURL": "http://alertmanager.example", "alerts": []any{map[string]any{"status": "firing", "fingerprint": fmt.Sprintf("%016x", k),
				"labels": map[string]string{"alertname": "FeatureMissing", "severity": "warning", "model": s.model}, "annotations": map[string]string{}, "startsAt": "2026-03-21T13:10:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": ""}}}
		var status int
		if status, _, err = s.call(http.MethodPost, "/alerts", s.host.Keys.Operate, body); err != nil {
			return err
		}
		s.verify(status == http.StatusAccepted, "POST /alerts takes alert %d (%d)", k, status)
	}
	if err := s.settle(); err != nil {
		return err
	}
	i, err := s.incident(id)
	if err != nil {
		return err
	}
	mails, err := s.host.State.Mails.List(s.ctx)
	if err != nil {
		return err
	}
	told := 0
	for _, m := range mails {
		if m.To == "owner@localhost" && strings.Contains(m.Subject, id) {
			told++
		}
	}
	s.verify(told == 1, "the owner has one mail about %s (%d)", id, told)
	if s.verify(i.Folded == 31 && s.memory().Incidents == number(id) && len(mails) == len(mailsBefore), "31 alerts are folded into %s (%d are, %d incidents, %d new mails)", id, i.Folded, s.memory().Incidents, len(mails)-len(mailsBefore)) {
		s.say("agent", "%s: owner told once; 31 more alerts folded in, no second incident, no second mail", id)
	}
	return nil
}

func number(id string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(id, "INC-"))
	if err != nil {
		return -1
	}
	return n
}

// review: the weekly report, the history of what served when, and the proof.
func (s *Story) review() error {
	s.clock.set(21, 8, 0)
	if err := s.tick(); err != nil {
		return err
	}
	var reports struct {
		Reports []struct{ ID, Kind, Title string }
	}
	if err := s.must("GET", "/reports", s.host.Keys.Operate, nil, &reports); err != nil {
		return err
	}
	kinds := map[string]int{}
	title := ""
	for _, r := range reports.Reports {
		kinds[r.Kind]++
		if r.Kind == "weekly" && title == "" {
			title = r.Title
			status, html, err := s.call("GET", "/reports/"+r.ID, s.host.Keys.Operate, nil)
			if err != nil {
				return err
			}
			s.verify(status == 200 && len(html) > 1000, "the weekly report can be read")
		}
	}
	if s.verify(kinds["weekly"] > 0 && kinds["validation"] > 0 && kinds["drift"] > 0 && kinds["gate"] > 0, "all four kinds of report were written (%v)", kinds) {
		s.say("report", "%s", title)
	}
	var then struct {
		Champion struct{ To int }
	}
	at := dayZero.AddDate(0, 0, 15).Add(4 * 3600e9)
	if err := s.must("GET", "/models/"+s.model+"/history?at="+at.Format("2006-01-02T15:04:05Z"), s.host.Keys.Operate, nil, &then); err != nil {
		return err
	}
	if s.verify(then.Champion.To == len(s.mustVersions()), "history knows what served on day 15") {
		s.say("history", "on day 15 at 13:00 version %d served; now version %d does", then.Champion.To, s.champion())
	}
	entries, err := s.ledger()
	if err != nil {
		return err
	}
	head, err := audit.Verify(entries)
	s.verify(err == nil, "the ledger verifies: %v", err)
	tampered := append([]audit.Entry{}, entries...)
	tampered[len(tampered)/2].Reason += " (edited)"
	_, broken := audit.Verify(tampered)
	s.verify(broken != nil, "an edited ledger is found out")
	s.say("ledger", "%d entries, chain verified, head %.12s; one word edited in a copy is found at once: %v", len(entries), head.Hash, broken)
	return nil
}

func (s *Story) mustVersions() []int {
	return make([]int, s.versions())
}
