package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mlops/functions/internal/loopback"
	"mlops/functions/internal/runtimeapi"
	"mlops/shared/fault"
	"mlops/shared/topology"
)

// maxEvent is the largest payload of an invocation, bytes: Lambda's own limit.
const maxEvent = 6 << 20

func invokeCommand(a *app) *cobra.Command {
	var file, dist, state string
	var env []string
	var timeout time.Duration
	c := &cobra.Command{
		Use: "invoke <function>", Short: "Let a function's built bootstrap answer an event, behind a Lambda Runtime API on this machine", Args: cobra.ExactArgs(1),
		Long: "invoke starts dist/host/<function>/bootstrap (made by `make build`) as Lambda starts it, hands it one event and prints what it answers.\n" +
			"Its cloud is a copy of the state in --state, answered on loopback: what it changes is not kept, and its events and mails go nowhere. Where\n" +
			"DATA_BUCKET or AWS_ENDPOINT_URL is said, its environment is what this process knows as AWS_* and what --env says. Its log goes to stderr.\n" +
			"The exit code is 1 where an HTTP answer has a status of 400 or more, 2 where the event or the environment is wrong, 3 where the function failed.",
		RunE: func(c *cobra.Command, args []string) error {
			spec := topology.Of(topology.Function(args[0]))
			if spec.Name == "" {
				return usage{fmt.Errorf("there is no function %q: %s", args[0], functionNames())}
			}
			event, err := readEvent(file, c.InOrStdin())
			if err != nil {
				return err
			}
			said, err := variables(env)
			if err != nil {
				return err
			}
			bootstrap := filepath.Join(dist, args[0], "bootstrap")
			if _, err := os.Stat(bootstrap); err != nil {
				return usage{fmt.Errorf("%w: `make build` makes it", err)}
			}
			environ := inherited()
			if said["DATA_BUCKET"] == "" && said["AWS_ENDPOINT_URL"] == "" && environ["AWS_ENDPOINT_URL"] == "" {
				cloud, err := a.loopback(state, c.Flags().Changed("state"))
				if err != nil {
					return err
				}
				defer cloud.Close()
				environ = cloud.Environ() // and nothing of this process: the credentials of an account stay at home
			}
			maps.Copy(environ, said)
			if timeout == 0 {
				timeout = spec.Timeout
			}
			sandbox, err := runtimeapi.Start(c.Context(), runtimeapi.Options{Bootstrap: bootstrap, Name: args[0], Env: environ, Memory: spec.Memory, Timeout: timeout, Output: a.err})
			if err != nil {
				return invocationError(err)
			}
			defer sandbox.Close()
			answer, err := sandbox.Invoke(c.Context(), event)
			if err != nil {
				return invocationError(err)
			}
			return a.answered(answer)
		},
	}
	c.Flags().StringVar(&file, "event", "", "file with the event, such as events/predict.json; - = stdin")
	c.Flags().StringVar(&state, "state", envOr("MLOPS_STATE", ".local"), "the folder that holds the state whose copy is the function's cloud")
	c.Flags().StringArrayVar(&env, "env", nil, "NAME=value for the function's environment; may be given again")
	c.Flags().StringVar(&dist, "dist", filepath.Join("dist", "host"), "folder of the built bootstraps")
	c.Flags().DurationVar(&timeout, "timeout", 0, "of the invocation (default: the function's own)")
	return c
}

func functionNames() string {
	var names []string
	for _, s := range topology.Functions {
		names = append(names, string(s.Name))
	}
	return "one of " + strings.Join(names, ", ")
}

func readEvent(file string, in io.Reader) ([]byte, error) {
	if file == "" {
		return nil, usage{fmt.Errorf("--event is missing: a file such as events/predict.json, or - for stdin")}
	}
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, usage{err}
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxEvent+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) > maxEvent:
		return nil, fault.Invalidf("the event has more than %d bytes", maxEvent).WithCode(fault.CodeTooLarge)
	case !json.Valid(b):
		return nil, fault.Invalidf("the event in %s is not JSON", file)
	}
	return b, nil
}

// inherited is what this process knows of AWS.
func inherited() map[string]string {
	environ := map[string]string{}
	for _, kv := range os.Environ() {
		if name, value, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "AWS_") && !strings.HasPrefix(name, "AWS_LAMBDA_") {
			environ[name] = value
		}
	}
	return environ
}

// variables reads what --env said.
func variables(said []string) (map[string]string, error) {
	set := map[string]string{}
	for _, kv := range said {
		name, value, ok := strings.Cut(kv, "=")
		if !ok || name == "" {
			return nil, usage{fmt.Errorf("--env %q is not NAME=value", kv)}
		}
		set[name] = value
	}
	return set, nil
}

// loopback makes a cloud of a copy of the state in dir. One that was asked for must be there.
func (a *app) loopback(dir string, asked bool) (*loopback.Cloud, error) {
	if _, err := os.Stat(filepath.Join(dir, "control.db")); err != nil {
		if asked {
			return nil, usage{fmt.Errorf("there is no state in %s: `make run` makes one that serves a model", dir)}
		}
		fmt.Fprintf(a.err, "there is no state in %s: the function answers on an empty platform; `make run` makes one that serves a model\n", dir)
		dir = ""
	}
	return loopback.Open(dir, time.Now)
}

// invocationError classifies a failure by the name under which the function reported it.
func invocationError(err error) error {
	f, ok := runtimeapi.IsFailure(err)
	if !ok {
		return err
	}
	kind := fault.Internal
	for _, k := range []fault.Kind{fault.Unavailable, fault.Invalid, fault.NotFound, fault.Conflict, fault.Denied} {
		if strings.EqualFold(f.Type, strings.ReplaceAll(k.String(), "_", "")) {
			kind = k
		}
	}
	return fault.New(kind, "%s", f.Error())
}

// answered prints what a function answered. An HTTP answer with an error's status is a negative one.
func (a *app) answered(b []byte) error {
	a.answer = json.RawMessage(b)
	if !a.json {
		var shown bytes.Buffer
		if json.Indent(&shown, b, "", " ") != nil {
			shown.Reset()
			shown.Write(b)
		}
		a.printf("%s\n", shown.Bytes())
	}
	var http struct {
		Status int `json:"statusCode"`
	}
	if json.Unmarshal(b, &http) == nil && http.Status >= 400 {
		return errNegative
	}
	return nil
}
