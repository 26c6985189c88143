package aws

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// raceTries bounds how often a Create is sent again because another one of the same key was under way.
const raceTries = 5

// Blobs is a store.Blobs on an S3 bucket. A key is an object, made once by If-None-Match, with its SHA-256 checked by S3.
//
// The role that reads must be allowed s3:ListBucket too: without it S3 answers 403 for an object that is not there, which is Internal here
// and not NotFound.
type Blobs struct {
	client *s3.Client
	bucket string
}

var _ store.Blobs = (*Blobs)(nil)

// Blobs makes a Blobs of the bucket.
func (a Account) Blobs(bucket string) *Blobs {
	return &Blobs{bucket: bucket, client: s3.NewFromConfig(a.config, func(o *s3.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil             // an emulator has no name for each bucket
		o.DisableLogOutputChecksumValidationSkipped = true // of an object that somebody stored without a sum
	})}
}

// status is the HTTP status of the service's answer, or 0.
func status(err error) int {
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

// Create implements store.Blobs.
func (b *Blobs) Create(ctx context.Context, key string, body []byte) error {
	if err := store.CheckCreate(key, body); err != nil {
		return err
	}
	if err := store.Alive(ctx); err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	want := base64.StdEncoding.EncodeToString(sum[:])
	for try := 1; ; try++ {
		_, err := b.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.bucket, Key: &key, Body: bytes.NewReader(body), ContentLength: aws.Int64(int64(len(body))),
			IfNoneMatch: aws.String("*"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256, ChecksumSHA256: &want})
		switch {
		case err == nil:
			return nil
		case status(err) == http.StatusPreconditionFailed:
			return b.compare(ctx, key, body, want)
		case status(err) != http.StatusConflict:
			return classify(err, "store %s in bucket %s", key, b.bucket)
		case try == raceTries:
			return fault.Unavailablef("store %s: others kept storing it", key).Because(err)
		}
		select {
		case <-time.After(time.Duration(try) * 20 * time.Millisecond):
		case <-ctx.Done():
			return store.Alive(ctx)
		}
	}
}

// compare judges a Create that found the key taken: by the sum that S3 keeps with the object, or, where it keeps none, by the bytes.
func (b *Blobs) compare(ctx context.Context, key string, body []byte, want string) error {
	head, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		return classify(err, "compare %s in bucket %s", key, b.bucket)
	}
	same := aws.ToInt64(head.ContentLength) == int64(len(body))
	switch sum := aws.ToString(head.ChecksumSHA256); {
	case !same:
	case sum != "" && head.ChecksumType != types.ChecksumTypeComposite:
		same = sum == want
	default:
		there, err := b.Get(ctx, key, int64(len(body)))
		if err != nil {
			return err
		}
		same = bytes.Equal(there, body)
	}
	return store.Taken(key, same)
}

// Get implements store.Blobs.
func (b *Blobs) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	if err := store.CheckRead(key, limit); err != nil {
		return nil, err
	}
	if err := store.Alive(ctx); err != nil {
		return nil, err
	}
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: &key})
	var none *types.NoSuchKey
	switch {
	case errors.As(err, &none):
		return nil, fault.NotFoundf("there is no %s", key)
	case err != nil:
		return nil, classify(err, "read %s in bucket %s", key, b.bucket)
	}
	defer out.Body.Close()
	size := aws.ToInt64(out.ContentLength)
	if size > limit {
		return nil, store.TooLarge(key, size, limit)
	}
	body, err := io.ReadAll(io.LimitReader(out.Body, min(limit, store.MaxBlobBytes)+1))
	switch {
	case err != nil || out.ContentLength != nil && int64(len(body)) != size:
		return nil, fault.Unavailablef("read %s in bucket %s: it ended early", key, b.bucket).Because(err)
	case int64(len(body)) > limit:
		return nil, store.TooLarge(key, int64(len(body)), limit)
	}
	return body, nil
}

// List implements store.Blobs.
func (b *Blobs) List(ctx context.Context, prefix, after string, limit int) ([]store.Object, error) {
	limit, err := store.CheckList(prefix, after, limit)
	if err == nil {
		err = store.Alive(ctx)
	}
	if err != nil {
		return nil, err
	}
	in := &s3.ListObjectsV2Input{Bucket: &b.bucket, Prefix: &prefix}
	if after != "" {
		in.StartAfter = &after
	}
	var found []store.Object
	for {
		in.MaxKeys = aws.Int32(int32(limit - len(found)))
		page, err := b.client.ListObjectsV2(ctx, in)
		if err != nil {
			return nil, classify(err, "list %s in bucket %s", prefix, b.bucket)
		}
		for _, o := range page.Contents {
			found = append(found, store.Object{Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), ModTime: aws.ToTime(o.LastModified)})
		}
		if len(found) >= limit || !aws.ToBool(page.IsTruncated) {
			return found, nil
		}
		in.ContinuationToken = page.NextContinuationToken
	}
}

// Metadata are the words that whoever stored the object put beside it (x-amz-meta-*), by lower-case name.
func (b *Blobs) Metadata(ctx context.Context, key string) (map[string]string, error) {
	head, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.bucket, Key: &key})
	if status(err) == http.StatusNotFound {
		return nil, fault.NotFoundf("there is no %s", key)
	}
	if err != nil {
		return nil, classify(err, "look at %s in bucket %s", key, b.bucket)
	}
	return head.Metadata, nil
}

// Sign makes an address to which anybody may PUT the object once it has it, until it expires, with the headers given: they carry the metadata, are
// signed, and must be sent as they are. Signing makes no call.
func (b *Blobs) Sign(ctx context.Context, key string, metadata map[string]string, life time.Duration) (address string, headers map[string]string, err error) {
	if want := store.CheckBlobKey(key); want != "" {
		return "", nil, fault.Invalidf("cannot sign an upload").With(fault.Detail{Field: "key", Code: "invalid_key", Expected: want})
	}
	signed, err := s3.NewPresignClient(b.client, s3.WithPresignExpires(life)).PresignPutObject(ctx, &s3.PutObjectInput{Bucket: &b.bucket, Key: &key, Metadata: metadata})
	if err != nil {
		return "", nil, classify(err, "sign an upload of %s", key)
	}
	headers = map[string]string{}
	for name := range signed.SignedHeader {
		if name := strings.ToLower(name); strings.HasPrefix(name, "x-amz-") {
			headers[name] = signed.SignedHeader.Get(name)
		}
	}
	return signed.URL, headers, nil
}
