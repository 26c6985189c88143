package awstest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cloudtypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// Service names a service of AWS, as a test says what it needs of an emulator.
type Service string

// The services that the stack uses.
const (
	S3          Service = "S3"
	DynamoDB    Service = "DynamoDB"
	SNS         Service = "SNS"
	SQS         Service = "SQS"
	KMS         Service = "KMS"
	SSM         Service = "SSM" // Parameter Store, and Secrets Manager behind it
	EventBridge Service = "EventBridge"
	Scheduler   Service = "Scheduler"
	APIGateway  Service = "API Gateway"
)

// account is whom emulators take everybody for, where none says otherwise.
const account = "123456789012"

// Stack is the project's stack as it stands in an emulator.
type Stack struct {
	*template
	Report
	names    names
	nameless map[string]bool // resources that CloudFormation made without telling what they are called
	clients  *clients
}

func newStack(c sdk.Config, env string) (*Stack, error) {
	t, err := readTemplate(env)
	if err != nil {
		return nil, err
	}
	s := &Stack{template: t, clients: newClients(c), nameless: map[string]bool{}, names: names{"AWS::AccountId": account, "AWS::Region": c.Region, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com",
		"AWS::StackName": "mlops-" + env, "AWS::NoValue": ""}}
	for id, r := range t.Resources { // the functions are run by the test, so they have no more than names
		if strings.HasPrefix(r.Type, "AWS::Lambda::") {
			s.names[id], s.names[id+".Arn"] = id, "arn:aws:lambda:"+c.Region+":"+account+":function:"+id
			s.Ours = append(s.Ours, r.Type)
		}
	}
	return s, nil
}

// Name is the stack's own.
func (s *Stack) Name() string { return s.names["AWS::StackName"] }

// Ref is what a resource is called, by its name in the stack's program; "" when there is none.
func (s *Stack) Ref(name string) string { return s.names[s.id(name)] }

// Resolved are a resource's properties with what the references stand for.
func (s *Stack) Resolved(id string) (Properties, error) {
	p, _ := s.names.fill(any(s.Resources[id].Properties)).(map[string]any)
	delete(p, "Tags")
	if left := unfilled(any(p)); len(left) > 0 {
		return nil, fmt.Errorf("%s %s refers to what is not there: %s", s.Resources[id].Type, s.template.names[id], strings.Join(left, ", "))
	}
	return p, nil
}

// All are the resolved properties of the resources of a type, by their names in the stack's program.
func (s *Stack) All(kind string) (map[string]Properties, error) {
	out := map[string]Properties{}
	var all error
	for _, id := range s.of(kind) {
		p, err := s.Resolved(id)
		out[s.template.names[id]], all = p, errors.Join(all, err)
	}
	return out, all
}

// functions, and everything that belongs to them.
func (s *Stack) ours(id string) bool { return strings.HasPrefix(s.Resources[id].Type, "AWS::Lambda::") }

// makeRest makes what is not there yet and is wanted, each resource after those that it refers to.
func (s *Stack) makeRest(ctx context.Context, wanted func(id string) bool) error {
	for {
		progress := false
		for _, id := range slices.Sorted(maps.Keys(s.Resources)) {
			if s.names[id] != "" || !wanted(id) {
				continue
			}
			done, err := s.makeOne(ctx, id)
			if err != nil {
				return err
			}
			progress = progress || done
		}
		if !progress {
			return nil
		}
	}
}

// makeOne makes a resource, unless it refers to one that is not there.
func (s *Stack) makeOne(ctx context.Context, id string) (done bool, err error) {
	r, name := s.Resources[id], s.physical(id)
	k := kinds[r.Type]
	if k.make == nil {
		s.names[id], s.names[id+".Arn"] = name, "arn:aws:"+strings.ToLower(strings.Split(r.Type, "::")[1])+":::"+name
		s.Named = append(s.Named, r.Type)
		return true, nil
	}
	p := s.Resources[id].Properties
	if k.first != "" { // what it says of others is set later
		p = only(p, "Name", "Description", "KeySpec", "KeyUsage", "GenerateSecretString")
	}
	p, _ = s.names.fill(any(p)).(map[string]any)
	delete(p, "Tags")
	if len(unfilled(any(p))) > 0 || !s.stands(r.DependsOn) {
		return false, nil
	}
	if err := s.unlock(ctx, p); err != nil {
		return false, err
	}
	m, err := k.make(ctx, s.clients, name, p)
	if what, ok := lacking(err); ok {
		s.lacks(what)
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("make %s %s: %w", r.Type, s.template.names[id], err)
	}
	s.names[id] = m.ref
	for name, v := range m.attributes {
		s.names[id+"."+name] = v
	}
	if arn := strings.Split(m.attributes["Arn"], ":"); len(arn) > 4 && arn[4] != "" {
		s.names["AWS::AccountId"] = arn[4]
	}
	why := orElse(k.first, "this emulator's CloudFormation leaves the type out")
	if len(s.ByCloudFormation) == 0 && k.first == "" {
		why = "by CloudFormation there is nothing"
	}
	if s.nameless[id] {
		why = "this emulator's CloudFormation made it without telling its name, so it is made again"
	}
	s.BySDK = append(s.BySDK, r.Type+": "+why)
	return true, nil
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func (s *Stack) stands(dependsOn any) bool {
	for _, id := range each(dependsOn) {
		if id != "" && s.names[id] == "" {
			return false
		}
	}
	return true
}

// physical is a name for a resource that the template leaves without.
func (s *Stack) physical(id string) string {
	name := strings.ToLower(s.Name() + "-" + regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(id, ""))
	return name[:min(len(name), 60)]
}

// dynamic is a reference to a secret's value (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-secretsmanager.html).
var dynamic = regexp.MustCompile(`^\{\{resolve:secretsmanager:(.+):SecretString:::\}\}$`)

// unlock puts secrets in place of the references to them.
func (s *Stack) unlock(ctx context.Context, p Properties) error {
	for name, v := range p {
		if found := dynamic.FindStringSubmatch(str(v)); found != nil {
			out, err := s.clients.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &found[1]})
			if err != nil {
				return fmt.Errorf("read the secret %s: %w", found[1], err)
			}
			p[name] = sdk.ToString(out.SecretString)
		}
	}
	return nil
}

// byCloudFormation hands the template over, without the functions and what was made first, and takes over what the emulator made of it.
func (s *Stack) byCloudFormation(ctx context.Context) error {
	known := maps.Clone(s.names)
	for id := range known {
		if strings.HasPrefix(id, "AWS::") {
			delete(known, id) // the emulator has its own
		}
	}
	rest, outputs := s.without(known)
	body, err := json.Marshal(rest)
	if err != nil {
		return err
	}
	// The template is larger than what may be handed over in the call itself: the CDK lays it into a bucket too.
	bucket, key, stack := s.Name()+"-assets", "template.json", s.Name()
	if _, err := s.clients.objects.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		return err
	}
	if _, err := s.clients.objects.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)}); err != nil {
		return err
	}
	_, err = s.clients.stacks.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: &stack, TemplateURL: sdk.String("https://" + bucket + ".s3.amazonaws.com/" + key),
		Capabilities: []cloudtypes.Capability{cloudtypes.CapabilityCapabilityIam, cloudtypes.CapabilityCapabilityNamedIam}})
	if err != nil {
		return err
	}
	described, err := cloudformation.NewStackCreateCompleteWaiter(s.clients.stacks).WaitForOutput(ctx, &cloudformation.DescribeStacksInput{StackName: &stack}, 5*time.Minute)
	if err != nil {
		return fmt.Errorf("wait for the stack: %w", err)
	}
	for _, o := range described.Stacks[0].Outputs {
		if name := outputs[sdk.ToString(o.OutputKey)]; name != "" {
			s.names[name] = sdk.ToString(o.OutputValue)
		}
	}
	for pages := cloudformation.NewListStackResourcesPaginator(s.clients.stacks, &cloudformation.ListStackResourcesInput{StackName: &stack}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, r := range page.StackResourceSummaries {
			switch id := sdk.ToString(r.LogicalResourceId); {
			case s.Resources[id] == nil:
			case sdk.ToString(r.PhysicalResourceId) == "":
				s.nameless[id] = true
			default:
				s.names[id] = *r.PhysicalResourceId
				s.ByCloudFormation = append(s.ByCloudFormation, s.Resources[id].Type)
			}
		}
	}
	return nil
}

// without is the template without the resources that have names already, and with an output for each attribute that something refers to.
func (s *Stack) without(known names) (rest template, outputs map[string]string) {
	rest, outputs = template{Resources: map[string]*Resource{}, Outputs: map[string]any{}}, map[string]string{}
	asked := map[string]bool{}
	for id, r := range s.Resources {
		walk(any(r.Properties), func(function string, argument any) {
			if function == "Fn::GetAtt" {
				asked[attribute(argument)] = true
			}
		})
		if known[id] != "" {
			continue
		}
		p, _ := known.fill(any(r.Properties)).(map[string]any)
		left := slices.DeleteFunc(each(r.DependsOn), func(on string) bool { return on == "" || known[on] != "" })
		rest.Resources[id] = &Resource{Type: r.Type, Properties: p}
		if len(left) > 0 {
			rest.Resources[id].DependsOn = left
		}
	}
	for i, at := range slices.Sorted(maps.Keys(asked)) {
		id, name, _ := strings.Cut(at, ".")
		if rest.Resources[id] != nil {
			key := fmt.Sprintf("Attribute%d", i)
			outputs[key] = at
			rest.Outputs[key] = map[string]any{"Value": map[string]any{"Fn::GetAtt": []any{id, name}}}
		}
	}
	return rest, outputs
}

// deploy makes the whole stack: first what CloudFormation would get wrong, then by CloudFormation, then the rest through the SDK; and sets
// what the template says and the emulator left out.
func (s *Stack) deploy(ctx context.Context) error {
	if err := s.makeRest(ctx, func(id string) bool { return kinds[s.Resources[id].Type].first != "" }); err != nil {
		return err
	}
	if err := s.byCloudFormation(ctx); err != nil {
		what, ok := lacking(err)
		if !ok {
			return fmt.Errorf("create the stack by the emulator's CloudFormation: %w", err)
		}
		s.lacks(what)
	}
	if err := s.makeRest(ctx, func(string) bool { return true }); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(s.Resources)) {
		if err := s.settle(ctx, id); err != nil {
			return fmt.Errorf("%s %s: %w", s.Resources[id].Type, s.template.names[id], err)
		}
	}
	return s.adapt(ctx)
}
