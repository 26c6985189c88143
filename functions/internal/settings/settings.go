// Package settings reads the policies that decisions are made by: the defaults that lie beside their rooms, and the operator's overrides.
package settings

import (
	"context"

	"mlops/functions/internal/agent"
	"mlops/functions/internal/driftcheck"
	"mlops/shared/drift"
	"mlops/shared/drift/alert"
	"mlops/shared/evaluate"
	"mlops/shared/expect"
	"mlops/shared/model/fit"
	"mlops/shared/platform"
	"mlops/shared/quality"
	"mlops/shared/remedy"
	"mlops/shared/training"
	"mlops/shared/training/selection"
)

// Reader gives the operator's override of a name; nil when there is none.
type Reader func(ctx context.Context, name string) ([]byte, error)

// Agent reads policy.yaml and gate.yaml. Where the policy names nobody to ask, approvers are asked.
func Agent(read Reader, approvers []string) func(ctx context.Context) (agent.Policies, error) {
	return func(ctx context.Context) (p agent.Policies, err error) {
		defaults := remedy.DefaultPolicy()
		if len(defaults.Approval.Approvers) == 0 {
			defaults.Approval.Approvers = approvers
		}
		if p.Remedy, err = one(ctx, read, "policy", defaults); err != nil {
			return p, err
		}
		p.Gate, err = one(ctx, read, "gate", evaluate.DefaultPolicy())
		return p, err
	}
}

// Drift reads drift.yaml and alerts.yaml.
func Drift(read Reader) func(ctx context.Context) (driftcheck.Settings, error) {
	return func(ctx context.Context) (s driftcheck.Settings, err error) {
		if s.Config, err = one(ctx, read, "drift", driftcheck.DefaultConfig()); err != nil {
			return s, err
		}
		s.Alerts, err = one(ctx, read, "alerts", alert.DefaultPolicy())
		return s, err
	}
}

// DriftPolicy reads drift.yaml for those who want to know only when a change counts.
func DriftPolicy(read Reader) func(ctx context.Context) (drift.Policy, error) {
	return func(ctx context.Context) (drift.Policy, error) {
		c, err := one(ctx, read, "drift", driftcheck.DefaultConfig())
		return c.Policy, err
	}
}

// Selection reads selection.yaml.
func Selection(read Reader) func(ctx context.Context) (selection.Policy, error) {
	return func(ctx context.Context) (selection.Policy, error) {
		return one(ctx, read, "selection", selection.DefaultPolicy())
	}
}

// Features reads features.yaml.
func Features(read Reader) func(ctx context.Context) (fit.Recipes, error) {
	return func(ctx context.Context) (fit.Recipes, error) { return one(ctx, read, "features", fit.Recipes{}) }
}

// Checkpoints reads checkpoints.yaml.
func Checkpoints(read Reader) func(ctx context.Context) (expect.Checkpoints, error) {
	return func(ctx context.Context) (expect.Checkpoints, error) {
		return one(ctx, read, "checkpoints", expect.DefaultCheckpoints())
	}
}

// Quality reads quality.yaml.
func Quality(read Reader) func(ctx context.Context) (quality.Policy, error) {
	return func(ctx context.Context) (quality.Policy, error) {
		return one(ctx, read, "quality", quality.DefaultPolicy())
	}
}

func one[T interface{ Validate() error }](ctx context.Context, read Reader, name string, defaults T) (T, error) {
	b, err := read(ctx, name)
	if err != nil {
		return defaults, err
	}
	return platform.Settings(name+".yaml", b, defaults)
}

// Models reads model_config.yaml, over the one that the program comes with.
func Models(read Reader) func(ctx context.Context) (training.Config, error) {
	return func(ctx context.Context) (training.Config, error) {
		own, err := read(ctx, "model_config")
		if err != nil {
			return training.Config{}, err
		}
		return ModelConfig("model_config.yaml", own)
	}
}

// ModelConfig reads a model configuration over the shipped one. The error names every mistake with its line.
func ModelConfig(name string, own []byte) (training.Config, error) {
	shipped, err := platform.ReadDocument("the shipped model_config.yaml", training.ShippedConfig)
	if err != nil {
		return training.Config{}, err
	}
	d, err := platform.ReadDocument(name, own)
	if err != nil {
		return training.Config{}, err
	}
	c, err := training.ReadConfig(shipped.Value, d.Value)
	return c, d.Locate(err)
}
