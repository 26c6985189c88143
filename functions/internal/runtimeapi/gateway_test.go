package runtimeapi_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"mlops/shared/platform/aws/awstest"
	"mlops/shared/topology"
)

// clientKey is what the tests' clients send as their key; it stands for the value that API Gateway made for the template's.
const clientKey = "client"

// gateway is the main API as the deployed template says it: which method leads to which function, and what it asks for.
type gateway struct {
	address string // without the stage
	methods []method
	plans   map[string]bool   // ids of the keys that a usage plan lets in
	ids     map[string]string // keys' ids by what clients send
}

type method struct {
	verb, path string // path in API Gateway's syntax
	key, iam   bool
	to         topology.Function
}

func gatewayOf(s *awstest.Stack) (gateway, error) {
	g := gateway{address: fmt.Sprintf("https://%s.execute-api.%s.amazonaws.com", s.Ref("Api"), awstest.Region), plans: map[string]bool{}}
	all, err := s.All("AWS::ApiGateway::Method")
	if err != nil {
		return g, err
	}
	for name, m := range all {
		if m["RestApiId"] != s.Ref("Api") {
			continue
		}
		verb := m["HttpMethod"].(string)
		_, path, _ := strings.Cut(strings.TrimSuffix(name, "/"+verb), "/Default") // the construct's path, such as Api/Default/v2/models/{m}/GET
		uri := m["Integration"].(map[string]any)["Uri"].(string)
		arn, _, _ := strings.Cut(uri[strings.Index(uri, "/functions/")+len("/functions/"):], "/")
		g.methods = append(g.methods, method{verb, path, m["ApiKeyRequired"] == true, m["AuthorizationType"] == "AWS_IAM", topology.Function(strings.ToLower(awstest.FunctionOf(arn)))})
	}
	keys, err := s.All("AWS::ApiGateway::UsagePlanKey")
	for _, k := range keys {
		g.plans[k["KeyId"].(string)] = true
	}
	return g, err
}

// find is the method for a request: of the resources that fit, the one with the most literal segments, and the longest.
func (g gateway) find(verb, path string) (method, bool) {
	var best method
	rank := -1
	for _, m := range g.methods {
		if r := fit(m.path, path); m.verb == verb && r > rank {
			best, rank = m, r
		}
	}
	return best, rank >= 0
}

// fit is how well a path fits a resource; -1 is not at all.
func fit(resource, path string) int {
	want, got := strings.Split(resource, "/"), strings.Split(path, "/")
	rank := 0
	for i, w := range want {
		switch {
		case strings.HasSuffix(w, "+}") && len(got) > i:
			return rank
		case i >= len(got):
			return -1
		case w == got[i]:
			rank += 2
		case !strings.HasPrefix(w, "{") || got[i] == "":
			return -1
		default:
			rank++
		}
	}
	if len(got) != len(want) {
		return -1
	}
	return rank
}

// serve is API Gateway: it refuses what has no method, no key where one is needed, or no signature, and turns the rest into events.
func (d *deployment) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/") // below the stage
	m, ok := d.gateway.find(r.Method, "/"+path)
	id := d.gateway.ids[r.Header.Get("X-Api-Key")]
	if !ok || m.iam || m.key && !d.gateway.plans[id] {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"error":"Forbidden","message":"refused by the gateway","detail":[]}`)
		return
	}
	in := events.APIGatewayProxyRequest{Resource: m.path, Path: r.URL.Path, HTTPMethod: r.Method, MultiValueHeaders: r.Header, MultiValueQueryStringParameters: r.URL.Query(), Body: string(body)}
	if m.key {
		in.RequestContext.Identity.APIKeyID = id
	}
	a := d.ask(m.to, in)
	for k, vs := range a.MultiValueHeaders {
		w.Header()[k] = vs
	}
	w.WriteHeader(a.StatusCode)
	_, _ = io.WriteString(w, a.Body)
}
