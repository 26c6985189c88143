package awstest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// adapt changes what would stand in the way of a test, after it was looked at.
func (s *Stack) adapt(ctx context.Context) error {
	for _, id := range s.of("AWS::S3::BucketPolicy") {
		if err := s.openBucket(ctx, s.names[id]); err != nil {
			return err
		}
	}
	return s.inboxes(ctx)
}

// openBucket takes a bucket's policy away where the emulator applies a denial without its condition, as moto does: nothing could be read.
func (s *Stack) openBucket(ctx context.Context, bucket string) error {
	if bucket == "" {
		return nil
	}
	_, err := s.clients.objects.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: sdk.String("absent")})
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &answer) || answer.HTTPStatusCode() != http.StatusForbidden {
		return nil
	}
	if _, err := s.clients.objects.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &bucket}); err != nil {
		return fmt.Errorf("open the bucket %s again: %w", bucket, err)
	}
	s.Changed = append(s.Changed, "AWS::S3::BucketPolicy is taken away after it was looked at: this emulator applies a denial without its condition")
	return nil
}

// inbox is the queue that stands for a function as the target of rules.
func (s *Stack) inbox(function string) string { return s.physical("inbox" + function) }

// inboxes lets each rule's target be a queue in place of the function, which is not in the emulator: what the emulator's own EventBridge
// delivers can then be seen, and moto refuses events that wake a function.
func (s *Stack) inboxes(ctx context.Context) error {
	arns := map[string]string{}
	for _, id := range s.of("AWS::Events::Rule") {
		p, err := s.Resolved(id)
		if err != nil || s.names[id] == "" {
			continue // the emulator lacks something
		}
		function := FunctionOf(str(get(first(p["Targets"]), "Arn")))
		if arns[function] == "" {
			queue, err := makeQueue(ctx, s.clients, s.inbox(function), nil)
			if what, lacked := lacking(err); lacked {
				s.lacks(what)
				return nil
			}
			if err != nil {
				return fmt.Errorf("make a queue for the events to %s: %w", function, err)
			}
			arns[function] = queue.attributes["Arn"]
		}
		if err := redirect(ctx, s.clients, s.names[id], p, arns[function]); err != nil {
			return fmt.Errorf("redirect the rule %s: %w", s.template.names[id], err)
		}
		s.Changed = append(s.Changed, "AWS::Events::Rule.Targets is a queue in place of the function after it was looked at: functions are run by the test, and moto refuses events that wake one")
	}
	return nil
}

// FunctionOf is the logical id of the function that an ARN names.
func FunctionOf(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }
