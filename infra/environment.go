package main

import (
	"mlops/shared/config"
	"mlops/shared/topology"
)

// nobody stands for the owner where none was named: a name that can have no mailbox (RFC 2606). Alarms and incidents still reach the topic.
const nobody = "nobody@mlops.invalid"

// environment is what a function is told, written by the same bindings that it reads it with.
func (p *platform) environment(spec topology.Spec) *map[string]*string {
	everywhere := config.Platform{
		Stage: p.settings.env, DataBucket: *p.data.BucketName(), ModelBucket: *p.models.BucketName(), ControlTable: *p.control.TableName(), AuditTable: *p.audit.TableName(),
		IdempotencyTable: *p.idempotency.TableName(), EventBus: *p.bus.EventBusName(),
	}
	predict, err := config.Load[config.Predict](unknown)
	must(err)
	predict.Platform, predict.ProbeKeyID = everywhere, *p.prober.KeyId()
	var environ map[string]string
	switch spec.Name {
	case topology.Predict:
		environ = config.Environ(predict)
	case topology.Train:
		c, err := config.Load[config.Train](unknown)
		must(err)
		c.Platform = everywhere
		environ = config.Environ(c)
	case topology.Validate:
		environ = config.Environ(config.Validate{Platform: everywhere})
	case topology.DriftCheck:
		c, err := config.Load[config.DriftCheck](unknown)
		must(err)
		c.Platform = everywhere
		environ = config.Environ(c)
	case topology.Agent:
		environ = config.Environ(config.Agent{
			Platform: everywhere, ApprovalsTopic: *p.approvals.TopicArn(), AlertsTopic: *p.alerts.TopicArn(), ApprovalKey: *p.tokens.KeyId(),
			PublicURL: p.publicURL(), PredictURL: p.address(p.main), ProbeKey: probeParameter(p.settings.env), ModelTTL: predict.ModelTTL,
			Owner: p.owner(), Approvers: p.settings.approvers,
		})
	case topology.Report:
		environ = config.Environ(config.Report{Platform: everywhere})
	case topology.Approve:
		environ = config.Environ(config.Approve{Platform: everywhere, ApprovalKey: *p.tokens.KeyId()})
	case topology.Dashboard:
		environ = config.Environ(config.Dashboard{Platform: everywhere})
	default:
		panic("the stack does not know what to tell the function " + string(spec.Name))
	}
	out := map[string]*string{}
	for k, v := range environ {
		out[k] = &v
	}
	return &out
}

// unknown is an environment that says nothing but that there are names: what is loaded from it beside them are the defaults.
func unknown(name string) string {
	return config.Environ(config.Validate{Platform: config.Platform{DataBucket: "unknown", ModelBucket: "unknown", ControlTable: "unknown", AuditTable: "unknown", IdempotencyTable: "unknown"}})[name]
}

// owner is who incidents are addressed to.
func (p *platform) owner() string {
	if len(p.settings.owners) == 0 {
		return nobody
	}
	return p.settings.owners[0]
}

// must stops a stack that contradicts the rooms it is built from: a defect here, not a person's mistake.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
