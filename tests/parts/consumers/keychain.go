package main

import (
	"context"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/authn/kubernetes"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "k8s.io/api/core/v1"
)

// keychainLookup does what Tekton, Knative, Kyverno and cosign's controller do with a pull Secret.
func keychainLookup(req request) ([]credential, error) {
	image, err := name.ParseReference(req.Image)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	keychain, err := kubernetes.NewFromPullSecrets(ctx, []v1.Secret{pullSecret(req)})
	if err != nil {
		return nil, err
	}
	authenticator, err := keychain.Resolve(image.Context())
	if err != nil || authenticator == authn.Anonymous {
		return nil, err
	}
	auth, err := authn.Authorization(ctx, authenticator)
	if err != nil {
		return nil, err
	}
	return []credential{{
		Username:      auth.Username,
		Password:      auth.Password,
		IdentityToken: auth.IdentityToken,
		RegistryToken: auth.RegistryToken,
	}}, nil
}
