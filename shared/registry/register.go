package registry

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"mlops/shared/fault"
)

// Limits on a state, which is stored as one document: a change must stay one small write.
const (
	MaxVersions = 1000      // versions of one model
	MaxBytes    = 256 << 10 // JSON of a state that takes one more version; the rest of a control document's 300 KB is left for verdicts and moves
	maxText     = 512       // bytes of Reason
	maxField    = 128       // bytes of any other text
	maxMetrics  = 32        // metrics of a version
)

// Register adds a version without any alias and gives it as registered. Bytes already registered are not registered twice: the version
// that has them is returned and the state is unchanged, so a replayed training is a no-op. Errors: fault.Invalid naming every problem of
// v or of the model's name; fault.Conflict when the model has as many versions as a state can hold.
func (s State) Register(v Version) (State, Version, error) {
	if bad := problems(s.Model, v); bad != nil {
		return s, Version{}, fault.Invalidf("cannot register a version of model %.64q", s.Model).With(bad...)
	}
	if old, ok := s.Find(v.SHA256); ok {
		return s, old, nil
	}
	if len(s.Versions) >= MaxVersions {
		return s, Version{}, fault.Conflictf("model %s has %d versions, the most a registry keeps: train on under a new model name", s.Model, MaxVersions)
	}
	v = v.clone()
	v.Number, v.Status, v.Gate = len(s.Versions)+1, Candidate, ""
	v.CreatedAt, v.PromotedAt, v.RolledBackAt = instant(v.CreatedAt), time.Time{}, time.Time{}
	n := s.clone()
	n.Versions = append(n.Versions, v)
	b, err := json.Marshal(n)
	if err != nil {
		return s, Version{}, fault.Invalidf("cannot register a version of model %s: it has no JSON", s.Model).Because(err)
	}
	if len(b) > MaxBytes {
		return s, Version{}, fault.Conflictf("the %d versions of model %s fill the %d KiB that a registry keeps: train on under a new model name",
			len(s.Versions), s.Model, MaxBytes>>10)
	}
	return n, v.clone(), nil
}

// problems are all that is wrong with a version to be registered.
func problems(model string, v Version) []fault.Detail {
	var bad []fault.Detail
	problem := func(field, code string, got any, expected string) {
		bad = append(bad, fault.Detail{Field: field, Code: code, Got: got, Expected: expected})
	}
	if !ValidName(model) {
		problem("model", "invalid_name", fmt.Sprintf("%.64s", model), "1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit")
	}
	if !validDigest(v.SHA256) {
		problem("sha256", "invalid_digest", fmt.Sprintf("%.64s", v.SHA256), "64 lower-case hex digits")
	}
	if v.Algorithm == "" {
		problem("algorithm", "missing", nil, "how it was trained")
	}
	if v.CreatedAt.IsZero() {
		problem("created_at", "missing", nil, "when it was trained")
	}
	text := func(field, s string, limit int) {
		if len(s) > limit || !utf8.ValidString(s) {
			problem(field, "invalid_text", fmt.Sprintf("%.40q", s), fmt.Sprintf("at most %d bytes of UTF-8", limit))
		}
	}
	text("algorithm", v.Algorithm, maxField)
	text("task", v.Task, maxField)
	text("data_version", v.DataVersion, maxField)
	text("dataset", v.Dataset, maxField)
	text("incident", v.Incident, maxField)
	text("reason", v.Reason, maxText)
	if len(v.Metrics) > maxMetrics {
		problem("metrics", fault.CodeTooLarge, len(v.Metrics), fmt.Sprintf("at most %d", maxMetrics))
	}
	for _, k := range slices.Sorted(maps.Keys(v.Metrics)) {
		text("metrics", k, maxField)
	}
	return bad
}

// Gated records the gate's verdict on version n and the digest of its report. A version may be judged again, against a newer champion or
// on more labels; the latest verdict stands, and the same one twice changes nothing. A version that failed is no longer challenger.
// Errors: fault.Invalid when report is not a digest; fault.NotFound; fault.Conflict when a person refused the version (the gate does not
// overrule people), or when a champion that passed is to be failed (what serves is left by Rollback, not by a verdict).
func (s State) Gated(n int, passed bool, report string) (State, error) {
	v, err := s.existing(n, "record the gate's verdict on")
	if err != nil {
		return s, err
	}
	if !validDigest(report) {
		return s, fault.Invalidf("cannot record the gate's verdict on version %d of %s", n, s.Model).
			With(fault.Detail{Field: "report", Code: "invalid_digest", Got: fmt.Sprintf("%.64s", report), Expected: "64 lower-case hex digits"})
	}
	champion := s.Aliases[Champion]
	switch {
	case v.Status == Refused:
		return s, fault.Conflictf("version %d of %s was refused by a person, so the gate's verdict does not count: register a new version", n, s.Model)
	case champion.Version == n && !champion.Forced && !passed:
		return s, fault.Conflictf("version %d is the champion of %s and passed the gate before: roll back to leave it", n, s.Model)
	}
	verdict := Failed
	if passed {
		verdict = Passed
	}
	c := s.clone()
	c.Versions[n-1].Status, c.Versions[n-1].Gate = verdict, report
	if !passed {
		c.unpoint(Challenger, n)
	}
	return c, nil
}

// Refuse records that a person rejected version n, and why; of a long reason the beginning is kept, the ledger has the whole. It is
// final: the version serves again only by a forced promotion. The same refusal twice changes nothing. Errors: fault.NotFound;
// fault.Conflict when the version is the champion; fault.Invalid without a reason.
func (s State) Refuse(n int, reason string) (State, error) {
	v, err := s.existing(n, "refuse")
	switch {
	case err != nil:
		return s, err
	case v.Status == Refused:
		return s, nil
	case s.Aliases[Champion].Version == n:
		return s, fault.Conflictf("version %d is the champion of %s: roll back first, then refuse it", n, s.Model)
	case reason == "":
		return s, fault.Invalidf("cannot refuse version %d of %s without a reason", n, s.Model).With(fault.Detail{Field: "reason", Code: "missing"})
	}
	c := s.clone()
	c.Versions[n-1].Status, c.Versions[n-1].Reason = Refused, strings.ToValidUTF8(reason[:min(len(reason), maxText)], "")
	c.unpoint(Challenger, n)
	return c, nil
}

// existing gives version n or says that there is none.
func (s State) existing(n int, attempt string) (Version, error) {
	v, ok := s.Version(n)
	if !ok {
		return v, fault.NotFoundf("cannot %s version %d of %s: it has versions 1 to %d", attempt, n, s.Model, len(s.Versions))
	}
	return v, nil
}

// validDigest reports whether s is a SHA-256 in lower-case hex.
func validDigest(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// instant is t as its JSON reads back: in UTC, without a monotonic clock's reading.
func instant(t time.Time) time.Time { return t.UTC().Round(0) }
