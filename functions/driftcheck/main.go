// Command driftcheck is the function that measures captured traffic against the reference kept with the model.
package main

import (
	"mlops/functions/internal/cloud"
	"mlops/functions/internal/driftcheck"
	"mlops/functions/internal/serving"
	"mlops/functions/internal/settings"
	"mlops/shared/config"
	"mlops/shared/topology"
)

func main() {
	cloud.Main(topology.DriftCheck, func(c config.DriftCheck, p *cloud.Platform) (cloud.Doors, error) {
		loader := &serving.Loader{Control: p.Store, Artefacts: p.Models, Now: p.Now}
		h := &driftcheck.Handler{Control: p.Store, Blobs: p.Data, Loader: loader, Settings: settings.Drift(p.Config), Span: driftcheck.Span{Window: c.Window, Rows: c.WindowRows},
			Quality: settings.Quality(p.Config), Stage: c.Stage, Emit: cloud.Emit, Now: p.Now, NewID: p.NewID, Log: p.Log}
		return cloud.Doors{HTTP: h.Routes(), Event: h.Event}, nil
	})
}
