package main

import (
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"mlops/shared/training"
)

// bar shows a training's progress: a moving bar on a terminal, one line at the end elsewhere.
type bar struct {
	w   io.Writer
	tty bool
	bar *progressbar.ProgressBar
}

func newBar(w io.Writer) *bar {
	f, ok := w.(*os.File)
	return &bar{w: w, tty: ok && term.IsTerminal(int(f.Fd()))}
}

func (b *bar) show(p training.Progress) {
	best := fmt.Sprintf("best %s %s %.3f", p.BestName, p.Metric, float64(p.Best))
	if !b.tty {
		if p.Done == p.Total && p.Total > 0 {
			fmt.Fprintf(b.w, "train     [####################] %d/%d fits  %s\n", p.Done, p.Total, best)
		}
		return
	}
	if b.bar == nil {
		b.bar = progressbar.NewOptions(p.Total, progressbar.OptionSetWriter(b.w), progressbar.OptionSetWidth(20), progressbar.OptionShowCount(),
			progressbar.OptionSetTheme(progressbar.Theme{Saucer: "#", SaucerPadding: ".", BarStart: "[", BarEnd: "]"}))
	}
	b.bar.ChangeMax(p.Total)
	b.bar.Describe("train     " + p.Running)
	_ = b.bar.Set(p.Done) // a bar that cannot be drawn is no reason to stop a training
	if p.Done == p.Total {
		b.bar.Describe("train     " + best)
		fmt.Fprintln(b.w)
		b.bar = nil
	}
}
