package drift

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// oracle reads a file made by other people's software; the test is skipped where it is not there.
func oracle(t testing.TB, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(oraclePath(name))
	if err != nil {
		t.Skipf("no oracle: %v (set MLOPS_SHARED to the directory that holds oracle/)", err)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

func oraclePath(name string) string {
	root := os.Getenv("MLOPS_SHARED")
	if root == "" {
		root = "../../../shared" // beside the repository
	}
	return filepath.Join(root, "oracle", "drift", name)
}

// near fails unless got is within rel of want, relatively, or both are within 1e-300 of zero.
func near(t *testing.T, what string, got, want, rel float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > rel*math.Abs(want)+1e-300 {
		t.Errorf("%s = %.17g, want %.17g", what, got, want)
	}
}
