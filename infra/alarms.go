package main

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"mlops/shared/topology"
)

// alarm is one condition that a person is told of, and told again when it is over.
type alarm struct {
	id, text string
	metric   awscloudwatch.IMetric
	above    float64
	periods  float64 // looked at, of which bad must be beyond the threshold
	bad      float64
	silence  awscloudwatch.TreatMissingData // what it means that there is no data
	below    bool                           // the threshold is a floor
}

// alarms makes the first alarms. Each costs money every month, so each stands for something that is to be done by a person.
func (p *platform) alarms() {
	tell := awscloudwatchactions.NewSnsAction(p.alerts)
	for _, a := range p.conditions() {
		comparison := awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD
		if a.below {
			comparison = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD
		}
		if a.silence == "" {
			a.silence = awscloudwatch.TreatMissingData_NOT_BREACHING
		}
		made := awscloudwatch.NewAlarm(p.Stack, jsii.String(a.id+"Alarm"), &awscloudwatch.AlarmProps{
			AlarmDescription: &a.text, Metric: a.metric, Threshold: &a.above, ComparisonOperator: comparison, EvaluationPeriods: &a.periods, DatapointsToAlarm: &a.bad, TreatMissingData: a.silence,
		})
		made.AddAlarmAction(tell)
		made.AddOkAction(tell)
	}
}

func (p *platform) conditions() []alarm {
	var all []alarm
	for _, spec := range topology.Functions {
		f, id := p.functions[spec.Name], *title(string(spec.Name))
		all = append(all,
			// A panic, a timeout and an event that cannot be read end before the function could say anything: only this metric has them.
			alarm{id: id + "Errors", text: fmt.Sprintf("%s ended in an error: look into its log, then its dead letters", spec.Name), metric: f.MetricErrors(sum(5 * time.Minute)), periods: 3, bad: 2},
			alarm{id: id + "Throttles", text: fmt.Sprintf("%s was refused a place to run: raise its concurrency or the account's", spec.Name), metric: f.MetricThrottles(sum(5 * time.Minute)), periods: 3, bad: 3})
		if f.dead != nil {
			all = append(all, dead(id, f.dead, fmt.Sprintf("events that %s could not handle wait to be looked at and sent again", spec.Name)))
		}
		for _, s := range spec.Schedules {
			if period := 2 * s.Every; p.settings.schedules[s.Name] == expression(s) && period <= 24*time.Hour {
				all = append(all, alarm{id: *title(s.Name) + "Silence", text: fmt.Sprintf("%s was not woken in twice the period of the schedule %s", spec.Name, s.Name), metric: f.MetricInvocations(sum(period)),
					above: 1, periods: 1, bad: 1, below: true, silence: awscloudwatch.TreatMissingData_BREACHING})
			}
		}
	}
	all = append(all, dead("Schedule", p.scheduleDead, "events of schedules could not be published"))
	for _, api := range []struct {
		id string
		awsapigateway.RestApi
	}{{"Api", p.main}, {"ApprovalsApi", p.approvalPages}} {
		all = append(all, alarm{id: api.id + "5xx", text: fmt.Sprintf("more than 1 %% of the requests to the %s failed on our side", api.id), metric: api.MetricServerError(average(5 * time.Minute)), above: 0.01, periods: 3, bad: 2})
	}
	predict := p.functions[topology.Predict]
	limit := predict.Spec.Timeout * 8 / 10
	all = append(all, alarm{id: "PredictLatency", text: fmt.Sprintf("one call of predict in a hundred takes longer than %s: soon clients get no answer", limit), above: float64(limit.Milliseconds()), periods: 3, bad: 3,
		metric: predict.MetricDuration(&awscloudwatch.MetricOptions{Statistic: jsii.String("p99"), Period: minutes(5 * time.Minute)})})
	// Clients get their answers, and a model that nobody chose gives them: nothing else would show it.
	all = append(all, alarm{id: topology.ServedStale, text: "predict answers by an older version, because it cannot load the champion: its log says why", metric: p.figure(topology.Predict, topology.ServedStale), periods: 1, bad: 1})
	for _, t := range []struct {
		id string
		awsdynamodb.Table
	}{{"Control", p.control}, {"Audit", p.audit}} {
		all = append(all, alarm{id: t.id + "Throttles", text: fmt.Sprintf("writes to the %s table were throttled: one partition takes 1,000 a second", t.id), periods: 3, bad: 2,
			metric: awscloudwatch.NewMetric(&awscloudwatch.MetricProps{Namespace: jsii.String("AWS/DynamoDB"), MetricName: jsii.String("WriteThrottleEvents"), Statistic: jsii.String("Sum"),
				Period: minutes(5 * time.Minute), DimensionsMap: &map[string]*string{"TableName": t.TableName()}})})
	}
	// A question goes to one approver, whose subscription picks it. Where none is confirmed the topic takes the message and nobody gets it.
	all = append(all, alarm{id: "ApprovalsUnheard", text: "an approver was asked and has no confirmed subscription to the approvals topic: nobody got the mail", periods: 1, bad: 1,
		metric: awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{Expression: jsii.String("FILL(asked, 0) - FILL(heard, 0)"), Label: jsii.String("asked, not heard"), Period: minutes(15 * time.Minute),
			UsingMetrics: &map[string]awscloudwatch.IMetric{"asked": p.approvals.MetricNumberOfMessagesPublished(sum(15 * time.Minute)), "heard": p.approvals.MetricNumberOfNotificationsDelivered(sum(15 * time.Minute))}})})
	return all
}

func dead(id string, queue awssqs.Queue, text string) alarm {
	return alarm{id: id + "DeadLetters", text: text, periods: 1, bad: 1,
		metric: queue.MetricApproximateNumberOfMessagesVisible(&awscloudwatch.MetricOptions{Statistic: jsii.String("Maximum"), Period: minutes(5 * time.Minute)})}
}

// figure is one that a function counts itself.
func (p *platform) figure(f topology.Function, name string) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{Namespace: jsii.String(topology.MetricNamespace), MetricName: &name, Statistic: jsii.String("Sum"), Period: minutes(5 * time.Minute),
		DimensionsMap: &map[string]*string{topology.ServiceDimension: jsii.String(string(f)), topology.StageDimension: &p.settings.env}})
}

func sum(period time.Duration) *awscloudwatch.MetricOptions {
	return &awscloudwatch.MetricOptions{Statistic: jsii.String("Sum"), Period: minutes(period)}
}

func average(period time.Duration) *awscloudwatch.MetricOptions {
	return &awscloudwatch.MetricOptions{Statistic: jsii.String("Average"), Period: minutes(period)}
}

func minutes(d time.Duration) awscdk.Duration {
	return awscdk.Duration_Minutes(jsii.Number(d.Minutes()))
}
