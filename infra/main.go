// The cloud stack: the functions, routes, events, schedules and grants of shared/topology as one CloudFormation template.
//
// It is run by the CDK's command line, as cdk.json says, or by itself from the project's root:
//
//	CDK_OUTDIR=cdk.out dist/stack -c env=prod -c arch=x86_64
//
// Both give the same template: what the command line would hand over from cdk.json is read here where it did not.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

func main() {
	code := run(os.Args[1:], os.Stderr.WriteString)
	jsii.Close()
	os.Exit(code)
}

func run(args []string, complain func(string) (int, error)) int {
	root, err := findRoot()
	if err == nil {
		err = synthesise(root, args)
	}
	if err != nil {
		_, _ = complain("stack: " + err.Error() + "\n") // nobody is left to tell
		return 1
	}
	return 0
}

func synthesise(root string, args []string) error {
	context, err := contextOf(root, args)
	if err != nil {
		return err
	}
	app := newApp(context, nil)
	settings, err := load(app)
	if err != nil {
		return err
	}
	if settings.dist == "" {
		settings.dist = filepath.Join(root, "dist")
	}
	if err := settings.built(); err != nil {
		return err
	}
	build(app, settings)
	app.Synth(nil)
	return nil
}

// findRoot finds the project's root, where cdk.json lies: the working directory or one above it.
func findRoot() (string, error) {
	for _, dir := range []string{".", ".."} {
		if _, err := os.Stat(filepath.Join(dir, "cdk.json")); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("there is no cdk.json here or one directory above: run it in the project's root")
}

// contextOf reads the context of cdk.json and puts -c key=value on top of it. What the CDK's command line passes goes on top of both.
func contextOf(root string, args []string) (map[string]any, error) {
	b, err := os.ReadFile(filepath.Join(root, "cdk.json"))
	if err != nil {
		return nil, err
	}
	var file struct{ Context map[string]any }
	if err := json.Unmarshal(b, &file); err != nil {
		return nil, fmt.Errorf("read cdk.json: %w", err)
	}
	context := file.Context
	if context == nil {
		context = map[string]any{}
	}
	for i := 0; i < len(args); i++ {
		key, value, ok := "", "", false
		if args[i] == "-c" && i+1 < len(args) {
			i++
			key, value, ok = strings.Cut(args[i], "=")
		}
		if !ok {
			return nil, fmt.Errorf("%q is not understood: use -c key=value", args[i])
		}
		context[key] = value
	}
	return context, nil
}

// newApp makes an app that writes into every resource where it comes from: SAM finds a function's folder by it.
func newApp(context map[string]any, outdir *string) awscdk.App {
	context["aws:cdk:enable-asset-metadata"] = true
	context["aws:cdk:enable-path-metadata"] = true
	return awscdk.NewApp(&awscdk.AppProps{Context: &context, Outdir: outdir, AnalyticsReporting: jsii.Bool(false), TreeMetadata: jsii.Bool(false)})
}
