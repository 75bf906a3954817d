package main

import (
	"bytes"

	"github.com/distribution/reference"
	"github.com/docker/cli/cli/config"
)

// dockerLookup does what the docker CLI does with ~/.docker/config.json.
func dockerLookup(req request) ([]credential, error) {
	image, err := reference.ParseNormalizedNamed(req.Image)
	if err != nil {
		return nil, err
	}
	file, err := config.LoadFromReader(bytes.NewReader(req.Document))
	if err != nil {
		return nil, err
	}
	auth, err := file.GetAuthConfig(reference.Domain(image))
	if err != nil {
		return nil, err
	}
	found := credential{
		Username:      auth.Username,
		Password:      auth.Password,
		IdentityToken: auth.IdentityToken,
		RegistryToken: auth.RegistryToken,
	}
	if found == (credential{}) {
		return nil, nil
	}
	return []credential{found}, nil
}
