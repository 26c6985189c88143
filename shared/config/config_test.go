package config

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mlops/shared/fault"
)

var platform = Platform{Stage: "prod", DataBucket: "mlops-data", ModelBucket: "mlops-models", ControlTable: "control", AuditTable: "audit", IdempotencyTable: "idempotency", EventBus: "default"}

var agent = Agent{Platform: platform, ApprovalsTopic: "arn:aws:sns:eu-west-1:123456789012:approvals", AlertsTopic: "arn:aws-cn:sns:cn-north-1:123456789012:alerts",
	ApprovalKey: "alias/approvals", PublicURL: "https://x.example/prod", PredictURL: "https://y.example/prod", ProbeKey: "/mlops/prod/probe-key", Owner: "owner@example.com", Approvers: []string{"a@example.com", "b@example.com"}}

func back[T any, P Bound[T]](t *testing.T, c T) {
	t.Helper()
	environ := Environ[T, P](c)
	got, err := Load[T, P](func(name string) string { return environ[name] })
	if err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("%T:\n got %+v, error %v\nwant %+v", c, got, err, c)
	}
}

// TestWhatIsWrittenIsRead: Load of Environ is the identity, for every function.
func TestWhatIsWrittenIsRead(t *testing.T) {
	back(t, Predict{Platform: platform, ModelTTL: 7 * time.Second, DefaultModel: "heart", ProbeKeyID: "abc123", AcceptUnseen: true})
	back(t, Predict{Platform: platform})
	back(t, Train{Platform: platform, Threads: 3, Folds: 4})
	back(t, Validate{platform})
	back(t, DriftCheck{platform, 48 * time.Hour, 5000})
	back(t, agent)
	back(t, Report{platform})
	back(t, Approve{platform, "1234abcd-12ab-34cd-56ef-1234567890ab"})
	back(t, Dashboard{platform})
	rapid.Check(t, func(r *rapid.T) {
		c := Predict{Platform: platform, ModelTTL: time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(r, "ttl")), DefaultModel: rapid.StringMatching(`([a-z0-9][a-z0-9._-]{0,63})?`).Draw(r, "model"),
			ProbeKeyID: rapid.StringMatching(`[A-Za-z0-9]{0,64}`).Draw(r, "key"), AcceptUnseen: rapid.Bool().Draw(r, "unseen")}
		environ := Environ(c)
		if got, err := Load[Predict](func(name string) string { return environ[name] }); err != nil || got != c {
			r.Fatalf("got %+v, error %v; want %+v", got, err, c)
		}
	})
}

func TestDefaults(t *testing.T) {
	environ := Environ(Validate{platform})
	delete(environ, "EVENT_BUS")
	delete(environ, "STAGE")
	c, err := Load[Predict](func(name string) string { return environ[name] })
	if err != nil || c.ModelTTL != 5*time.Second || c.EventBus != "default" || c.Stage != "dev" || c.AcceptUnseen || c.DefaultModel != "" {
		t.Errorf("got %+v, error %v", c, err)
	}
}

// TestEveryFaultAtOnce: of an empty environment every required variable is named, of a wrong one every wrong one too.
func TestEveryFaultAtOnce(t *testing.T) {
	_, err := Load[Agent](func(string) string { return "" })
	named := func() map[string]string {
		out := map[string]string{}
		for _, d := range fault.Details(err) {
			if d.Expected == "" {
				t.Errorf("%s: nothing says what would be right", d.Field)
			}
			out[d.Field] = d.Code
		}
		return out
	}
	want := map[string]string{}
	for _, v := range strings.Fields("DATA_BUCKET MODEL_BUCKET CONTROL_TABLE AUDIT_TABLE IDEMPOTENCY_TABLE APPROVALS_TOPIC_ARN ALERTS_TOPIC_ARN APPROVAL_KEY PUBLIC_URL PREDICT_URL PROBE_KEY_PARAMETER OWNER") {
		want[v] = "missing"
	}
	if got := named(); !fault.Is(err, fault.Invalid) || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v; want %v (%v)", got, want, err)
	}

	environ := Environ(agent)
	wrong := map[string]string{"DATA_BUCKET": "My_Bucket", "ALERTS_TOPIC_ARN": "alerts", "PUBLIC_URL": "example.com", "OWNER": "owner", "APPROVERS": "a@example.com,nobody"}
	for k, v := range wrong {
		environ[k] = v
	}
	delete(environ, "CONTROL_TABLE")
	_, err = Load[Agent](func(name string) string { return environ[name] })
	want = map[string]string{"CONTROL_TABLE": "missing"}
	for k := range wrong {
		want[k] = "wrong_value"
	}
	if got := named(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}

	environ = Environ(Train{Platform: platform, Folds: 5})
	environ["THREADS"], environ["FOLDS"], environ["STAGE"] = "many", "-1", "Not a name"
	_, err = Load[Train](func(name string) string { return environ[name] })
	if got := named(); len(got) != 3 {
		t.Errorf("got %v; want three", got)
	}
}
