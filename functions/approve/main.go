// Command approve is the function that shows what is to be decided and records votes.
package main

import (
	"mlops/functions/internal/approve"
	"mlops/functions/internal/cloud"
	"mlops/shared/config"
	"mlops/shared/topology"
)

func main() {
	cloud.Main(topology.Approve, func(c config.Approve, p *cloud.Platform) (cloud.Doors, error) {
		h := &approve.Handler{Control: p.Store, Verify: p.Account.Key(c.ApprovalKey, cloud.ApprovalKID).Verify, Now: p.Now, NewID: p.NewID, Log: p.Log}
		return cloud.Doors{HTTP: h.Routes()}, nil
	})
}
