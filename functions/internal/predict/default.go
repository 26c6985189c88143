package predict

import (
	"context"
	"fmt"

	"mlops/shared/fault"
)

// DefaultModel is what a request without a model's name means: the configured one, or where none is the only one there is. With several a
// request has to say which.
func DefaultModel(models interface {
	Models(ctx context.Context) ([]string, error)
}, configured string) func(ctx context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		if configured != "" {
			return configured, nil
		}
		names, err := models.Models(ctx)
		if err != nil {
			return "", err
		}
		switch len(names) {
		case 0:
			return "", fault.Unavailablef("there is no model yet: upload data by POST /datasets/{name}")
		case 1:
			return names[0], nil
		}
		return "", fault.Invalidf("there are %d models: say which with ?model=", len(names)).With(fault.Detail{Field: "model", Code: "missing", Expected: fmt.Sprintf("one of %v", names)})
	}
}
