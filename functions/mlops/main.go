// Command mlops is the whole platform on one machine, and the commands that work on data, models and a running platform.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"mlops/shared/fault"
)

// Exit codes.
const (
	exitOK       = 0
	exitNegative = 1 // a negative answer: rows failed, drift found, gate refused
	exitUsage    = 2 // bad usage or input
	exitInternal = 3
)

// errNegative is a command's answer "no", which is no failure of the command.
var errNegative = errors.New("negative answer")

// usage marks errors of the command line itself.
type usage struct{ error }

func (u usage) Unwrap() error { return u.error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// app is what every command shares.
type app struct {
	json   bool
	out    io.Writer // the answer
	err    io.Writer // progress and logs
	answer any       // printed as one JSON document with --json
}

func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	a := &app{out: out, err: errOut, json: slices.Contains(args, "--json")} // known even where the flags cannot be read
	root := &cobra.Command{
		Use:   "mlops",
		Short: "Validate, train, serve, watch and repair tabular models",
		Long:  "mlops takes a CSV to a served model and looks after it: validation, training, a statistical gate, serving, drift, diagnosis, approval, remedy, proof.",
		// Errors are printed once, here, in one form.
		SilenceErrors: true, SilenceUsage: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.PersistentFlags().BoolVar(&a.json, "json", a.json, "print one JSON document on stdout and nothing else there")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage{err} })
	root.SetArgs(args)
	root.SetOut(errOut)
	root.SetErr(errOut)
	for _, c := range []func(*app) *cobra.Command{serveCommand, demoCommand, validateCommand, suggestCommand, trainCommand, predictCommand, driftCommand,
		dataCommand, historyCommand, rollbackCommand, approvalsCommand, reportCommand, reproduceCommand, auditCommand, replayCommand, invokeCommand} {
		root.AddCommand(c(a))
	}
	return a.finish(root.ExecuteContext(ctx))
}

// finish prints what there is to print and gives the exit code.
func (a *app) finish(err error) int {
	if a.json && a.answer != nil && (err == nil || errors.Is(err, errNegative)) { // an answer that a later step spoilt is none
		if e := a.writeJSON(a.answer); e != nil && err == nil {
			err = e
		}
	}
	code := exitCode(err)
	if code == exitOK || errors.Is(err, errNegative) {
		return code
	}
	if a.json {
		details, kind := fault.Details(err), fault.KindOf(err).String()
		if code == exitUsage && fault.Is(err, fault.Internal) {
			kind = fault.Invalid.String() // of the command line itself, which has no kind of its own
		}
		if details == nil {
			details = []fault.Detail{}
		}
		_ = a.writeJSON(map[string]any{"error": kind, "message": err.Error(), "detail": details}) // stdout is gone: the exit code still speaks
	}
	a.explain(err)
	return code
}

func exitCode(err error) int {
	var u usage
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errNegative):
		return exitNegative
	case errors.As(err, &u):
		return exitUsage
	}
	switch fault.KindOf(err) {
	case fault.Invalid, fault.NotFound, fault.Conflict, fault.Denied:
		return exitUsage
	}
	if isUsage(err) {
		return exitUsage
	}
	return exitInternal
}

// isUsage recognises cobra's own errors, which have no type.
func isUsage(err error) bool {
	for _, prefix := range []string{"unknown command", "unknown flag", "unknown shorthand", "accepts ", "requires ", "required flag"} {
		if len(err.Error()) >= len(prefix) && err.Error()[:len(prefix)] == prefix {
			return true
		}
	}
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EISDIR)
}

// explain prints an error for people: the message, then every problem on a line of its own.
func (a *app) explain(err error) {
	var f *fault.Error
	if !errors.As(err, &f) {
		fmt.Fprintln(a.err, "mlops:", err)
		return
	}
	fmt.Fprintln(a.err, "mlops:", messages(err))
	for _, d := range fault.Details(err) {
		fmt.Fprintln(a.err, "  -", d)
	}
}

// messages is the chain of what was attempted, without the problems. An error of another type says all itself: what it unwraps to is its class.
func messages(err error) string {
	if u, is := err.(usage); is {
		return messages(u.error)
	}
	f, ok := err.(*fault.Error)
	if !ok {
		return err.Error()
	}
	if f.Err == nil {
		return f.Message
	}
	return f.Message + ": " + messages(f.Err)
}

func (a *app) writeJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// printf writes for people; with --json stdout is kept for the document.
func (a *app) printf(format string, args ...any) {
	w := a.out
	if a.json {
		w = a.err
	}
	fmt.Fprintf(w, format, args...)
}
