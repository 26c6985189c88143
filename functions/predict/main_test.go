package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// maxBytes is the largest executable for Lambda, stripped, for arm64: its size is its cold start.
const maxBytes = 24_000_000

// TestLinksLittle: answering predictions needs no trainer, no decision, no document, no database engine and no command line.
func TestLinksLittle(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-tags", "lambda.norpc", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	if len(packages) < 100 {
		t.Fatalf("only %d packages are listed", len(packages))
	}
	for _, p := range packages {
		for _, forbidden := range []string{"modernc.org/", "github.com/spf13/", "aws-cdk", "jsii", "parquet", "xray", "mlops/shared/model/fit", "mlops/shared/training", "mlops/shared/drift", "mlops/shared/remedy",
			"mlops/shared/document", "mlops/shared/platform/local", "mlops/shared/expect", "html/template", "gonum.org/v1/plot"} {
			if strings.Contains(p, forbidden) {
				t.Errorf("predict links %s", p)
			}
		}
	}
}

func TestSize(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: it builds for arm64; make test runs it")
	}
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags=-s -w -buildid=", "-o", bootstrap, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	info, err := os.Stat(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f MB", float64(info.Size())/1e6)
	if info.Size() > maxBytes {
		t.Errorf("the bootstrap has %d bytes, more than %d", info.Size(), maxBytes)
	}
}
