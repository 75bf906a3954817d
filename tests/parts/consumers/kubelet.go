package main

import (
	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/credentialprovider"
	"k8s.io/kubernetes/pkg/credentialprovider/secrets"
	"k8s.io/kubernetes/pkg/util/parsers"
)

// kubeletLookup does what the kubelet's image manager does before a pull (makeLookupPullCredentialsFunc), on a node
// that has no credentials of its own.
func kubeletLookup(req request) ([]credential, error) {
	repository, _, _, err := parsers.ParseImageName(req.Image)
	if err != nil {
		return nil, err
	}
	keyring, err := secrets.MakeDockerKeyring([]v1.Secret{pullSecret(req)}, credentialprovider.UnionDockerKeyring{})
	if err != nil {
		return nil, err
	}
	matches, _ := keyring.Lookup(repository)
	var found []credential
	for _, match := range matches {
		// Only these two reach the container runtime.
		found = append(found, credential{Username: match.Username, Password: match.Password})
	}
	return found, nil
}

// pullSecret is the Secret that holds the document, under the key that belongs to its type.
func pullSecret(req request) v1.Secret {
	key := v1.DockerConfigJsonKey
	if v1.SecretType(req.Type) == v1.SecretTypeDockercfg {
		key = v1.DockerConfigKey
	}
	return v1.Secret{Type: v1.SecretType(req.Type), Data: map[string][]byte{key: req.Document}}
}
