package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func jsonOf(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestWrongSettings: every fault is named, at once.
func TestWrongSettings(t *testing.T) {
	app := newApp(map[string]any{"env": "staging", "arch": "mips", "owners": "nobody", "approvers": "a@example.com,a@example.com", "publicUrl": "http://example.com?x", "reserved": "perhaps", "rate": "0",
		"logDays": "31", "schedule.drift": "hourly", "schedule.drfit": "off", "owner": "a@example.com", "account": "12", "region": "here"}, nil)
	_, err := load(app)
	if err == nil {
		t.Fatal("no error")
	}
	for _, key := range []string{"env", "arch", "owners", "approvers", "publicUrl", "reserved", "rate", "logDays", "schedule.drift", "schedule.drfit", "owner", "account", "region"} {
		if !strings.Contains(err.Error(), "-c "+key+"=") {
			t.Errorf("%s is not named in %v", key, err)
		}
	}
}

// TestProductionNamesPeople: a platform that asks nobody would wait for ever.
func TestProductionNamesPeople(t *testing.T) {
	_, err := load(newApp(map[string]any{"env": "prod"}, nil))
	if err == nil || !strings.Contains(err.Error(), "owners") || !strings.Contains(err.Error(), "approvers") {
		t.Errorf("error %v", err)
	}
}

// TestNotBuilt: what is missing, and what was built for another machine, is named.
func TestNotBuilt(t *testing.T) {
	dist := t.TempDir()
	s := settings{arch: "arm64", dist: dist}
	if err := s.built(); err == nil || strings.Count(err.Error(), "bootstrap") < 8 || !strings.Contains(err.Error(), "make build") {
		t.Errorf("error %v", err)
	}
	must(bootstraps(dist, "arm64"))
	if err := s.built(); err != nil {
		t.Error(err)
	}
	must(bootstraps(dist, "x86_64"))
	if err := s.built(); err == nil || !strings.Contains(err.Error(), "EM_X86_64") {
		t.Errorf("error %v", err)
	}
}

func TestContext(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cdk.json"), []byte(`{"app":"x","context":{"env":"dev","rate":5}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := contextOf(dir, []string{"-c", "env=prod", "-c", "publicUrl=https://x.example/a=b"})
	if err != nil || got["env"] != "prod" || got["rate"] != 5.0 || got["publicUrl"] != "https://x.example/a=b" {
		t.Errorf("got %v, error %v", got, err)
	}
	for _, args := range [][]string{{"-c"}, {"-c", "env"}, {"env=prod"}} {
		if _, err := contextOf(dir, args); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
