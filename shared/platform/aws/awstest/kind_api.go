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
	ofAPI := []string{"RestApiId"}
	register(map[string]kind{
		"AWS::ApiGateway::RestApi":          {service: APIGateway, make: makeAPI, look: lookAtAPI},
		"AWS::ApiGateway::Resource":         {service: APIGateway, make: makePath, look: lookAtPath, by: ofAPI},
		"AWS::ApiGateway::Method":           {service: APIGateway, make: makeMethod, look: lookAtMethod, by: []string{"RestApiId", "ResourceId"}},
		"AWS::ApiGateway::RequestValidator": {service: APIGateway, make: makeValidator, look: lookAtValidator, by: ofAPI},
		"AWS::ApiGateway::Model":            {service: APIGateway, make: makeModel, look: lookAtModel, by: ofAPI},
		"AWS::ApiGateway::GatewayResponse":  {service: APIGateway, make: makeRefusal, look: lookAtRefusal, by: ofAPI},
		"AWS::ApiGateway::Deployment":       {service: APIGateway, make: makeDeployment, look: lookAtDeployment, by: ofAPI},
		"AWS::ApiGateway::Stage":            {service: APIGateway, make: makeStage, look: lookAtStage, by: ofAPI, set: setStage},
		"AWS::ApiGateway::ApiKey":           {service: APIGateway, make: makeAPIKey, look: lookAtAPIKey},
		"AWS::ApiGateway::UsagePlan":        {service: APIGateway, make: makePlan, look: lookAtPlan},
		"AWS::ApiGateway::UsagePlanKey":     {service: APIGateway, make: makePlanKey, look: lookAtPlanKey, by: []string{"UsagePlanId"}},
		"AWS::ApiGateway::Account":          {service: APIGateway, make: makeAccount, look: lookAtAccount},
	})
}

// api is the id of the API that a resource belongs to.
func api(p Properties) *string { return sdk.String(str(p["RestApiId"])) }

func makeAPI(ctx context.Context, c *clients, _ string, p Properties) (made, error) {
	return created(ctx, c.apis.CreateRestApi, &apigateway.CreateRestApiInput{}, only(p, "Name", "Description", "EndpointConfiguration", "BinaryMediaTypes"), func(o *apigateway.CreateRestApiOutput) made {
		return made{*o.Id, map[string]string{"RestApiId": *o.Id, "RootResourceId": sdk.ToString(o.RootResourceId)}}
	})
}

func lookAtAPI(ctx context.Context, c *clients, ref string, _ Properties) (Properties, error) {
	return seen(ctx, c.apis.GetRestApi, &apigateway.GetRestApiInput{RestApiId: &ref}, nil)
}

func makePath(ctx context.Context, c *clients, _ string, p Properties) (made, error) {
	return created(ctx, c.apis.CreateResource, &apigateway.CreateResourceInput{}, p, func(o *apigateway.CreateResourceOutput) made { return made{ref: *o.Id} })
}

func lookAtPath(ctx context.Context, c *clients, ref string, p Properties) (Properties, error) {
	return seen(ctx, c.apis.GetResource, &apigateway.GetResourceInput{RestApiId: api(p), ResourceId: &ref}, nil)
}

func makeMethod(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	out, err := created(ctx, c.apis.PutMethod, &apigateway.PutMethodInput{}, p, func(*apigateway.PutMethodOutput) made { return made{ref: name} })
	if err != nil {
		return out, err
	}
	integration, _ := p["Integration"].(map[string]any)
	to := &apigateway.PutIntegrationInput{RestApiId: api(p), ResourceId: sdk.String(str(p["ResourceId"])), HttpMethod: sdk.String(str(p["HttpMethod"]))}
	return created(ctx, c.apis.PutIntegration, to, integration, func(*apigateway.PutIntegrationOutput) made { return out })
}

func lookAtMethod(ctx context.Context, c *clients, _ string, p Properties) (Properties, error) {
	in := &apigateway.GetMethodInput{RestApiId: api(p), ResourceId: sdk.String(str(p["ResourceId"])), HttpMethod: sdk.String(str(p["HttpMethod"]))}
	return seen(ctx, c.apis.GetMethod, in, func(o *apigateway.GetMethodOutput, out Properties) {
		integration := object(o.MethodIntegration)
		integration["IntegrationHttpMethod"] = integration["HttpMethod"]
		out["Integration"] = integration
	})
}

func makeValidator(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	return created(ctx, c.apis.CreateRequestValidator, &apigateway.CreateRequestValidatorInput{Name: &name}, p, func(o *apigateway.CreateRequestValidatorOutput) made { return made{ref: *o.Id} })
}

func lookAtValidator(ctx context.Context, c *clients, ref string, p Properties) (Properties, error) {
	return seen(ctx, c.apis.GetRequestValidator, &apigateway.GetRequestValidatorInput{RestApiId: api(p), RequestValidatorId: &ref}, nil)
}

func makeModel(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	in := &apigateway.CreateModelInput{Name: sdk.String(strings.ReplaceAll(name, "-", "")), Schema: text(p["Schema"])}
	return created(ctx, c.apis.CreateModel, in, only(p, "RestApiId", "ContentType", "Description"), func(o *apigateway.CreateModelOutput) made { return made{ref: *o.Name} })
}

func lookAtModel(ctx context.Context, c *clients, ref string, p Properties) (Properties, error) {
	return seen(ctx, c.apis.GetModel, &apigateway.GetModelInput{RestApiId: api(p), ModelName: &ref}, func(o *apigateway.GetModelOutput, out Properties) { out["Schema"] = document(o.Schema) })
}

func makeRefusal(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	return created(ctx, c.apis.PutGatewayResponse, &apigateway.PutGatewayResponseInput{}, p, func(*apigateway.PutGatewayResponseOutput) made { return made{ref: name} })
}

func lookAtRefusal(ctx context.Context, c *clients, _ string, p Properties) (Properties, error) {
	return seen(ctx, c.apis.GetGatewayResponse, &apigateway.GetGatewayResponseInput{RestApiId: api(p), ResponseType: types.GatewayResponseType(str(p["ResponseType"]))}, nil)
}

func makeDeployment(ctx context.Context, c *clients, _ string, p Properties) (made, error) {
	return created(ctx, c.apis.CreateDeployment, &apigateway.CreateDeploymentInput{}, p, func(o *apigateway.CreateDeploymentOutput) made { return made{ref: *o.Id} })
}

func lookAtDeployment(ctx context.Context, c *clients, ref string, p Properties) (Properties, error) {
	return seen(ctx, c.apis.GetDeployment, &apigateway.GetDeploymentInput{RestApiId: api(p), DeploymentId: &ref}, nil)
}

func makeStage(ctx context.Context, c *clients, _ string, p Properties) (made, error) {
	return created(ctx, c.apis.CreateStage, &apigateway.CreateStageInput{}, only(p, "RestApiId", "DeploymentId", "StageName", "Description", "TracingEnabled"), func(o *apigateway.CreateStageOutput) made {
		return made{ref: *o.StageName}
	})
}

func lookAtStage(ctx context.Context, c *clients, ref string, p Properties) (Properties, error) {
	return seen(ctx, c.apis.GetStage, &apigateway.GetStageInput{RestApiId: api(p), StageName: &ref}, func(o *apigateway.GetStageOutput, out Properties) {
		var settings []any
		for at, setting := range o.MethodSettings { // by "path/method"
			one := object(setting)
			i := strings.LastIndexByte(at, '/')
			one["ResourcePath"], one["HttpMethod"] = "/"+at[:max(i, 0)], at[i+1:]
			settings = append(settings, one)
		}
		out["AccessLogSetting"], out["MethodSettings"] = out["AccessLogSettings"], settings
	})
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
	return created(ctx, c.apis.CreateApiKey, &apigateway.CreateApiKeyInput{Name: &name}, only(p, "Name", "Description", "Enabled", "Value"), func(o *apigateway.CreateApiKeyOutput) made {
		return made{*o.Id, map[string]string{"APIKeyId": *o.Id}}
	})
}

func lookAtAPIKey(ctx context.Context, c *clients, ref string, _ Properties) (Properties, error) {
	return seen(ctx, c.apis.GetApiKey, &apigateway.GetApiKeyInput{ApiKey: &ref, IncludeValue: sdk.Bool(true)}, nil)
}

func makePlan(ctx context.Context, c *clients, _ string, p Properties) (made, error) {
	return created(ctx, c.apis.CreateUsagePlan, &apigateway.CreateUsagePlanInput{Name: sdk.String(str(p["UsagePlanName"]))}, only(p, "Description", "Quota", "Throttle", "ApiStages"),
		func(o *apigateway.CreateUsagePlanOutput) made { return made{ref: *o.Id} })
}

func lookAtPlan(ctx context.Context, c *clients, ref string, _ Properties) (Properties, error) {
	return seen(ctx, c.apis.GetUsagePlan, &apigateway.GetUsagePlanInput{UsagePlanId: &ref}, func(_ *apigateway.GetUsagePlanOutput, out Properties) { out["UsagePlanName"] = out["Name"] })
}

func makePlanKey(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	return created(ctx, c.apis.CreateUsagePlanKey, &apigateway.CreateUsagePlanKeyInput{}, p, func(*apigateway.CreateUsagePlanKeyOutput) made { return made{ref: name} })
}

func lookAtPlanKey(ctx context.Context, c *clients, _ string, p Properties) (Properties, error) {
	return seen(ctx, c.apis.GetUsagePlanKey, &apigateway.GetUsagePlanKeyInput{UsagePlanId: sdk.String(str(p["UsagePlanId"])), KeyId: sdk.String(str(p["KeyId"]))},
		func(_ *apigateway.GetUsagePlanKeyOutput, out Properties) {
			out["KeyId"], out["KeyType"] = out["Id"], out["Type"]
		})
}

func makeAccount(ctx context.Context, c *clients, name string, p Properties) (made, error) {
	_, err := c.apis.UpdateAccount(ctx, &apigateway.UpdateAccountInput{PatchOperations: []types.PatchOperation{{Op: types.OpReplace, Path: sdk.String("/cloudwatchRoleArn"), Value: sdk.String(str(p["CloudWatchRoleArn"]))}}})
	return made{ref: name}, err
}

func lookAtAccount(ctx context.Context, c *clients, _ string, _ Properties) (Properties, error) {
	return seen(ctx, c.apis.GetAccount, &apigateway.GetAccountInput{}, func(o *apigateway.GetAccountOutput, out Properties) {
		out["CloudWatchRoleArn"] = sdk.ToString(o.CloudwatchRoleArn)
	})
}
