package train

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"mlops/functions/internal/release"
)

// Environment is where a training ran: what may make another training of the same data differ.
type Environment struct {
	Code     string `json:"code"`                // release, and the commit that it was built of
	Go       string `json:"go"`                  //
	OS       string `json:"os"`                  //
	Arch     string `json:"arch"`                //
	CPUs     int    `json:"cpus"`                //
	Threads  int    `json:"threads"`             // the result does not depend on it
	MemoryMB int    `json:"memory_mb,omitempty"` // that there was; 0 = not known
}

// Here is the environment of this process.
func Here(threads int) Environment {
	return Environment{Code: code(), Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Threads: threads, MemoryMB: Memory()}
}

// code is the release, with the commit where the build knows it.
func code() string {
	out := "mlops " + release.Version
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return out
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			out += " " + s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			out += "+"
		}
	}
	return out
}

// mbPerCPU is how much memory Lambda gives a whole processor with.
const mbPerCPU = 1769

// Threads is how many goroutines a fit should use: on Lambda as many whole processors as its memory gives, at least one, since below two full ones a
// second thread makes training slower; elsewhere as many as there are.
func Threads() int {
	if mb := lambdaMB(); mb > 0 {
		return max(1, mb/mbPerCPU)
	}
	return runtime.GOMAXPROCS(0)
}

func lambdaMB() int {
	mb, _ := strconv.Atoi(os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))
	return mb
}

// Memory is how many MB there are: Lambda's, the control group's limit, or what the machine has available; 0 where nobody says.
func Memory() int {
	if mb := lambdaMB(); mb > 0 {
		return mb
	}
	least := 0
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		b, err := os.ReadFile(file)
		if n, bad := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && bad == nil && n < 1<<50 {
			least = n >> 20
		}
	}
	b, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "MemAvailable:" {
			if kb, err := strconv.Atoi(f[1]); err == nil && (least == 0 || kb>>10 < least) {
				least = kb >> 10
			}
		}
	}
	return least
}
