package validate

import (
	"context"

	"mlops/functions/internal/trend"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/fault"
)

// observe joins an upload to the history of its dataset. The data of a retraining is none: it is made here, of an upload that was followed and of
// traffic that is followed by the day. A history that cannot be read keeps no data out.
func (h *Handler) observe(ctx context.Context, e event.Event, u event.Upload, p prepared) ([]control.Doc, []event.Event, error) {
	if p.table == nil || u.Fresh > 0 || u.Incident != "" {
		return nil, nil, nil
	}
	docs, alerts, err := trend.Follower{Control: h.Control, Policy: h.Quality, NewID: h.NewID}.Add(ctx,
		trend.Batch{Subject: trend.Dataset(u.Dataset), Model: u.Model, ID: u.Job, At: e.Time, Frame: p.table})
	if err != nil && !fault.Is(err, fault.Unavailable) {
		h.Log.ErrorContext(ctx, "the quality of an upload was not followed", "dataset", u.Dataset, "error", err)
		return nil, nil, nil
	}
	return docs, alerts, err
}
