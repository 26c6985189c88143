// Command train is the function that trains candidates and registers the best as a new version.
package main

import (
	"mlops/functions/internal/cloud"
	"mlops/functions/internal/settings"
	"mlops/functions/internal/train"
	"mlops/shared/config"
	"mlops/shared/topology"
)

func main() {
	cloud.Main(topology.Train, func(c config.Train, p *cloud.Platform) (cloud.Doors, error) {
		if c.Threads == 0 {
			c.Threads = train.Threads()
		}
		h := &train.Handler{Control: p.Store, Blobs: p.Data, Artefacts: p.Models, Now: p.Now, NewID: p.NewID, Threads: c.Threads, Folds: c.Folds, MemoryMB: train.Memory(), Models: settings.Models(p.Config),
			Selection: settings.Selection(p.Config), Drift: settings.DriftPolicy(p.Config), Features: settings.Features(p.Config), Log: p.Log}
		return cloud.Doors{HTTP: h.Routes(), Event: h.Event}, nil
	})
}
