// Command measure runs a command and prints how long it took, the processor time it used and the most memory it held, as one row of a
// table: measure LABEL COMMAND [ARGUMENT ..]. The command's output goes nowhere, its complaints to ours.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "measure LABEL COMMAND [ARGUMENT ..]")
		os.Exit(2)
	}
	c := exec.Command(os.Args[2], os.Args[3:]...)
	c.Stderr = os.Stderr
	start := time.Now()
	err := c.Run()
	took := time.Since(start)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
	unit := int64(1 << 10)
	if runtime.GOOS == "darwin" {
		unit = 1
	}
	most := c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss * unit
	fmt.Printf("| %-58s | %7.2f s | %7.2f s | %5d MB |\n", os.Args[1], took.Seconds(), (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(), most/1e6)
}
