// Command predict is the function that answers predictions, captures them, and takes labels.
package main

import (
	"mlops/functions/internal/cloud"
	"mlops/functions/internal/predict"
	"mlops/functions/internal/serving"
	"mlops/shared/config"
	"mlops/shared/topology"
)

func main() {
	cloud.Main(topology.Predict, func(c config.Predict, p *cloud.Platform) (cloud.Doors, error) {
		loader := &serving.Loader{Control: p.Store, Artefacts: p.Models, TTL: c.ModelTTL, Now: p.Now, Stale: p.Stale}
		h := &predict.Handler{Models: loader, Blobs: p.Data, Control: p.Store, Default: predict.DefaultModel(p.Store, c.DefaultModel), Now: p.Now, NewID: p.NewID,
			Started: p.Now(), AcceptUnseen: c.AcceptUnseen, Log: p.Log}
		return cloud.Doors{HTTP: h.Routes(), Event: h.Event, Probe: c.ProbeKeyID}, nil
	})
}
