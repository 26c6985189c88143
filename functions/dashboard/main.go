// Command dashboard is the function that shows everything and changes nothing.
package main

import (
	"mlops/functions/internal/cloud"
	"mlops/functions/internal/dashboard"
	"mlops/shared/config"
	"mlops/shared/topology"
)

func main() {
	cloud.Main(topology.Dashboard, func(_ config.Dashboard, p *cloud.Platform) (cloud.Doors, error) {
		h := &dashboard.Handler{Control: p.Store, Blobs: p.Data, Now: p.Now, Log: p.Log}
		return cloud.Doors{HTTP: h.Routes()}, nil
	})
}
