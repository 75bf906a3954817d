package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/docker/distribution/registry/api/errcode"
	registryv2 "github.com/docker/distribution/registry/api/v2"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/pkg/docker/config"
	"go.podman.io/image/v5/types"
	v1 "k8s.io/api/core/v1"
)

// podmanLookup does what podman, buildah and skopeo do with an --authfile.
func podmanLookup(req request) ([]credential, error) {
	image, err := reference.ParseNormalizedNamed(req.Image)
	if err != nil {
		return nil, err
	}
	system, remove, err := podmanSystem(req)
	if err != nil {
		return nil, err
	}
	defer remove()

	return podmanCredentials(system, image)
}

func podmanCredentials(system *types.SystemContext, image reference.Named) ([]credential, error) {
	auth, err := config.GetCredentialsForRef(system, image)
	if err != nil || auth == (types.DockerAuthConfig{}) {
		return nil, err
	}
	return []credential{{Username: auth.Username, Password: auth.Password, IdentityToken: auth.IdentityToken}}, nil
}

// podmanLogin asks the registry for the repository's tags, with whatever credentials the library itself finds in the
// document; none found is an anonymous attempt. A repository that does not exist is an answer from behind the login.
func podmanLogin(ctx context.Context, req request) error {
	image, err := docker.ParseReference("//" + req.Image)
	if err != nil {
		return err
	}
	system, remove, err := podmanSystem(req)
	if err != nil {
		return err
	}
	defer remove()

	_, err = docker.GetRepositoryTags(ctx, system, image)
	var refused errcode.Error
	if errors.As(err, &refused) && refused.Code == registryv2.ErrorCodeNameUnknown {
		return nil
	}
	return err
}

// podmanSystem is a machine on which the document is the only configuration there is.
func podmanSystem(req request) (system *types.SystemContext, remove func(), err error) {
	dir, err := os.MkdirTemp("", "podman-")
	if err != nil {
		return nil, nil, err
	}
	remove = func() { os.RemoveAll(dir) }
	authFile := filepath.Join(dir, "auth.json")
	registriesConf := filepath.Join(dir, "registries.conf")
	for path, content := range map[string][]byte{authFile: req.Document, registriesConf: nil} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			remove()
			return nil, nil, err
		}
	}
	empty := filepath.Join(dir, "empty")
	system = &types.SystemContext{
		SystemRegistriesConfPath:    registriesConf,
		SystemRegistriesConfDirPath: empty,
		RegistriesDirPath:           empty,
		DockerPerHostCertDirPath:    empty,
	}
	if v1.SecretType(req.Type) == v1.SecretTypeDockercfg {
		system.LegacyFormatAuthFilePath = authFile
	} else {
		system.AuthFilePath = authFile
	}
	if req.Insecure {
		system.DockerInsecureSkipTLSVerify = types.OptionalBoolTrue
	}
	return system, remove, nil
}
