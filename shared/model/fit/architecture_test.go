package fit_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fits is what testdata/digest prints, by name of the fit.
type fits map[string]struct {
	Digest      string
	Predictions []float64
}

// build compiles testdata/digest for an architecture.
func build(t *testing.T, arch string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it compiles the trainer for another architecture: not with -short")
	}
	path := filepath.Join(t.TempDir(), "digest")
	c := exec.Command("go", "build", "-o", path, "./testdata/digest")
	c.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build for %s: %v\n%s", arch, err, out)
	}
	return path
}

func run(t *testing.T, name string, args ...string) fits {
	t.Helper()
	c := exec.Command(name, args...)
	var problems bytes.Buffer
	c.Stderr = &problems
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, problems.String())
	}
	got := fits{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var l struct {
			Name, Digest string
			Predictions  []float64
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		got[l.Name] = struct {
			Digest      string
			Predictions []float64
		}{l.Digest, l.Predictions}
	}
	return got
}

// TestSameBytesOnOtherProcessors: trees trained on arm64 are those trained on amd64, to the byte, and predict the same bits; linear models
// predict within 1e-9. qemu-aarch64 (Debian: qemu-user) runs the one on the other.
func TestSameBytesOnOtherProcessors(t *testing.T) {
	qemu, err := exec.LookPath("qemu-aarch64")
	if err != nil {
		t.Skip("there is no qemu-aarch64 to run a program for arm64: Debian has it in qemu-user")
	}
	amd, arm := run(t, build(t, "amd64")), run(t, qemu, build(t, "arm64"))
	if len(amd) < 20 || len(amd) != len(arm) {
		t.Fatalf("%d fits on amd64, %d on arm64: want as many, and 20 or more", len(amd), len(arm))
	}
	for name, a := range amd {
		b := arm[name]
		linear := strings.HasSuffix(name, "linear")
		if !linear && a.Digest != b.Digest {
			t.Errorf("%s: the artefact is %s on amd64, %s on arm64", name, a.Digest, b.Digest)
		}
		if len(a.Predictions) == 0 || len(a.Predictions) != len(b.Predictions) {
			t.Errorf("%s: %d predictions on amd64, %d on arm64", name, len(a.Predictions), len(b.Predictions))
			continue
		}
		for i, v := range a.Predictions {
			if w := b.Predictions[i]; !(math.Abs(v-w) <= 1e-9*max(1, math.Abs(v))) || !linear && v != w {
				t.Errorf("%s: prediction %d is %v on amd64, %v on arm64", name, i, v, w)
				break
			}
		}
	}
}

// inexact are the files in which a product may be fused with a sum: linear models are promised within 1e-9 only. dot.go and axpy.go are gonum's.
var inexact = []string{"linear.go", "design.go", "objective.go", "newton.go", "proximal.go", "coefficients.go", "dot.go", "axpy.go"}

// TestNoFusedMultiplyAdd reads the machine code for arm64 of everything that trees are trained and walked by. The compiler fuses x*y + z there,
// which rounds once instead of twice, unless the product is converted: float64(x*y) + z.
func TestNoFusedMultiplyAdd(t *testing.T) {
	out, err := exec.Command("go", "tool", "objdump", "-s", `^(mlops/shared/(elementary|model)|math\.)`, build(t, "arm64")).Output()
	if err != nil {
		t.Fatal(err)
	}
	function, fused := regexp.MustCompile(`^TEXT (\S+)`), regexp.MustCompile(`^\s*(\w+\.go):(\d+)\s.*\sFN?M(ADD|SUB)[SD]\s`)
	var name string
	functions, seen := 0, false
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		if m := function.FindStringSubmatch(lines.Text()); m != nil {
			name = m[1]
			functions++
		}
		if m := fused.FindStringSubmatch(lines.Text()); m != nil {
			standard := strings.HasPrefix(name, "math.")
			seen = seen || standard
			if !standard && !slices.Contains(inexact, m[1]) {
				t.Errorf("%s:%s (%s) fuses a product with a sum: write float64(x*y) + z", m[1], m[2], name)
			}
		}
	}
	if functions < 200 || !seen {
		t.Errorf("%d functions were read, fused instructions of the standard library seen: %v; the test looks at the wrong place", functions, seen)
	}
}
