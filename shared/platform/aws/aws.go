// Package aws keeps the platform's state on AWS, behind the interfaces of package store: control state in DynamoDB, blobs in S3, events on
// EventBridge, mails by SNS, tokens by KMS. It is the only importer of the SDK, and all it knows of where things are comes with the
// environment: AWS_ENDPOINT_URL points it at an emulator, AWS_CA_BUNDLE at the emulator's certificate.
package aws

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"mlops/shared/fault"
)

// What is made here keeps the calls that it makes, as functions, and not the client they are methods of. html/template looks methods up by name
// at run time, so in a program with pages the linker must keep every method of every type that an interface holds; with a client in reach
// those are all operations of a service. S3's client is in reach by the SDK itself (its credentials for directory buckets), so Blobs keeps it.

// How the SDK repeats a call by itself. Callers repeat too (store.Store) or are called again (events), so it gives up soon.
const (
	sdkTries   = 3
	sdkBackoff = 300 * time.Millisecond
)

// Account is a way into one account and region: make the clients of one process from it.
type Account struct {
	config aws.Config
	tracer *Tracer
}

// Open reads region, credentials and endpoint as every AWS tool does. It makes no call.
func Open(ctx context.Context) (Account, error) {
	c, err := config.LoadDefaultConfig(ctx, config.WithLogger(log{context.Background()}), config.WithRetryer(func() aws.Retryer {
		return retry.AddWithMaxBackoffDelay(retry.AddWithMaxAttempts(retry.NewStandard(), sdkTries), sdkBackoff)
	}))
	if err != nil {
		return Account{}, fault.Unavailablef("read the AWS settings of this process").Because(err)
	}
	if c.Region == "" {
		return Account{}, fault.Invalidf("the AWS settings of this process are incomplete").With(fault.Detail{Field: "AWS_REGION", Code: "missing", Expected: "a region, such as eu-west-1"})
	}
	t := newTracer(os.Getenv)
	c.APIOptions = append(c.APIOptions, t.install)
	return Account{c, t}, nil
}

// Tracer draws into the traces in which the calls of this account are.
func (a Account) Tracer() *Tracer { return a.tracer }

// log takes what the SDK has to say into the process's own log. Its lines are of the invocation in whose context a call was made.
type log struct{ ctx context.Context }

// WithContext implements logging.ContextLogger.
func (l log) WithContext(ctx context.Context) logging.Logger { return log{ctx} }

// Logf implements logging.Logger.
func (l log) Logf(class logging.Classification, format string, args ...any) {
	level := slog.LevelDebug
	if class == logging.Warn {
		level = slog.LevelWarn
	}
	slog.Log(l.ctx, level, "the AWS SDK says: "+fmt.Sprintf(format, args...))
}

// classify turns an error of the SDK into one of ours. What AWS refuses for good (permissions, a missing bucket or table) is Internal and
// names what to look at; everything else may pass.
func classify(err error, format string, args ...any) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	attempt := fmt.Sprintf(format, args...)
	var api smithy.APIError
	if !errors.As(err, &api) {
		return fault.Unavailablef("%s: there was no answer", attempt).Because(err)
	}
	code := api.ErrorCode()
	if isThrottle(code) {
		return fault.Unavailablef("%s: throttled", attempt).WithCode(fault.CodeThrottled).Because(err)
	}
	switch code {
	case "AccessDeniedException", "AccessDenied", "AuthorizationError", "AuthorizationErrorException", "Forbidden":
		return forbidden(err, attempt, code)
	case "UnrecognizedClientException", "InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredTokenException":
		return fault.New(fault.Internal, "%s: this function may not do that: AWS does not take its credentials (%s)", attempt, code).Because(err)
	case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture", "InvalidSignatureException": // what the SDK's own correction did not help
		return fault.Unavailablef("%s: the clock here is too far from AWS's (%s): set it by NTP", attempt, code).Because(err)
	case "ResourceNotFoundException", "NoSuchBucket", "NotFound", "NotFoundException", "ParameterNotFound":
		return fault.New(fault.Internal, "%s: it does not exist (%s)", attempt, code).Because(err)
	case "ValidationException", "InvalidParameter", "InvalidParameterException", "ValidationError":
		return fault.New(fault.Internal, "%s: AWS takes the request to be wrong (%s)", attempt, code).Because(err)
	default:
		if status(err) == http.StatusForbidden {
			return forbidden(err, attempt, code)
		}
		return fault.Unavailablef("%s: %s", attempt, code).Because(err)
	}
}

// isThrottle reports whether an error's code says that the calls were too many.
func isThrottle(code string) bool {
	switch code {
	case "ThrottlingException", "Throttling", "ThrottledException", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "TooManyRequestsException", "SlowDown", "LimitExceededException":
		return true
	}
	return false
}

// forbidden names what a role lacks. It is Internal, not Denied: whoever asked us may ask, it is we who may not.
func forbidden(err error, attempt, code string) error {
	missing := "the permission"
	var op *smithy.OperationError
	if errors.As(err, &op) {
		missing = actions(op.Service(), op.Operation())
	}
	return fault.New(fault.Internal, "%s: this function's role may not do that (%s): grant it %s there, and see that no policy of the resource or its key denies it", attempt, code, missing).Because(err)
}

// actions are the IAM actions that an operation needs, where they are not called as it is (AWS Service Authorization Reference).
func actions(service, operation string) string {
	switch operation {
	case "HeadObject":
		operation = "GetObject"
	case "ListObjectsV2":
		operation = "ListBucket"
	case "TransactWriteItems":
		return "dynamodb:PutItem, dynamodb:DeleteItem and dynamodb:ConditionCheckItem"
	}
	prefix := strings.ToLower(service)
	if service == "EventBridge" {
		prefix = "events"
	}
	return prefix + ":" + operation
}
