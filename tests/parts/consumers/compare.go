package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/cli/cli/config"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	podmanreference "go.podman.io/image/v5/docker/reference"
	podmanconfig "go.podman.io/image/v5/pkg/docker/config"
	"go.podman.io/image/v5/types"
	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/credentialprovider"
	"k8s.io/kubernetes/pkg/util/parsers"
)

// comparison is the answer to the action compare: everything that the models in engine/src/consumers claim.
type comparison struct {
	Readings map[string]reading `json:"readings"` // by consumer
	Images   []imageAnswer      `json:"images"`
}

// reading is what a consumer reads of a document.
type reading struct {
	Refused bool                   `json:"refused"` // the whole document
	Entries map[string]entryAnswer `json:"entries"` // by registry key, as far as the library lets one look
}

type entryAnswer struct {
	Refused     bool   `json:"refused"`
	Credentials *exact `json:"credentials"`
}

// exact is a credential whose bytes need not be UTF-8: a username and a password travel as base64.
type exact struct {
	Username      []byte `json:"username"`
	Password      []byte `json:"password"`
	IdentityToken string `json:"identityToken"`
	RegistryToken string `json:"registryToken"`
}

type imageAnswer struct {
	Names  map[string]string `json:"names"` // by reference grammar: docker, kubelet, podman, keychain; "" if refused
	Domain string            `json:"domain"`
	Found  map[string][]find `json:"found"` // by consumer, each different answer once
}

type find struct {
	Failed      bool    `json:"failed"`
	Credentials []exact `json:"credentials"`
}

func compare(req request) (comparison, error) {
	// The files of the two that read files are written once for all images.
	system, remove, err := podmanSystem(req)
	if err != nil {
		return comparison{}, err
	}
	defer remove()
	dir := filepath.Join(os.Getenv("HOME"), ".docker")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return comparison{}, err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), req.Document, 0o600); err != nil {
		return comparison{}, err
	}
	podman := func(req request) ([]credential, error) {
		image, err := podmanreference.ParseNormalizedNamed(req.Image)
		if err != nil {
			return nil, err
		}
		return podmanCredentials(system, image)
	}
	lookups := map[string]lookup{
		"kubelet":  kubeletLookup,
		"podman":   podman,
		"docker":   dockerLookup,
		"keychain": keychainLookup,
		"crane":    craneLookup,
	}

	answer := comparison{Readings: readings(req, system), Images: []imageAnswer{}}
	for _, image := range req.Images {
		asked := req
		asked.Image = image
		got := imageAnswer{Found: map[string][]find{}}
		got.Names, got.Domain = names(image)
		for consumer, look := range lookups {
			if req.Consumer == "" || req.Consumer == consumer {
				got.Found[consumer] = distinct(asked, look)
			}
		}
		answer.Images = append(answer.Images, got)
	}
	return answer, nil
}

// distinct asks as often as the request says, since several consumers go by the random order of a Go map.
func distinct(req request, look lookup) []find {
	answers := []find{}
	for range max(req.Repeat, 1) {
		found, err := look(req)
		answer := find{Failed: err != nil, Credentials: []exact{}}
		for _, one := range found {
			answer.Credentials = append(answer.Credentials, one.exact())
		}
		same := func(other find) bool { return sameFind(answer, other) }
		if !slices.ContainsFunc(answers, same) {
			answers = append(answers, answer)
		}
	}
	return answers
}

func (c credential) exact() exact {
	return exact{[]byte(c.Username), []byte(c.Password), c.IdentityToken, c.RegistryToken}
}

func sameFind(one, other find) bool {
	return one.Failed == other.Failed && slices.EqualFunc(one.Credentials, other.Credentials, func(a, b exact) bool {
		return bytes.Equal(a.Username, b.Username) && bytes.Equal(a.Password, b.Password) &&
			a.IdentityToken == b.IdentityToken && a.RegistryToken == b.RegistryToken
	})
}

// names normalises an image reference in each grammar.
func names(image string) (names map[string]string, domain string) {
	names = map[string]string{"docker": "", "kubelet": "", "podman": "", "keychain": ""}
	if named, err := reference.ParseNormalizedNamed(image); err == nil {
		names["docker"], domain = named.Name(), reference.Domain(named)
	}
	if repository, _, _, err := parsers.ParseImageName(image); err == nil {
		names["kubelet"] = repository
	}
	if named, err := podmanreference.ParseNormalizedNamed(image); err == nil {
		names["podman"] = named.Name()
	}
	if named, err := name.ParseReference(image); err == nil {
		names["keychain"] = named.Context().Name()
	}
	return names, domain
}

// readings asks each library for the entries of a document, in the types that it reads a document into.
func readings(req request, system *types.SystemContext) map[string]reading {
	flat := v1.SecretType(req.Type) == v1.SecretTypeDockercfg
	all := map[string]reading{}

	var kubelet credentialprovider.DockerConfigJSON
	err := unmarshal(req.Document, flat, &kubelet, &kubelet.Auths)
	all["kubelet"] = read(err, kubelet.Auths, func(entry credentialprovider.DockerConfigEntry) credential {
		return credential{Username: entry.Username, Password: entry.Password}
	})

	var keychain struct{ Auths map[string]authn.AuthConfig }
	err = unmarshal(req.Document, flat, &keychain, &keychain.Auths)
	all["keychain"] = read(err, keychain.Auths, func(entry authn.AuthConfig) credential {
		return credential{entry.Username, entry.Password, entry.IdentityToken, entry.RegistryToken}
	})
	// It fails for a key that is no URL, too, which this type does not know.
	if asked, err := keychainLookup(withImage(req, "r.example.com/x")); err != nil && asked == nil {
		all["keychain"] = reading{Refused: true}
	}

	docker, err := config.LoadFromReader(bytes.NewReader(req.Document))
	all["docker"] = reading{Refused: err != nil, Entries: map[string]entryAnswer{}}
	if err == nil {
		for key, entry := range docker.AuthConfigs {
			found := credential{entry.Username, entry.Password, entry.IdentityToken, entry.RegistryToken}
			all["docker"].Entries[key] = answerOf(found)
		}
	}

	all["podman"] = podmanReading(req, system)
	return all
}

func withImage(req request, image string) request {
	req.Image = image
	return req
}

func unmarshal(document []byte, flat bool, whole, auths any) error {
	if flat {
		return json.Unmarshal(document, auths)
	}
	return json.Unmarshal(document, whole)
}

func read[T any](err error, entries map[string]T, of func(T) credential) reading {
	answer := reading{Refused: err != nil, Entries: map[string]entryAnswer{}}
	if err == nil {
		for key, entry := range entries {
			answer.Entries[key] = answerOf(of(entry))
		}
	}
	return answer
}

func answerOf(found credential) entryAnswer {
	if found == (credential{}) {
		return entryAnswer{}
	}
	exact := found.exact()
	return entryAnswer{Credentials: &exact}
}

// podmanReading asks for each key as it is written, which the library allows for keys that could be a repository, and
// answers from the document unless a helper program has the registry.
func podmanReading(req request, system *types.SystemContext) reading {
	answer := reading{Entries: map[string]entryAnswer{}}
	if _, err := podmanconfig.GetCredentials(system, "no.such.registry.invalid"); err != nil {
		// No key of a test is found for this name, so that it is the document that is refused.
		answer.Refused = true
		return answer
	}
	var keys struct{ Auths, CredHelpers map[string]any }
	flat := v1.SecretType(req.Type) == v1.SecretTypeDockercfg
	if unmarshal(req.Document, flat, &keys, &keys.Auths) != nil {
		return answer
	}
	for key := range keys.Auths {
		registry, path, _ := strings.Cut(key, "/")
		_, helped := keys.CredHelpers[registry]
		if helped || flat && registry != key || strings.ContainsAny(path, ":@") || strings.ContainsAny(registry, "@") ||
			strings.HasPrefix(key, "http://") || strings.HasPrefix(key, "https://") {
			continue
		}
		found, err := podmanconfig.GetCredentials(system, key)
		entry := answerOf(credential{found.Username, found.Password, found.IdentityToken, ""})
		entry.Refused = err != nil
		answer.Entries[key] = entry
	}
	return answer
}

// craneLookup does what crane, ko and kaniko do with ~/.docker/config.json, which is there already.
func craneLookup(req request) ([]credential, error) {
	image, err := name.ParseReference(req.Image)
	if err != nil {
		return nil, err
	}
	authenticator, err := authn.DefaultKeychain.Resolve(image.Context())
	if err != nil || authenticator == authn.Anonymous {
		return nil, err
	}
	auth, err := authn.Authorization(context.Background(), authenticator)
	if err != nil {
		return nil, err
	}
	return []credential{{auth.Username, auth.Password, auth.IdentityToken, auth.RegistryToken}}, nil
}
