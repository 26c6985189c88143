package awstest

import (
	"context"
	"fmt"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
)

func init() {
	register(map[string]kind{
		"AWS::ApiGateway::RestApi":          {service: APIGateway, make: makeAPI, look: lookAtAPI},
		"AWS::ApiGateway::Resource":         {service: APIGateway, make: makePath, look: lookAtPath},
		"AWS::ApiGateway::Method":           {service: APIGateway, make: makeMethod, look: lookAtMethod},
		"AWS::ApiGateway::RequestValidator": {service: APIGateway, make: makeValidator, look: lookAtValidator},
		"AWS::ApiGateway::Model":            {service: APIGateway, make: makeModel, look: lookAtModel},
		"AWS::ApiGateway::GatewayResponse":  {service: APIGateway, make: makeRefusal, look: lookAtRefusal},
		"AWS::ApiGateway::Deployment":       {service: APIGateway, make: makeDeployment, look: lookAtDeployment},
		"AWS::ApiGateway::Stage":            {service: APIGateway, make: makeStage, look: lookAtStage, set: setStage},
		"AWS::ApiGateway::ApiKey":           {service: APIGateway, make: makeAPIKey, look: lookAtAPIKey},
		"AWS::ApiGateway::UsagePlan":        {service: APIGateway, make: makePlan, look: lookAtPlan},
		"AWS::ApiGateway::UsagePlanKey":     {service: APIGateway, make: makePlanKey, look: lookAtPlanKey},
		"AWS::ApiGateway::Account":          {service: APIGateway, make: makeAccount, look: lookAtAccount},
	})
}

// api is the id of the API that a resource belongs to.
func api(p Properties) *string { return sdk.String(str(p["RestApiId"])) }

func makeAPI(ctx context.Context, c *clients, _ string, p Properties) (made, error) {
	in := &apigateway.CreateRestApiInput{}
	if err := fill(only(p, "Name", "Description", "EndpointConfiguration", "BinaryMediaTypes"), in); err != nil {
		return made{}, err
	}
	out, err := c.apis.CreateRestApi(ctx, in)
	if err != nil {
		return made{}, err
	}
	root := sdk.ToString(out.RootResourceId)
	return made{*out.Id, map[string]string{"RestApiId": *out.Id, "RootResourceId": root}}, nil
}

func lookAtAPI(ctx context.Context, c *clients, ref string, _ Properties) (Properties, error) {
	out, err := c.apis.GetRestApi(ctx, &apigateway.GetRestApiInput{RestApiId: &ref})
	if err != nil {
		return nil, err
	}
	return object(out), nil
}

func makePath(ctx context.Context, c *clients, _ string, p Properties) (made, error) {
	in := &apigateway.CreateResourceInput{}
	if err := fill(p, in); err != nil {
		return made{}, err
	}
	out, err := c.apis.CreateResource(ctx, in)
	if err != nil {
		return made{}, err
	}
	return made{ref: *out.Id}, nil
}

func lookAtPath(ctx context.Context, c *clients, ref string, p Properties) (Properties, error) {
	got, err := c.apis.GetResource(ctx, &apigateway.GetResourceInput{RestApiId: api(p), ResourceId: &ref})
	if err != nil {
		return nil, err
	}
	out := object(got)
	out["RestApiId"] = p["RestApiId"]
	return out, nil
}

func makeMethod(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	in := &apigateway.PutMethodInput{}
	if err := fill(p, in); err != nil {
		return made{}, err
	}
	if _, err := c.apis.PutMethod(ctx, in); err != nil {
		return made{}, err
	}
	to := &apigateway.PutIntegrationInput{RestApiId: in.RestApiId, ResourceId: in.ResourceId, HttpMethod: in.HttpMethod}
	integration, _ := p["Integration"].(map[string]any)
	if err := fill(integration, to); err != nil {
		return made{}, err
	}
	_, err := c.apis.PutIntegration(ctx, to)
	return made{ref: name}, err
}

func lookAtMethod(ctx context.Context, c *clients, _ string, p Properties) (Properties, error) {
	in := &apigateway.GetMethodInput{}
	if err := fill(only(p, "RestApiId", "ResourceId", "HttpMethod"), in); err != nil {
		return nil, err
	}
	got, err := c.apis.GetMethod(ctx, in)
	if err != nil {
		return nil, err
	}
	out := object(got)
	integration := object(got.MethodIntegration)
	integration["IntegrationHttpMethod"] = integration["HttpMethod"]
	out["RestApiId"], out["ResourceId"], out["Integration"] = p["RestApiId"], p["ResourceId"], integration
	return out, nil
}

func makeValidator(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	in := &apigateway.CreateRequestValidatorInput{Name: &name}
	if err := fill(p, in); err != nil {
		return made{}, err
	}
	out, err := c.apis.CreateRequestValidator(ctx, in)
	if err != nil {
		return made{}, err
	}
	return made{ref: *out.Id}, nil
}

func lookAtValidator(ctx context.Context, c *clients, ref string, p Properties) (Properties, error) {
	got, err := c.apis.GetRequestValidator(ctx, &apigateway.GetRequestValidatorInput{RestApiId: api(p), RequestValidatorId: &ref})
	if err != nil {
		return nil, err
	}
	out := object(got)
	out["RestApiId"] = p["RestApiId"]
	return out, nil
}

func makeModel(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	in := &apigateway.CreateModelInput{Name: sdk.String(strings.ReplaceAll(name, "-", "")), Schema: text(p["Schema"])}
	if err := fill(only(p, "RestApiId", "ContentType", "Description"), in); err != nil {
		return made{}, err
	}
	out, err := c.apis.CreateModel(ctx, in)
	if err != nil {
		return made{}, err
	}
	return made{ref: *out.Name}, nil
}

func lookAtModel(ctx context.Context, c *clients, ref string, p Properties) (Properties, error) {
	got, err := c.apis.GetModel(ctx, &apigateway.GetModelInput{RestApiId: api(p), ModelName: &ref})
	if err != nil {
		return nil, err
	}
	out := object(got)
	out["RestApiId"], out["Schema"] = p["RestApiId"], document(got.Schema)
	return out, nil
}

func makeRefusal(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	in := &apigateway.PutGatewayResponseInput{}
	if err := fill(p, in); err != nil {
		return made{}, err
	}
	_, err := c.apis.PutGatewayResponse(ctx, in)
	return made{ref: name}, err
}

func lookAtRefusal(ctx context.Context, c *clients, _ string, p Properties) (Properties, error) {
	in := &apigateway.GetGatewayResponseInput{}
	if err := fill(only(p, "RestApiId", "ResponseType"), in); err != nil {
		return nil, err
	}
	got, err := c.apis.GetGatewayResponse(ctx, in)
	if err != nil {
		return nil, err
	}
	out := object(got)
	out["RestApiId"] = p["RestApiId"]
	return out, nil
}

func makeDeployment(ctx context.Context, c *clients, _ string, p Properties) (made, error) {
	in := &apigateway.CreateDeploymentInput{}
	if err := fill(p, in); err != nil {
		return made{}, err
	}
	out, err := c.apis.CreateDeployment(ctx, in)
	if err != nil {
		return made{}, err
	}
	return made{ref: *out.Id}, nil
}

func lookAtDeployment(ctx context.Context, c *clients, ref string, p Properties) (Properties, error) {
	got, err := c.apis.GetDeployment(ctx, &apigateway.GetDeploymentInput{RestApiId: api(p), DeploymentId: &ref})
	if err != nil {
		return nil, err
	}
	out := object(got)
	out["RestApiId"] = p["RestApiId"]
	return out, nil
}

func makeStage(ctx context.Context, c *clients, _ string, p Properties) (made, error) {
	in := &apigateway.CreateStageInput{}
	if err := fill(only(p, "RestApiId", "DeploymentId", "StageName", "Description", "TracingEnabled"), in); err != nil {
		return made{}, err
	}
	out, err := c.apis.CreateStage(ctx, in)
	if err != nil {
		return made{}, err
	}
	return made{ref: *out.StageName}, nil
}

func lookAtStage(ctx context.Context, c *clients, ref string, p Properties) (Properties, error) {
	got, err := c.apis.GetStage(ctx, &apigateway.GetStageInput{RestApiId: api(p), StageName: &ref})
	if err != nil {
		return nil, err
	}
	out := object(got)
	out["RestApiId"], out["AccessLogSetting"] = p["RestApiId"], out["AccessLogSettings"]
	var settings []any
	for at, setting := range got.MethodSettings { // by "path/method"
		one := object(setting)
		i := strings.LastIndexByte(at, '/')
		one["ResourcePath"], one["HttpMethod"] = "/"+at[:max(i, 0)], at[i+1:]
		settings = append(settings, one)
	}
	out["MethodSettings"] = settings
	return out, nil
}

// setStage changes a stage by patches (docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateStage-Patch).
var setStage = map[string]func(context.Context, *clients, string, Properties) error{
	"AccessLogSetting": func(ctx context.Context, c *clients, ref string, p Properties) error {
		return patchStage(ctx, c, ref, p, map[string]any{"/accessLogSettings/destinationArn": get(p, "AccessLogSetting", "DestinationArn"), "/accessLogSettings/format": get(p, "AccessLogSetting", "Format")})
	},
	"MethodSettings": func(ctx context.Context, c *clients, ref string, p Properties) error {
		words := map[string]string{"DataTraceEnabled": "logging/dataTrace", "LoggingLevel": "logging/loglevel", "MetricsEnabled": "metrics/enabled", "ThrottlingBurstLimit": "throttling/burstLimit", "ThrottlingRateLimit": "throttling/rateLimit"}
		all, _ := p["MethodSettings"].([]any)
		for _, one := range all {
			changes := map[string]any{}
			for name, word := range words {
				if v := get(one, name); v != nil {
					changes[fmt.Sprintf("/%s/%s/%s", strings.TrimPrefix(str(get(one, "ResourcePath")), "/"), str(get(one, "HttpMethod")), word)] = v
				}
			}
			if err := patchStage(ctx, c, ref, p, changes); err != nil {
				return err
			}
		}
		return nil
	},
}

func patchStage(ctx context.Context, c *clients, ref string, p Properties, changes map[string]any) error {
	var all []types.PatchOperation
	for path, v := range changes {
		all = append(all, types.PatchOperation{Op: types.OpReplace, Path: &path, Value: sdk.String(word(v))})
	}
	_, err := c.apis.UpdateStage(ctx, &apigateway.UpdateStageInput{RestApiId: api(p), StageName: &ref, PatchOperations: all})
	return err
}

func makeAPIKey(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	in := &apigateway.CreateApiKeyInput{Name: &name}
	if err := fill(only(p, "Name", "Description", "Enabled", "Value"), in); err != nil {
		return made{}, err
	}
	out, err := c.apis.CreateApiKey(ctx, in)
	if err != nil {
		return made{}, err
	}
	return made{*out.Id, map[string]string{"APIKeyId": *out.Id}}, nil
}

func lookAtAPIKey(ctx context.Context, c *clients, ref string, _ Properties) (Properties, error) {
	out, err := c.apis.GetApiKey(ctx, &apigateway.GetApiKeyInput{ApiKey: &ref, IncludeValue: sdk.Bool(true)})
	if err != nil {
		return nil, err
	}
	return object(out), nil
}

func makePlan(ctx context.Context, c *clients, _ string, p Properties) (made, error) {
	in := &apigateway.CreateUsagePlanInput{Name: sdk.String(str(p["UsagePlanName"]))}
	if err := fill(only(p, "Description", "Quota", "Throttle", "ApiStages"), in); err != nil {
		return made{}, err
	}
	for i := range in.ApiStages { // the template's empty limits of single methods
		in.ApiStages[i].Throttle = nil
	}
	out, err := c.apis.CreateUsagePlan(ctx, in)
	if err != nil {
		return made{}, err
	}
	return made{ref: *out.Id}, nil
}

func lookAtPlan(ctx context.Context, c *clients, ref string, _ Properties) (Properties, error) {
	got, err := c.apis.GetUsagePlan(ctx, &apigateway.GetUsagePlanInput{UsagePlanId: &ref})
	if err != nil {
		return nil, err
	}
	out := object(got)
	out["UsagePlanName"] = out["Name"]
	return out, nil
}

func makePlanKey(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	in := &apigateway.CreateUsagePlanKeyInput{}
	if err := fill(p, in); err != nil {
		return made{}, err
	}
	_, err := c.apis.CreateUsagePlanKey(ctx, in)
	return made{ref: name}, err
}

func lookAtPlanKey(ctx context.Context, c *clients, _ string, p Properties) (Properties, error) {
	in := &apigateway.GetUsagePlanKeyInput{}
	if err := fill(only(p, "UsagePlanId", "KeyId"), in); err != nil {
		return nil, err
	}
	got, err := c.apis.GetUsagePlanKey(ctx, in)
	if err != nil {
		return nil, err
	}
	return Properties{"UsagePlanId": p["UsagePlanId"], "KeyId": sdk.ToString(got.Id), "KeyType": sdk.ToString(got.Type)}, nil
}

func makeAccount(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	_, err := c.apis.UpdateAccount(ctx, &apigateway.UpdateAccountInput{PatchOperations: []types.PatchOperation{{Op: types.OpReplace, Path: sdk.String("/cloudwatchRoleArn"), Value: sdk.String(str(p["CloudWatchRoleArn"]))}}})
	return made{ref: name}, err
}

func lookAtAccount(ctx context.Context, c *clients, _ string, _ Properties) (Properties, error) {
	out, err := c.apis.GetAccount(ctx, &apigateway.GetAccountInput{})
	if err != nil {
		return nil, err
	}
	return Properties{"CloudWatchRoleArn": sdk.ToString(out.CloudwatchRoleArn)}, nil
}
