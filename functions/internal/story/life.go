package story

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"mlops/functions/internal/incident"
	"mlops/functions/internal/job"
	"mlops/shared/audit"
	"mlops/shared/remedy"
)

// birth: data comes in, is validated, trained on, gated, and served.
func (s *Story) birth() error {
	s.clock.set(0, 9, 0)
	s.say("story", "demonstration on %s, trained on %s %s, with a policy of its own (it acts; a new installation only proposes)", baseName(s.o.Data), s.o.ShiftBy, s.first.name)
	if len(s.dropped) > 0 {
		s.say("story", "left out, since not every %s records them: %s", s.o.ShiftBy, strings.Join(s.dropped, ", "))
	}
	body, err := s.csv(s.first.rows, nil)
	if err != nil {
		return err
	}
	j, err := s.upload(body)
	if err != nil {
		return err
	}
	s.say("upload", "%s: %d rows, data version %.12s: stored once", s.model, len(s.first.rows), j.Result["data_version"])
	if e, ok := s.last(audit.ValidatePassed); s.verify(ok, "the data passed its suite") {
		s.say("validate", "%s", e.Reason)
	}
	s.say("train", "%s", s.trainedText())
	e, ok := s.last(audit.GatePassed)
	if s.verify(ok && s.champion() == 1, "v1 passed the gate and serves") {
		s.say("gate", "%s against the naive baseline", e.Reason)
	}
	if e, ok := s.last(audit.AliasPromoted); s.verify(ok, "the promotion is in the ledger") {
		s.say("agent", "promote v1 -> champion (first version)   ledger #%d", e.Seq)
	}
	s.golden(audit.PromotionVerified)
	var answer struct {
		Prediction  any     `json:"prediction"`
		Probability float64 `json:"probability"`
		Version     string  `json:"model_version"`
		ID          string  `json:"inference_id"`
	}
	s.clock.set(0, 9, 1)
	if err := s.must("POST", "/predict", s.host.Keys.Predict, s.request(s.first.rows[0]), &answer); err != nil {
		return err
	}
	s.say("predict", "POST /predict -> %v (probability %.3f) by version %s, receipt %s", answer.Prediction, answer.Probability, answer.Version, answer.ID)
	var receipt struct {
		Equal bool `json:"equal"`
	}
	if err := s.must("GET", "/predictions/"+answer.ID+"/reproduction", s.host.Keys.Operate, nil, &receipt); err != nil {
		return err
	}
	s.verify(receipt.Equal, "the recorded prediction can be reproduced")
	return nil
}

// upload sends a table the way everybody does, and waits until all that follows is over.
func (s *Story) upload(body []byte) (job.Job, error) {
	var started struct {
		Job string `json:"job_id"`
	}
	path := "/datasets/" + s.model + "?target=" + url.QueryEscape(s.targetName) + "&segment=" + url.QueryEscape(s.o.ShiftBy)
	if err := s.must("POST", path, s.host.Keys.Operate, body, &started); err != nil {
		return job.Job{}, err
	}
	if err := s.settle(); err != nil {
		return job.Job{}, err
	}
	var j job.Job
	if err := s.must("GET", "/jobs/"+started.Job, s.host.Keys.Operate, nil, &j); err != nil {
		return j, err
	}
	if j.Status != job.Succeeded {
		return j, fmt.Errorf("the upload ended as %s: %s", j.Status, j.Error)
	}
	return j, nil
}

// trainedText is the ledger's word on the newest training.
func (s *Story) trainedText() string {
	e, ok := s.last(audit.TrainDone)
	s.verify(ok, "the training is in the ledger")
	return e.Reason
}

// golden prints the newest verification of a move.
func (s *Story) golden(kind audit.Kind) {
	e, ok := s.last(kind)
	st, err := s.state()
	all := err == nil && ok && e.To == s.champion() && e.Inputs["matched"] == e.Inputs["rows"] && e.Inputs["rows"] != "0"
	if s.verify(all, "the golden rows of version %d verify through the serving path", st.Aliases["champion"].Version) {
		s.say("predict", "%s", e.Reason)
	}
}

// ordinaryWeek: traffic like the training, labels a day later, and a drift check a day that has nothing to say.
func (s *Story) ordinaryWeek() error {
	var before []served
	labels, checks, alarms := 0, 0, 0
	total := 0
	for day := 1; day <= 5; day++ {
		s.clock.set(day, 9, 0)
		now, err := s.serve(s.next(s.first, 60), nil)
		if err != nil {
			return err
		}
		total += len(now)
		n, err := s.label(before)
		if err != nil {
			return err
		}
		labels += n
		before = now
		s.clock.set(day, 10, 0)
		if err := s.tick(); err != nil {
			return err
		}
		m, err := s.measured()
		if err != nil {
			return err
		}
		checks++
		if m.Report.Verdict == "alert" || m.Report.DatasetDrift {
			alarms++
		}
	}
	if _, err := s.label(before); err != nil {
		return err
	}
	s.say("predict", "5 days: %d predictions captured, %d labels came in", total, labels+len(before))
	if s.verify(alarms == 0, "%d of %d checks of ordinary traffic raised an alarm", alarms, checks) {
		s.say("driftcheck", "%d daily checks of ordinary traffic: no alarm, no incident, nobody was told anything", checks)
	}
	s.verify(s.memory().Incidents == 0, "ordinary traffic opened no incident")
	return nil
}

// shift: the second group comes, at first without labels. What the estimate says, and what the labels say later, decides the way.
func (s *Story) shift() error {
	early := len(s.second.rows) * 7 / 10
	var came []served
	told := false
	for day := 8; day <= 9; day++ {
		s.clock.set(day, 9, 0)
		now, err := s.serve(s.next(s.second, early/2), nil)
		if err != nil {
			return err
		}
		came = append(came, now...)
		if day == 8 {
			s.say("story", "from today the patients of %s %s come; labels take a while", s.o.ShiftBy, s.second.name)
		}
		s.clock.set(day, 10, 0)
		if err := s.tick(); err != nil {
			return err
		}
		if err := s.look(); err != nil {
			return err
		}
		m, err := s.measured()
		if err != nil {
			return err
		}
		s.verify(m.Report.DatasetDrift, "the shift is seen as drift")
		if i := s.newest(); i.ID != "" && !told {
			told = true
			s.explain(i.ID, latest(i))
			s.verify(s.versions() == 1 && i.Approval == "", "nothing is proposed without labels to learn from")
		}
	}
	if !told {
		s.say("agent", "informs, and does nothing: no loss of performance is estimated")
	}
	i := s.newest()
	s.clock.set(9, 16, 0)
	n, err := s.label(came)
	if err != nil {
		return err
	}
	s.say("feedback", "%d labels came in", n)
	s.clock.set(9, 17, 0)
	if err := s.tick(); err != nil {
		return err
	}
	if err := s.look(); err != nil {
		return err
	}
	if i = s.newest(); i.ID == "" || latest(i).Action != remedy.Retrain {
		return s.informed(i)
	}
	s.explain(i.ID, latest(i))
	return s.repair(i)
}

// look prints the window that was measured last.
func (s *Story) look() error {
	m, err := s.measured()
	if err != nil {
		return err
	}
	if text := driftText(m.Report, 3); text != "" {
		s.say("driftcheck", "%d rows: %s", m.Rows, text)
	}
	s.say("driftcheck", "%s: %s", m.Report.Verdict, performanceText(m.Report))
	return nil
}

// informed is the branch in which the data does not show a loss: it is written down, and nothing is done.
func (s *Story) informed(i incident.Incident) error {
	d := latest(i)
	s.say("agent", "informs, and does nothing: patients changed, and neither the estimate nor the labels show a loss; v1 stays, no retraining is proposed")
	s.verify(s.champion() == 1, "v1 still serves")
	s.verify(!remedy.Acts(d.Action), "nothing was done about a shift without a loss")
	return nil
}

// repair: people are asked, a scanner opens the link, a person decides, and the retrained version must beat the champion.
func (s *Story) repair(i incident.Incident) error {
	if err := s.approve(i); err != nil {
		return err
	}
	e, ok := s.last(audit.GatePassed)
	if !s.verify(ok && e.To == 2 && s.champion() == 2, "v2 passed the gate and serves") {
		if e, ok := s.last(audit.GateFailed); ok {
			s.say("gate", "%s", e.Reason)
		}
		return nil
	}
	s.say("train", "%s", s.trainedText())
	s.say("gate", "%s, against v1", e.Reason)
	if e, ok := s.last(audit.AliasPromoted); ok {
		s.say("agent", "promote v2   ledger #%d", e.Seq)
	}
	s.golden(audit.PromotionVerified)
	for day := 11; day <= 13; day++ {
		s.clock.set(day, 9, 0)
		now, err := s.serve(s.both(80), nil)
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
		m, err := s.measured()
		if err != nil {
			return err
		}
		s.say("driftcheck", "both %ss, v2: %s", s.o.ShiftBy, performanceText(m.Report))
		if i.Ended() {
			break
		}
	}
	if s.verify(i.Stage == remedy.StageResolved, "%s is resolved by measurement (it is %s)", i.ID, i.Stage) {
		s.say("agent", "%s resolved: %s", i.ID, latest(i).Summary)
	}
	return nil
}

func percent(v float64) string {
	if math.IsNaN(v) {
		return "unknown"
	}
	return strconv.FormatFloat(100*v, 'f', 0, 64) + " %"
}
