package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

const golden = "testdata/permissions.golden"

// statement is one statement of a policy, wherever it stands.
type statement struct {
	who    string // the role, or "on " + the resource whose own policy it is
	effect string
	fields map[string]any
}

// policies are all statements of the template, but those of trust.
func policies(tpl template) []statement {
	var out []statement
	add := func(who string, document any) {
		for _, s := range list(find(document, "Statement")) {
			m := s.(map[string]any)
			out = append(out, statement{who: who, effect: m["Effect"].(string), fields: m})
		}
	}
	for _, id := range sorted(tpl.Resources) {
		r := tpl.Resources[id]
		switch r.Type {
		case "AWS::IAM::Policy":
			for _, role := range list(r.Properties["Roles"]) {
				add(tpl.say(role), r.Properties["PolicyDocument"])
			}
		case "AWS::IAM::Role":
			for _, p := range list(r.Properties["Policies"]) {
				add(tpl.name(id), find(p, "PolicyDocument"))
			}
		case "AWS::S3::BucketPolicy":
			add("on "+tpl.say(r.Properties["Bucket"]), r.Properties["PolicyDocument"])
		case "AWS::SNS::TopicPolicy":
			add("on "+tpl.say(r.Properties["Topics"]), r.Properties["PolicyDocument"])
		case "AWS::SQS::QueuePolicy":
			add("on "+tpl.say(r.Properties["Queues"]), r.Properties["PolicyDocument"])
		case "AWS::KMS::Key":
			add("on "+tpl.name(id), r.Properties["KeyPolicy"])
		case "AWS::DynamoDB::Table":
			add("on "+tpl.name(id), find(r.Properties, "ResourcePolicy", "PolicyDocument"))
		}
	}
	return out
}

// lines writes a statement for people, one line for each action and resource.
func (s statement) lines(tpl template) []string {
	var out []string
	for _, action := range list(s.fields["Action"]) {
		for _, on := range list(s.fields["Resource"]) {
			line := fmt.Sprintf("%-14s %-5s %-32s %s", s.who, strings.ToLower(s.effect), action, short(tpl.say(on)))
			if p := s.fields["Principal"]; p != nil {
				line += " to " + principal(tpl, p)
			}
			if c := conditions(tpl, s.fields["Condition"]); c != "" {
				line += " if " + c
			}
			out = append(out, line)
		}
	}
	return out
}

// short leaves out what is the same everywhere.
func short(arn string) string {
	if rest, ok := strings.CutPrefix(arn, "arn:<partition>:"); ok {
		if parts := strings.SplitN(rest, ":", 4); len(parts) == 4 {
			return parts[3]
		}
	}
	return arn
}

func principal(tpl template, p any) string {
	m, ok := p.(map[string]any)
	if !ok {
		return fmt.Sprint(p)
	}
	var out []string
	for _, k := range sorted(m) {
		out = append(out, short(tpl.say(m[k])))
	}
	return strings.Join(out, ", ")
}

func conditions(tpl template, c any) string {
	var out []string
	m, _ := c.(map[string]any)
	for _, operator := range sorted(m) {
		keys := m[operator].(map[string]any)
		for _, key := range sorted(keys) {
			if operator == "Null" && key == "dynamodb:LeadingKeys" {
				continue // stands beside each LeadingKeys
			}
			operator = strings.TrimPrefix(operator, "ForAllValues:")
			out = append(out, fmt.Sprintf("%s %s [%s]", key, operator, tpl.say(keys[key])))
		}
	}
	return strings.Join(out, " and ")
}

// TestPermissions: who may do what is as it was read by a person. After a change: go test -run TestPermissions -update, and read the diff.
func TestPermissions(t *testing.T) {
	tpl := usual.of(t)
	var lines []string
	for _, s := range policies(tpl) {
		if s.effect == "Deny" && tpl.say(s.fields["Action"]) == "s3:*" || tpl.say(s.fields["Action"]) == "sqs:*" {
			continue // only TLS: see TestOnlyTLS
		}
		lines = append(lines, s.lines(tpl)...)
	}
	for id, r := range tpl.of("AWS::IAM::Role") {
		for _, s := range list(find(r.Properties, "AssumeRolePolicyDocument", "Statement")) {
			lines = append(lines, fmt.Sprintf("%-14s is taken by %s", tpl.name(id), principal(tpl, find(s, "Principal"))))
		}
		for _, m := range list(r.Properties["ManagedPolicyArns"]) {
			lines = append(lines, fmt.Sprintf("%-14s has the policy %s", tpl.name(id), short(tpl.say(m))))
		}
	}
	for _, r := range tpl.of("AWS::Lambda::Permission") {
		source := tpl.say(r.Properties["SourceArn"])
		lines = append(lines, fmt.Sprintf("%-14s is invoked by %s of %s", tpl.say(r.Properties["FunctionName"]), r.Properties["Principal"], short(source)))
		if source == "<nil>" {
			t.Errorf("%v may invoke %v from anywhere", r.Properties["Principal"], tpl.say(r.Properties["FunctionName"]))
		}
	}
	sort.Strings(lines)
	lines = slices.Compact(lines)
	got := "# Who may do what, by the template of the dev stack. Written by `go test -run TestPermissions -update`, read by people.\n" + strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	before, after := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for _, l := range after {
		if !slices.Contains(before, l) {
			t.Errorf("new:  %s", l)
		}
	}
	for _, l := range before {
		if !slices.Contains(after, l) {
			t.Errorf("gone: %s", l)
		}
	}
}

// Everything that is allowed on everything, and every action that is a pattern, with the reason why it cannot be less.
var (
	onEverything = map[string]string{
		"xray:PutTraceSegments":    "X-Ray has no resources for it",
		"xray:PutTelemetryRecords": "X-Ray has no resources for it",
	}
	ownPolicies = map[string]string{ // resource policies, in which * is the resource itself
		"on Tokens": "a key's policy speaks of the key alone",
		"on Audit":  "a table's policy is written before the table has a name",
	}
	patterns = map[string]string{
		"on Tokens kms:*": "the account's administrators keep the key manageable: without it nobody could ever change its policy",
	}
	managed = map[string]string{
		"ApiLogsRole": "API Gateway checks that its logging role has the very rights of AWS's own policy",
	}
)

// TestNothingIsAllowedBroadly walks all statements.
func TestNothingIsAllowedBroadly(t *testing.T) {
	for name, tpl := range map[string]template{"usual": usual.of(t), "chosen": chosen.of(t)} {
		for _, s := range policies(tpl) {
			if s.fields["NotAction"] != nil || s.fields["NotResource"] != nil || s.fields["NotPrincipal"] != nil {
				t.Errorf("%s: %s: a statement of what is not meant: %v", name, s.who, s.fields)
			}
			if s.effect != "Allow" {
				continue
			}
			for _, a := range list(s.fields["Action"]) {
				action := a.(string)
				if strings.Contains(action, "*") && patterns[s.who+" "+action] == "" {
					t.Errorf("%s: %s is allowed %s", name, s.who, action)
				}
				for _, on := range list(s.fields["Resource"]) {
					if tpl.say(on) == "*" && onEverything[action] == "" && ownPolicies[s.who] == "" {
						t.Errorf("%s: %s is allowed %s on everything", name, s.who, action)
					}
				}
				if strings.HasPrefix(action, "iam:") || action == "sts:AssumeRole" {
					t.Errorf("%s: %s is allowed %s", name, s.who, action)
				}
			}
			if p := s.fields["Principal"]; p == "*" || find(p, "AWS") == "*" {
				t.Errorf("%s: %s is open to everybody: %v", name, s.who, s.fields)
			}
		}
		for id, r := range tpl.of("AWS::IAM::Role") {
			if r.Properties["ManagedPolicyArns"] != nil && managed[tpl.name(id)] == "" {
				t.Errorf("%s: %s has a policy that is not written here: %v", name, tpl.name(id), r.Properties["ManagedPolicyArns"])
			}
		}
	}
}

// TestWhoMayNot holds the sentences that matter most, whatever the golden file says.
func TestWhoMayNot(t *testing.T) {
	tpl := usual.of(t)
	for _, s := range policies(tpl) {
		if s.effect != "Allow" {
			continue
		}
		for _, a := range list(s.fields["Action"]) {
			action := a.(string)
			on := tpl.say(s.fields["Resource"])
			only := func(who ...string) {
				if !slices.Contains(who, s.who) {
					t.Errorf("%s may %s on %s", s.who, action, on)
				}
			}
			switch {
			case action == "kms:GenerateMac":
				only("AgentRole")
			case action == "kms:VerifyMac":
				only("ApproveRole")
			case strings.HasPrefix(action, "s3:Delete"), action == "dynamodb:UpdateItem", action == "dynamodb:Scan":
				only()
			case on == "Audit" && action != "dynamodb:GetItem" && action != "dynamodb:Query" && action != "dynamodb:PutItem" && action != "dynamodb:ConditionCheckItem":
				only()
			case action == "s3:PutObject" && strings.HasPrefix(on, "Models"):
				only("TrainRole")
			case action == "secretsmanager:GetSecretValue":
				only("AgentRole")
			case action == "sns:Publish" && on == "Approvals":
				only("AgentRole")
			}
		}
	}
}
