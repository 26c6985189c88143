package awstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// clients are the ways into the emulator, one for each service.
type clients struct {
	stacks    *cloudformation.Client
	objects   *s3.Client
	tables    *dynamodb.Client
	keys      *kms.Client
	secrets   *secretsmanager.Client
	topics    *sns.Client
	queues    *sqs.Client
	events    *eventbridge.Client
	schedules *scheduler.Client
	apis      *apigateway.Client
}

func newClients(c sdk.Config) *clients {
	return &clients{cloudformation.NewFromConfig(c), s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = true }), dynamodb.NewFromConfig(c), kms.NewFromConfig(c), secretsmanager.NewFromConfig(c),
		sns.NewFromConfig(c), sqs.NewFromConfig(c), eventbridge.NewFromConfig(c), scheduler.NewFromConfig(c), apigateway.NewFromConfig(c)}
}

// kind is how the resources of one type are made, looked at and completed through the SDK. A kind without make is only given a name.
type kind struct {
	service Service // by which Open makes it; "" = only the whole stack has it, such as policies and subscriptions
	first   string  // why it is made before, and without, CloudFormation; "" = it is not
	make    func(ctx context.Context, c *clients, name string, p Properties) (made, error)
	look    func(ctx context.Context, c *clients, ref string, p Properties) (Properties, error) // what there is, in the template's words
	by      []string                                                                            // properties by which it is looked up, and which the answer does not repeat
	set     map[string]func(ctx context.Context, c *clients, ref string, p Properties) error    // properties that can be given to what is there already
}

// made is what a new resource is called: by Ref, and by the attributes of Fn::GetAtt.
type made struct {
	ref        string
	attributes map[string]string
}

// kinds are the types of the template. Functions are not among them: the test runs them.
var kinds = map[string]kind{}

func register(all map[string]kind) {
	for name, k := range all {
		kinds[name] = k
	}
}

// fill decodes properties into an input of the SDK, whose fields have the same names.
func fill(p Properties, input any) error {
	b, err := json.Marshal(p)
	if err == nil {
		err = json.Unmarshal(b, input)
	}
	if err != nil {
		return fmt.Errorf("put the template's properties into %T: %w", input, err)
	}
	return nil
}

// created makes a resource by one call, whose input has the properties' own names.
func created[I, O, X any](ctx context.Context, call func(context.Context, *I, ...func(*X)) (*O, error), in *I, p Properties, called func(*O) made) (made, error) {
	if err := fill(p, in); err != nil {
		return made{}, err
	}
	out, err := call(ctx, in)
	if err != nil {
		return made{}, err
	}
	return called(out), nil
}

// seen asks for a resource by one call, whose answer has the properties' own names but for what more mends; more may be nil.
func seen[I, O, X any](ctx context.Context, call func(context.Context, *I, ...func(*X)) (*O, error), in *I, more func(*O, Properties)) (Properties, error) {
	out, err := call(ctx, in)
	if err != nil {
		return nil, err
	}
	p := object(out)
	if more != nil {
		more(out, p)
	}
	return p, nil
}

// only are the properties of the names.
func only(p Properties, names ...string) Properties {
	out := Properties{}
	for _, n := range names {
		if v, ok := p[n]; ok {
			out[n] = v
		}
	}
	return out
}

// plain is an answer of the SDK as JSON has it.
func plain(answer any) any {
	b, err := json.Marshal(answer)
	if err != nil {
		return fmt.Sprintf("%+v", answer)
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		return string(b)
	}
	return out
}

// object is an answer that is an object.
func object(answer any) Properties {
	out, _ := plain(answer).(map[string]any)
	if out == nil {
		out = Properties{}
	}
	return out
}

// document reads JSON that stands in a text, such as a policy; nil where there is none.
func document(text *string) any {
	var out any
	if text == nil || json.Unmarshal([]byte(*text), &out) != nil {
		return nil
	}
	return out
}

// text is a document as the SDK takes it.
func text(document any) *string {
	b, err := json.Marshal(document)
	if err != nil {
		return nil
	}
	return sdk.String(string(b))
}

// word is a value as AWS writes it in a text.
func word(v any) string {
	if n, ok := v.(float64); ok {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

func str(v any) string {
	s, _ := v.(string)
	return s
}

func get(p any, path ...string) any {
	for _, name := range path {
		m, ok := p.(map[string]any)
		if !ok {
			return nil
		}
		p = m[name]
	}
	return p
}

// within reports whether the emulator's answer says what the template says: objects may say more; numbers may be written as texts; one thing
// and a list of it are the same, as in policies.
func within(want, got any) bool {
	switch want := want.(type) {
	case map[string]any:
		if len(want) == 0 {
			return true
		}
		m, ok := got.(map[string]any)
		for k, v := range want {
			ok = ok && within(v, m[k])
		}
		return ok
	case []any:
		list, ok := got.([]any)
		if !ok && len(want) == 1 {
			return within(want[0], got)
		}
		ok = ok && len(list) == len(want)
		for i := range want {
			ok = ok && within(want[i], list[i])
		}
		return ok
	}
	return reflect.DeepEqual(want, got) || got != nil && word(want) == word(got)
}

// lacking says what an emulator does not have, when that is what an error says: it answers 501 Not Implemented.
func lacking(err error) (string, bool) {
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &answer) || answer.HTTPStatusCode() != http.StatusNotImplemented {
		return "", false
	}
	var operation *smithy.OperationError
	if errors.As(err, &operation) {
		return operation.Service() + " " + operation.Operation(), true
	}
	return "what was asked", true
}

// absent reports whether an error says that there is no such setting, such as a bucket's policy.
func absent(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && (strings.HasPrefix(api.ErrorCode(), "NoSuch") || strings.HasSuffix(api.ErrorCode(), "NotFound") || strings.HasSuffix(api.ErrorCode(), "NotFoundError") || strings.HasSuffix(api.ErrorCode(), "NotFoundException"))
}
