package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
)

const goldenTemplate = "testdata/mlops-dev.template.json"

// peopled is the usual stack with somebody to tell and somebody to ask: what the root module's tests deploy to an emulator.
var peopled = []string{"-c", "owners=owner@example.com", "-c", "approvers=alice@example.com"}

// asset is what names a function's code: it changes with every build, and with it nothing else.
var asset = regexp.MustCompile(`\b[0-9a-f]{64}\b`)

// TestTemplate: the template that the root module's tests read is the one that is synthesised, but for the digests of the functions' code.
// After a change: go test -run TestTemplate -update, and read the diff.
func TestTemplate(t *testing.T) {
	tpl, err := synth(false, peopled...)
	if err != nil {
		t.Fatal(err)
	}
	got := append(bytes.TrimSpace(asset.ReplaceAll(tpl.text, []byte("<asset>"))), '\n')
	if *update {
		if err := os.WriteFile(goldenTemplate, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(goldenTemplate)
	if err != nil {
		t.Fatal(err)
	}
	before, after := strings.Split(string(want), "\n"), strings.Split(string(got), "\n")
	for i := range max(len(before), len(after)) {
		if i >= len(before) || i >= len(after) || before[i] != after[i] {
			t.Fatalf("%s is not what is synthesised, from line %d (of %d, now %d): write it anew with go test -run TestTemplate -update, and read the diff", goldenTemplate, i+1, len(before), len(after))
		}
	}
}
