package start

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"mlops/shared/topology"
)

// metrics are the figures of one invocation.
type metrics struct {
	mu     sync.Mutex
	values map[string]float64
}

type metricsKey struct{}

// Count adds n to a figure of the invocation that ctx belongs to; outside one it does nothing. A name that ends in Ms is in milliseconds,
// every other one is a count.
func Count(ctx context.Context, name string, n float64) {
	m, ok := ctx.Value(metricsKey{}).(*metrics)
	if !ok || math.IsNaN(n) || math.IsInf(n, 0) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil {
		m.values = map[string]float64{}
	}
	m.values[name] += n
}

// value is a figure, 0 where nothing was added to it.
func (m *metrics) value(name string) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.values[name]
}

// Milliseconds adds a duration to the figure name, which ends in Ms.
func Milliseconds(ctx context.Context, name string, d time.Duration) {
	Count(ctx, name, float64(d.Microseconds())/1000)
}

// line is the figures in CloudWatch's embedded metric format: one JSON object on one line, from whose "_aws" member CloudWatch makes
// metrics (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
func (m *metrics) line(service, stage string, at time.Time) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	type metric struct{ Name, Unit string }
	var list []metric
	out := map[string]any{topology.ServiceDimension: service, topology.StageDimension: stage}
	for name, v := range m.values {
		unit := "Count"
		if strings.HasSuffix(name, "Ms") {
			unit = "Milliseconds"
		}
		list = append(list, metric{name, unit})
		out[name] = v
	}
	slices.SortFunc(list, func(a, b metric) int { return strings.Compare(a.Name, b.Name) })
	out["_aws"] = map[string]any{"Timestamp": at.UnixMilli(), "CloudWatchMetrics": []any{
		map[string]any{"Namespace": topology.MetricNamespace, "Dimensions": [][]string{{topology.ServiceDimension, topology.StageDimension}}, "Metrics": list}}}
	b, err := json.Marshal(out)
	return append(b, '\n'), err
}
