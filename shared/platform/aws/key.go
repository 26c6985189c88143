package aws

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"mlops/shared/fault"
)

// macTimeout bounds one call: making and checking tokens is part of a request.
const macTimeout = 5 * time.Second

// Key is a KMS key that makes and checks message authentication codes. The role of who mails may only make them, the role of who takes
// votes only check them.
type Key struct {
	client keyCalls
	id     string
	name   string // the kid in tokens
}

// keyCalls are the calls of KMS that are made here; aws.go says why not the client.
type keyCalls struct {
	GenerateMac func(context.Context, *kms.GenerateMacInput, ...func(*kms.Options)) (*kms.GenerateMacOutput, error)
	VerifyMac   func(context.Context, *kms.VerifyMacInput, ...func(*kms.Options)) (*kms.VerifyMacOutput, error)
}

// Key makes a Key of the KMS key's id, alias or ARN, which tokens name as kid.
func (a Account) Key(id, kid string) *Key {
	c := kms.NewFromConfig(a.config)
	return &Key{client: keyCalls{c.GenerateMac, c.VerifyMac}, id: id, name: kid}
}

// Mint makes the code of a message, at most 4,096 bytes long.
func (k *Key) Mint(message []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), macTimeout)
	defer cancel()
	out, err := k.client.GenerateMac(ctx, &kms.GenerateMacInput{KeyId: &k.id, MacAlgorithm: types.MacAlgorithmSpecHmacSha256, Message: message})
	if err != nil {
		return nil, classify(err, "make a code with key %s", k.id)
	}
	return out.Mac, nil
}

// Verify checks the code of a message. Denied when it is not this key's for this message.
func (k *Key) Verify(kid string, message, mac []byte) error {
	if kid != k.name {
		return fault.Deniedf("the token names the key %.20q, which is not known here", kid)
	}
	if len(mac) == 0 {
		return fault.Deniedf("the token has no code")
	}
	ctx, cancel := context.WithTimeout(context.Background(), macTimeout)
	defer cancel()
	out, err := k.client.VerifyMac(ctx, &kms.VerifyMacInput{KeyId: &k.id, MacAlgorithm: types.MacAlgorithmSpecHmacSha256, Message: message, Mac: mac})
	var wrong *types.KMSInvalidMacException
	if errors.As(err, &wrong) || err == nil && !out.MacValid {
		return fault.Deniedf("the token's code is wrong")
	}
	return classify(err, "check a code with key %s", k.id)
}

// secretLife is how long a secret is used before it is read again, so that a new one takes effect without a deployment.
const secretLife = 5 * time.Minute

// Secret is an SSM parameter, read when it is needed and kept for a while.
type Secret struct {
	client secretCalls
	name   string
	now    func() time.Time

	mu    sync.Mutex
	value string
	read  time.Time
}

// secretCalls are the calls of SSM that are made here; aws.go says why not the client.
type secretCalls struct {
	GetParameter func(context.Context, *ssm.GetParameterInput, ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
}

// Secret makes a Secret of the parameter's name.
func (a Account) Secret(name string, now func() time.Time) *Secret {
	c := ssm.NewFromConfig(a.config)
	return &Secret{client: secretCalls{c.GetParameter}, name: name, now: now}
}

// Value is the secret; the last one known when it cannot be read again.
func (s *Secret) Value(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.value != "" && s.now().Sub(s.read) < secretLife {
		return s.value, nil
	}
	out, err := s.client.GetParameter(ctx, &ssm.GetParameterInput{Name: &s.name, WithDecryption: aws.Bool(true)})
	if err != nil {
		if s.value != "" {
			return s.value, nil
		}
		return "", classify(err, "read the parameter %s", s.name)
	}
	s.value, s.read = aws.ToString(out.Parameter.Value), s.now()
	return s.value, nil
}
