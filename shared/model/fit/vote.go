package fit

import (
	"fmt"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
)

// Vote fits several estimators to the same rows and averages what they predict; see model.Vote.
type Vote struct{ Members []Estimator }

// Algorithm is "vote".
func (Vote) Algorithm() string { return "vote" }

// Params are the members, each as {"algorithm", "params"}.
func (v Vote) Params() map[string]any {
	members := make([]any, len(v.Members))
	for i, e := range v.Members {
		members[i] = map[string]any{"algorithm": e.Algorithm(), "params": e.Params()}
	}
	return map[string]any{"members": members}
}

// Complexity is above that of all members together.
func (v Vote) Complexity() int {
	sum := 1
	for _, e := range v.Members {
		sum += e.Complexity()
	}
	return sum
}

// Fit fits one member after the other.
func (v Vote) Fit(d *Data, o Options) (model.Predictor, error) {
	if len(v.Members) < 2 || len(v.Members) > model.MaxMembers {
		return nil, fault.Invalidf("a vote of %d members: 2 to %d vote", len(v.Members), model.MaxMembers)
	}
	members := make([]model.Predictor, len(v.Members))
	for i, e := range v.Members {
		p, err := e.Fit(d, o)
		if err != nil {
			return nil, fault.Wrap(err, "fit member %d of the vote, %s", i+1, e.Algorithm())
		}
		members[i] = p
	}
	return model.NewVote(d.Labels.Task, members), nil
}

// parseVote reads what Params gives.
func parseVote(params map[string]any) (Estimator, error) {
	var problems []fault.Detail
	bad := func(field, code string, got any, expected string) {
		problems = append(problems, fault.Detail{Field: field, Code: code, Got: got, Expected: expected})
	}
	for name := range params {
		if name != "members" {
			bad(name, "unknown", nil, "members")
		}
	}
	list, ok := params["members"].([]any)
	if !ok || len(list) < 2 || len(list) > model.MaxMembers {
		bad("members", "out_of_range", nil, fmt.Sprintf("2 to %d members, each {algorithm, params}", model.MaxMembers))
	}
	var v Vote
	for i, entry := range list[:min(len(list), model.MaxMembers)] {
		at := fmt.Sprintf("members[%d]", i)
		member, _ := entry.(map[string]any)
		algorithm, _ := member["algorithm"].(string)
		inner, isMap := member["params"].(map[string]any)
		if algorithm == "" || algorithm == (Vote{}).Algorithm() || member["params"] != nil && !isMap {
			bad(at, model.CodeWrongType, nil, "{algorithm, params} of an algorithm that is no vote itself")
			continue
		}
		e, err := Parse(algorithm, inner)
		for _, d := range fault.Details(err) {
			d.Field = at + "." + d.Field
			problems = append(problems, d)
		}
		v.Members = append(v.Members, e)
	}
	if len(problems) > 0 {
		return nil, fault.Invalidf("the parameters of vote cannot be used").With(problems...)
	}
	return v, nil
}

// Check checks every member.
func (v Vote) Check(d *Data) error {
	for i, e := range v.Members {
		if err := Check(e, d); err != nil {
			return fault.Wrap(err, "member %d of the vote, %s", i+1, e.Algorithm())
		}
	}
	return nil
}

// resolve resolves every member.
func (v Vote) resolve(task dataset.Task, rows, features, scores int) Vote {
	out := Vote{Members: make([]Estimator, len(v.Members))}
	for i, e := range v.Members {
		out.Members[i] = resolve(e, task, rows, features, scores)
	}
	return out
}
