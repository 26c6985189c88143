package dashboard

import (
	"context"
	"net/http"
	"slices"

	"mlops/functions/internal/trend"
	"mlops/shared/control"
	"mlops/shared/fault"
	"mlops/shared/quality"
	"mlops/shared/registry"
)

// subjects are the kinds of history there are, by the word of the route.
var subjects = map[string]func(string) string{"dataset": trend.Dataset, "traffic": trend.Traffic, "batch": trend.Batches}

// quality answers GET /quality/{kind}/{name}: how each series stands, and the series.
func (h *Handler) quality(r *http.Request) (any, error) {
	subject, ok := subjects[r.PathValue("kind")]
	if !ok {
		return nil, fault.NotFoundf("there is no quality of a %.40q: dataset, traffic and batch are followed", r.PathValue("kind"))
	}
	var history quality.History
	if _, err := h.Control.Get(r.Context(), control.Quality(subject(r.PathValue("name"))), &history); err != nil {
		return nil, fault.Wrap(err, "find the quality of %.80q: nothing of it has come yet", subject(r.PathValue("name")))
	}
	return map[string]any{"subject": history.Subject, "at": history.At, "ids": history.IDs, "lines": history.Lines(), "values": history.Values}, nil
}

// followed are the histories that concern a model: its traffic, its batches, and the datasets its versions were trained on.
func (h *Handler) followed(ctx context.Context, model string) ([]quality.History, error) {
	var state registry.State
	if _, err := h.Control.Get(ctx, control.State(model), &state); err != nil {
		return nil, fault.Wrap(err, "find the model %.60q", model)
	}
	var datasets []string
	for _, v := range state.Versions {
		datasets = append(datasets, v.Dataset)
	}
	names := []string{trend.Traffic(model), trend.Batches(model)}
	slices.Sort(datasets)
	for _, d := range slices.Compact(datasets) {
		names = append(names, trend.Dataset(d))
	}
	var out []quality.History
	for _, name := range names {
		var history quality.History
		switch _, err := h.Control.Get(ctx, control.Quality(name), &history); {
		case err == nil:
			out = append(out, history)
		case !fault.Is(err, fault.NotFound):
			return nil, err
		}
	}
	return out, nil
}
