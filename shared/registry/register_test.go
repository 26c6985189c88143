package registry

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mlops/shared/fault"
	"mlops/shared/number"
)

func TestRegister(t *testing.T) {
	s := State{Model: "heart"}
	in := version(1)
	in.Number, in.Status, in.Gate, in.PromotedAt, in.RolledBackAt = 42, Passed, digest(7), day, day // not for the caller to say
	s, v, err := s.Register(in)
	if err != nil || v.Number != 1 || v.Status != Candidate || v.Gate != "" || !v.PromotedAt.IsZero() || !v.RolledBackAt.IsZero() {
		t.Fatalf("got %+v, %v", v, err)
	}
	if _, p, ok := s.At(Champion); ok {
		t.Errorf("registering moved an alias: %+v", p)
	}
	again, v2, err := s.Register(version(1))
	if err != nil || v2.Number != 1 || encode(t, again) != encode(t, s) {
		t.Errorf("the same bytes again: %+v, %v", v2, err)
	}
	if _, ok := s.Find(digest(2)); ok {
		t.Error("found a digest nobody registered")
	}
}

func TestRegisterNamesEveryProblem(t *testing.T) {
	bad := Version{SHA256: strings.Repeat("A", 64), Task: "\xff", Dataset: strings.Repeat("d", 129), Reason: strings.Repeat("r", 513),
		Metrics: map[string]number.Float{strings.Repeat("m", 129): 1}}
	for i := range 33 {
		bad.Metrics[fmt.Sprint(i)] = 1
	}
	_, _, err := State{Model: "../etc"}.Register(bad)
	if !fault.Is(err, fault.Invalid) {
		t.Fatal(err)
	}
	var got []string
	for _, d := range fault.Details(err) {
		got = append(got, d.Field+" "+d.Code)
	}
	want := "model invalid_name, sha256 invalid_digest, algorithm missing, created_at missing, task invalid_text, dataset invalid_text, " +
		"reason invalid_text, metrics too_large, metrics invalid_text"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	short := version(1)
	short.SHA256 = "abc"
	if _, _, err := (State{Model: "heart"}).Register(short); !fault.Is(err, fault.Invalid) {
		t.Errorf("a short digest: %v", err)
	}
	far := version(1)
	far.CreatedAt = time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, _, err := (State{Model: "heart"}).Register(far); !fault.Is(err, fault.Invalid) {
		t.Errorf("a year that JSON cannot say: %v", err)
	}
}

func TestRegisterLimits(t *testing.T) {
	small := State{Model: "heart"}
	for i := range MaxVersions {
		small.Versions = append(small.Versions, Version{Number: i + 1, SHA256: digest(i)})
	}
	if _, _, err := small.Register(version(5000)); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "1000 versions") {
		t.Errorf("one version too many: %v", err)
	}
	if _, v, err := small.Register(version(7)); err != nil || v.Number != 8 {
		t.Errorf("a full registry forgot what it has: %+v, %v", v, err)
	}
	large := State{Model: "heart"}
	var err error
	for i := 1; err == nil; i++ {
		v := version(i)
		v.Reason = strings.Repeat("r", maxText)
		if large, _, err = large.Register(v); i > MaxVersions {
			t.Fatal("no limit on bytes")
		}
	}
	if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "fill the 256 KiB") || len(encode(t, large)) > MaxBytes {
		t.Errorf("%d bytes: %v", len(encode(t, large)), err)
	}
}

func TestGated(t *testing.T) {
	s := story(t, "register", "pass 1")
	if v, _ := s.Version(1); v.Status != Passed || v.Gate != digest(501) {
		t.Errorf("got %+v", v)
	}
	if again, err := s.Gated(1, true, digest(501)); err != nil || encode(t, again) != encode(t, s) {
		t.Errorf("the same verdict again changed something: %v", err)
	}
	if s, err := s.Gated(1, false, digest(502)); err != nil || s.Versions[0].Status != Failed || s.Versions[0].Gate != digest(502) {
		t.Errorf("judged again on more labels: %+v, %v", s.Versions[0], err)
	}
	if _, err := s.Gated(1, true, "report"); !fault.Is(err, fault.Invalid) {
		t.Errorf("a report without a digest: %v", err)
	}
}

func TestRefuse(t *testing.T) {
	s := story(t, "register")
	if _, err := s.Refuse(1, ""); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a reason: %v", err)
	}
	s, err := s.Refuse(1, strings.Repeat("é", 400)+"x") // 801 bytes, cut within a character
	if v := s.Versions[0]; err != nil || v.Status != Refused || v.Reason != strings.Repeat("é", 256) {
		t.Errorf("got %q, %v", v.Reason, err)
	}
	s = story(t, "register")
	s, _ = s.Refuse(1, "a"+strings.Repeat("é", 400))
	if v := s.Versions[0]; v.Reason != "a"+strings.Repeat("é", 255) {
		t.Errorf("cut within a character: %q", v.Reason)
	}
}
