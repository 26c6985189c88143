// Command validate is the function that takes data in, checks it, splits it, and assembles the data of a retraining.
package main

import (
	"mlops/functions/internal/cloud"
	"mlops/functions/internal/settings"
	"mlops/functions/internal/validate"
	"mlops/shared/config"
	"mlops/shared/topology"
)

func main() {
	cloud.Main(topology.Validate, func(c config.Validate, p *cloud.Platform) (cloud.Doors, error) {
		h := &validate.Handler{Control: p.Store, Blobs: p.Data, Now: p.Now, NewID: p.NewID, Sign: p.Sign, Checkpoints: settings.Checkpoints(p.Config), Quality: settings.Quality(p.Config), Selection: settings.Selection(p.Config), Drift: settings.DriftPolicy(p.Config), Log: p.Log}
		return cloud.Doors{HTTP: h.Routes(), Event: h.Event, Object: cloud.Uploads(h.Accept), Limit: cloud.MaxUpload}, nil
	})
}
