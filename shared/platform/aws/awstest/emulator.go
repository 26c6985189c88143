// Package awstest gives tests an AWS to talk to: an emulator behind a proxy of ours, with the resources of the stack's own template in it.
//
// The emulator is whatever answers at AWS_ENDPOINT_URL, with the certificate of AWS_CA_BUNDLE where it has one of its own, or a moto_server
// that is started here when it is on PATH; where there is neither, the test is skipped and says so. What an emulator does not have it answers
// with 501, and the tests that need it are skipped and say so.
package awstest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/logging"

	"mlops/shared/platform/aws"
)

// Region of everything made here.
const Region = "us-east-1"

// Cloud is an emulated account with the platform's resources in it. The names are random, so that several may share an emulator.
type Cloud struct {
	*Proxy
	Stack                   *Stack
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
	once      sync.Once
	url       string
	transport http.RoundTripper
	why       string // there is none
	err       error  // there is one, and it cannot be used
	moto      bool   // the proxy has to lend it what DynamoDB promises
	killer    func()
}

// reach finds out whether an emulator answers at an address, and whether it is moto.
func reach(at, bundle string) error {
	transport, err := trusting(bundle)
	if err != nil {
		return err
	}
	res, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get(at + motoPage)
	if err != nil {
		return fmt.Errorf("reach the emulator at AWS_ENDPOINT_URL (where its certificate is one of its own, AWS_CA_BUNDLE names the file that it is in): %w", err)
	}
	res.Body.Close()
	emulator.url, emulator.transport, emulator.moto = at, transport, res.StatusCode == http.StatusOK
	return nil
}

// motoPage is a page that moto has, and AWS has not.
const motoPage = "/moto-api/data.json"

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
		emulator.err = reach(strings.TrimSuffix(u, "/"), os.Getenv("AWS_CA_BUNDLE"))
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
	emulator.url, emulator.transport, emulator.moto = "http://127.0.0.1:"+port, http.DefaultTransport, true
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		select {
		case err := <-ended:
			emulator.why = fmt.Sprintf("%s ended: %v: %.500s", server, err, said.String())
			return
		default:
		}
		if res, err := http.Get(emulator.url + motoPage); err == nil {
			res.Body.Close()
			return
		}
	}
	emulator.why = server + " did not answer within two minutes"
}

// Open gives a test a cloud of its own, or skips it: the template's resources of the services, made through the SDK. Where the emulator does
// not have one of the services, the test is skipped too.
func Open(t testing.TB, services ...Service) *Cloud {
	t.Helper()
	return open(t, func(c *Cloud) error {
		s := c.Stack
		err := s.makeRest(context.Background(), func(id string) bool { return slices.Contains(services, kinds[s.Resources[id].Type].service) })
		if err == nil && len(s.Lacks) > 0 {
			t.Skipf("this emulator lacks %s", strings.Join(s.Lacks, ", "))
		}
		return err
	})
}

// Deploy gives a test a cloud of its own with the whole stack in it, or skips it: made from the template by the emulator's CloudFormation,
// and what that cannot do through the SDK. The stack's Report says which, and what the emulator does not hold.
func Deploy(t testing.TB) *Cloud {
	t.Helper()
	return open(t, func(c *Cloud) error { return c.Stack.deploy(context.Background()) })
}

func open(t testing.TB, make func(*Cloud) error) *Cloud {
	t.Helper()
	emulator.once.Do(start)
	if emulator.why != "" {
		t.Skip(emulator.why)
	}
	if emulator.err != nil {
		t.Fatal(emulator.err)
	}
	c, err := connect(t)
	if err == nil {
		err = make(c)
	}
	if err == nil {
		err = c.name(context.Background())
	}
	if err != nil {
		t.Fatalf("make the template's resources in the emulator: %v", err)
	}
	return c
}

// connect opens the way to the emulator, where nothing is made yet.
func connect(t testing.TB) (*Cloud, error) {
	target, err := url.Parse(emulator.url)
	if err != nil {
		return nil, fmt.Errorf("read AWS_ENDPOINT_URL: %w", err)
	}
	p := &Proxy{target: target, transport: emulator.transport, mends: emulator.moto, applied: map[string]reply{}}
	server := httptest.NewServer(p)
	t.Cleanup(func() {
		server.Close()
		if lacked := p.Lacked(); t.Failed() && len(lacked) > 0 {
			t.Logf("this emulator lacks %s: it answered 501", strings.Join(lacked, ", "))
		}
	})
	p.URL = server.URL
	c := &Cloud{Proxy: p}
	c.config, err = config.LoadDefaultConfig(context.Background(), config.WithRegion(Region), config.WithBaseEndpoint(c.URL), config.WithLogger(logging.Nop{}),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("test", "test", "")))
	if err == nil {
		c.Stack, err = newStack(c.config, strings.ToLower(rand.Text())[:12])
	}
	return c, err
}

// trusting is a transport that knows the certificates of a file, beside the machine's own.
func trusting(bundle string) (http.RoundTripper, error) {
	if bundle == "" {
		return http.DefaultTransport, nil
	}
	pem, err := os.ReadFile(bundle)
	if err != nil {
		return nil, fmt.Errorf("read AWS_CA_BUNDLE: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read AWS_CA_BUNDLE: there is no certificate in %s", bundle)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return transport, nil
}

// name takes over what the resources are called.
func (c *Cloud) name(ctx context.Context) error {
	s := c.Stack
	c.DataBucket, c.ModelBucket = s.Ref("Data"), s.Ref("Models")
	c.Tables = aws.Tables{Control: s.Ref("Control"), Audit: s.Ref("Audit"), Idempotency: s.Ref("Idempotency")}
	c.Approvals, c.Alerts, c.MacKey = s.Ref("Approvals"), s.Ref("Alerts"), s.Ref("Tokens")
	c.ProbeParameter = str(get(s.Resources["Agent"].Properties, "Environment", "Variables", "PROBE_KEY_PARAMETER"))
	if secret := s.Ref("ProbeSecret"); secret != "" {
		out, err := s.clients.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &secret})
		if err != nil {
			return fmt.Errorf("read the secret %s: %w", secret, err)
		}
		c.ProbeKey = sdk.ToString(out.SecretString)
	}
	return nil
}

// APIKeys are the ids of the API keys by what clients send.
func (c *Cloud) APIKeys(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for pages := apigateway.NewGetApiKeysPaginator(c.Stack.clients.apis, &apigateway.GetApiKeysInput{IncludeValues: sdk.Bool(true)}); pages.HasMorePages(); {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range page.Items {
			out[sdk.ToString(k.Value)] = sdk.ToString(k.Id)
		}
	}
	return out
}

// Publish publishes an event as a function does.
func (c *Cloud) Publish(t testing.TB, e Entry) {
	t.Helper()
	out, err := c.Stack.clients.events.PutEvents(context.Background(), &eventbridge.PutEventsInput{Entries: []eventtypes.PutEventsRequestEntry{{EventBusName: &e.Bus, Source: &e.Source, DetailType: &e.DetailType, Detail: &e.Detail}}})
	if err == nil && out.FailedEntryCount > 0 {
		err = fmt.Errorf("refused: %v", plain(out.Entries))
	}
	if err != nil {
		t.Fatalf("publish %s: %v", e.DetailType, err)
	}
}

// Delivered are the events that the emulator's own rules brought to a function since the last call.
func (c *Cloud) Delivered(t testing.TB, function string) []string {
	t.Helper()
	queue, err := c.Stack.clients.queues.GetQueueUrl(context.Background(), &sqs.GetQueueUrlInput{QueueName: sdk.String(c.Stack.inbox(function))})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for {
		page, err := c.Stack.clients.queues.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Messages) == 0 {
			return out
		}
		for _, m := range page.Messages {
			out = append(out, sdk.ToString(m.Body))
			if _, err := c.Stack.clients.queues.DeleteMessage(context.Background(), &sqs.DeleteMessageInput{QueueUrl: queue.QueueUrl, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Subscribe confirms a subscription to a topic.
func (c *Cloud) Subscribe(t testing.TB, topic, to string) {
	t.Helper()
	if _, err := sns.NewFromConfig(c.config).Subscribe(context.Background(), &sns.SubscribeInput{TopicArn: &topic, Protocol: sdk.String("email"), Endpoint: &to}); err != nil {
		t.Fatal(err)
	}
}

// Unsubscribe ends every subscription to a topic.
func (c *Cloud) Unsubscribe(t testing.TB, topic string) {
	t.Helper()
	client := sns.NewFromConfig(c.config)
	out, err := client.ListSubscriptionsByTopic(context.Background(), &sns.ListSubscriptionsByTopicInput{TopicArn: &topic})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range out.Subscriptions {
		if _, err := client.Unsubscribe(context.Background(), &sns.UnsubscribeInput{SubscriptionArn: s.SubscriptionArn}); err != nil {
			t.Fatal(err)
		}
	}
}

// Count is how many items of a table lie in the partitions that begin with prefix.
func (c *Cloud) Count(t testing.TB, table, prefix string) int {
	t.Helper()
	n := 0
	for _, item := range c.Items(t, table) {
		if strings.HasPrefix(item.Partition, prefix) {
			n++
		}
	}
	return n
}

// Item is an item of a table with its document.
type Item struct{ Partition, Sort, Body string }

// Items are all items of a table, in no order.
func (c *Cloud) Items(t testing.TB, table string) []Item {
	t.Helper()
	var out []Item
	text := func(v dynamotypes.AttributeValue) string {
		s, _ := v.(*dynamotypes.AttributeValueMemberS)
		if s == nil {
			return ""
		}
		return s.Value
	}
	for pages := dynamodb.NewScanPaginator(dynamodb.NewFromConfig(c.config), &dynamodb.ScanInput{TableName: &table}); pages.HasMorePages(); {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			out = append(out, Item{text(item[aws.PartitionKey]), text(item[aws.SortKey]), text(item["body"])})
		}
	}
	return out
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
