// Package awstest gives tests an AWS to talk to: an emulator behind a proxy of ours, with buckets, tables, topics and keys made in it.
//
// The emulator is whatever answers at AWS_ENDPOINT_URL, or a moto_server that is started here when it is on PATH; where there is neither,
// the test is skipped and says so.
package awstest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"mlops/shared/platform/aws"
)

// Region of everything made here.
const Region = "us-east-1"

// Cloud is an emulated account with the platform's resources in it. The names are random, so that several may share an emulator.
type Cloud struct {
	*Proxy
	DataBucket, ModelBucket string
	Tables                  aws.Tables
	Approvals, Alerts       string // topics' ARNs
	MacKey                  string // KMS key's id
	ProbeParameter          string // holds ProbeKey
	ProbeKey                string
	config                  sdk.Config
}

// emulator is shared by the tests of one process.
var emulator struct {
	once   sync.Once
	url    string
	why    string
	mends  bool // the proxy has to lend it what DynamoDB promises
	killer func()
}

// Main runs a package's tests and ends the emulator that they started; call it from TestMain.
func Main(m *testing.M) {
	code := m.Run()
	if emulator.killer != nil {
		emulator.killer()
	}
	os.Exit(code)
}

func start() {
	if testing.Short() {
		emulator.why = "the emulator is left out with -short: make test runs it"
		return
	}
	if u := os.Getenv("AWS_ENDPOINT_URL"); u != "" {
		emulator.url = strings.TrimSuffix(u, "/")
		return
	}
	server, err := exec.LookPath("moto_server")
	if err != nil {
		emulator.why = "there is no emulator of AWS: set AWS_ENDPOINT_URL, or put moto_server on PATH (pip install 'moto[server]')"
		return
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		emulator.why = err.Error()
		return
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	cmd := exec.Command(server, "-H", "127.0.0.1", "-p", port)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		emulator.why = fmt.Sprintf("%s does not start: %v", server, err)
		return
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	emulator.killer = func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	emulator.url, emulator.mends = "http://127.0.0.1:"+port, true
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		select {
		case err := <-ended:
			emulator.why = fmt.Sprintf("%s ended: %v: %.500s", server, err, said.String())
			return
		default:
		}
		if res, err := http.Get(emulator.url + "/moto-api/data.json"); err == nil {
			res.Body.Close()
			return
		}
	}
	emulator.why = server + " did not answer within two minutes"
}

// Open gives a test a cloud of its own, or skips it.
func Open(t testing.TB) *Cloud {
	t.Helper()
	emulator.once.Do(start)
	if emulator.why != "" {
		t.Skip(emulator.why)
	}
	target, err := url.Parse(emulator.url)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{target: target, mends: emulator.mends, applied: map[string]reply{}}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.URL = server.URL
	c := &Cloud{Proxy: p}
	c.config, err = config.LoadDefaultConfig(context.Background(), config.WithRegion(Region), config.WithBaseEndpoint(c.URL),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("test", "test", "")))
	if err == nil {
		err = c.make(context.Background())
	}
	if err != nil {
		t.Fatalf("make the resources in the emulator: %v", err)
	}
	return c
}

// make makes the resources as the stack does.
func (c *Cloud) make(ctx context.Context) error {
	id := strings.ToLower(rand.Text())[:12]
	c.DataBucket, c.ModelBucket = "data-"+id, "models-"+id
	c.Tables = aws.Tables{Control: "control-" + id, Audit: "audit-" + id, Idempotency: "idempotency-" + id}
	objects := s3.NewFromConfig(c.config, func(o *s3.Options) { o.UsePathStyle = true })
	for _, b := range []string{c.DataBucket, c.ModelBucket} {
		if _, err := objects.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: sdk.String(b)}); err != nil {
			return err
		}
	}
	tables := dynamodb.NewFromConfig(c.config)
	for _, name := range []string{c.Tables.Control, c.Tables.Audit, c.Tables.Idempotency} {
		attribute := func(n string) dynamotypes.AttributeDefinition {
			return dynamotypes.AttributeDefinition{AttributeName: sdk.String(n), AttributeType: dynamotypes.ScalarAttributeTypeS}
		}
		if _, err := tables.CreateTable(ctx, &dynamodb.CreateTableInput{TableName: sdk.String(name), BillingMode: dynamotypes.BillingModePayPerRequest,
			AttributeDefinitions: []dynamotypes.AttributeDefinition{attribute(aws.PartitionKey), attribute(aws.SortKey)},
			KeySchema: []dynamotypes.KeySchemaElement{{AttributeName: sdk.String(aws.PartitionKey), KeyType: dynamotypes.KeyTypeHash},
				{AttributeName: sdk.String(aws.SortKey), KeyType: dynamotypes.KeyTypeRange}}}); err != nil {
			return err
		}
		if err := dynamodb.NewTableExistsWaiter(tables).Wait(ctx, &dynamodb.DescribeTableInput{TableName: sdk.String(name)}, time.Minute); err != nil {
			return err
		}
	}
	topics := sns.NewFromConfig(c.config)
	for name, into := range map[string]*string{"approvals-" + id: &c.Approvals, "alerts-" + id: &c.Alerts} {
		out, err := topics.CreateTopic(ctx, &sns.CreateTopicInput{Name: sdk.String(name)})
		if err != nil {
			return err
		}
		*into = *out.TopicArn
	}
	key, err := kms.NewFromConfig(c.config).CreateKey(ctx, &kms.CreateKeyInput{KeySpec: kmstypes.KeySpecHmac256, KeyUsage: kmstypes.KeyUsageTypeGenerateVerifyMac})
	if err != nil {
		return err
	}
	c.MacKey = *key.KeyMetadata.KeyId
	c.ProbeParameter, c.ProbeKey = "/mlops/"+id+"/probe-key", rand.Text()
	_, err = ssm.NewFromConfig(c.config).PutParameter(ctx, &ssm.PutParameterInput{Name: &c.ProbeParameter, Value: &c.ProbeKey, Type: ssmtypes.ParameterTypeSecureString})
	return err
}

// Subscribe confirms a subscription to a topic.
func (c *Cloud) Subscribe(t testing.TB, topic, to string) {
	t.Helper()
	if _, err := sns.NewFromConfig(c.config).Subscribe(context.Background(), &sns.SubscribeInput{TopicArn: &topic, Protocol: sdk.String("email"), Endpoint: &to}); err != nil {
		t.Fatal(err)
	}
}

// Count is how many items of a table lie in the partitions that begin with prefix.
func (c *Cloud) Count(t testing.TB, table, prefix string) int {
	t.Helper()
	n := 0
	for pages := dynamodb.NewScanPaginator(dynamodb.NewFromConfig(c.config), &dynamodb.ScanInput{TableName: &table}); pages.HasMorePages(); {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			if pk, ok := item[aws.PartitionKey].(*dynamotypes.AttributeValueMemberS); ok && strings.HasPrefix(pk.Value, prefix) {
				n++
			}
		}
	}
	return n
}

// Put puts an object as somebody with a client of their own would, with metadata, over what is there.
func (c *Cloud) Put(t testing.TB, bucket, key string, body []byte, metadata map[string]string) {
	t.Helper()
	objects := s3.NewFromConfig(c.config, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := objects.PutObject(context.Background(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body), Metadata: metadata}); err != nil {
		t.Fatal(err)
	}
}

// Credentials is the environment by which a process finds the cloud.
func (c *Cloud) Credentials() map[string]string {
	return map[string]string{"AWS_ENDPOINT_URL": c.URL, "AWS_REGION": Region, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
}

// Account opens the cloud for this process.
func (c *Cloud) Account(t testing.TB) aws.Account {
	t.Helper()
	for k, v := range c.Credentials() {
		t.Setenv(k, v)
	}
	a, err := aws.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return a
}
