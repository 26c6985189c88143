// Command report is the function that writes reports for people.
package main

import (
	"mlops/functions/internal/cloud"
	"mlops/functions/internal/report"
	"mlops/shared/config"
	"mlops/shared/topology"
)

func main() {
	cloud.Main(topology.Report, func(_ config.Report, p *cloud.Platform) (cloud.Doors, error) {
		h := &report.Handler{Control: p.Store, Blobs: p.Data, Price: report.Price, Now: p.Now, NewID: p.NewID, Log: p.Log}
		return cloud.Doors{HTTP: h.Routes(), Event: h.Event}, nil
	})
}
