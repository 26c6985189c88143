// Command agent is the function that gates, diagnoses, decides, asks, acts, verifies and undoes.
package main

import (
	"context"

	"mlops/functions/internal/agent"
	"mlops/functions/internal/cloud"
	"mlops/functions/internal/probe"
	"mlops/functions/internal/serving"
	"mlops/functions/internal/settings"
	"mlops/shared/config"
	"mlops/shared/platform/aws"
	"mlops/shared/platform/store"
	"mlops/shared/topology"
)

func main() {
	cloud.Main(topology.Agent, func(c config.Agent, p *cloud.Platform) (cloud.Doors, error) {
		mail := func(t *aws.Topic) func(context.Context, agent.Mail) error {
			return func(ctx context.Context, m agent.Mail) error {
				return p.Once(ctx, "mail/"+m.ID+"/"+m.To, func() error { return t.Send(ctx, m.To, m.Subject, m.Body) })
			}
		}
		if len(c.Approvers) == 0 {
			c.Approvers = []string{c.Owner}
		}
		loader := &serving.Loader{Control: p.Store, Artefacts: p.Models, Now: p.Now}
		prober := probe.Prober{URL: c.PredictURL, Key: p.Account.Secret(c.ProbeKey, p.Now).Value, Settle: c.ModelTTL}
		h := &agent.Handler{Control: p.Store, Blobs: p.Data, Loader: loader, Prober: prober, Mint: p.Account.Key(c.ApprovalKey, cloud.ApprovalKID).Mint,
			Send: mail(p.Account.Topic(c.ApprovalsTopic, "approver")), Alert: mail(p.Account.Topic(c.AlertsTopic, "owner")), Policy: settings.Agent(p.Config, c.Approvers),
			Base: c.PublicURL, Owner: c.Owner, Now: p.Now, NewID: p.NewID, Nonce: store.Nonce, Log: p.Log}
		return cloud.Doors{HTTP: h.Routes(), Event: h.Event}, nil
	})
}
