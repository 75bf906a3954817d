// The job of regcred's repair as it would be written in Go with controller-runtime: the webhook of its own example for
// built-in types, with encoding/json for the document. It is what the benchmark compares with, and nothing to install.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// dockerConfig is what a pull Secret holds.
type dockerConfig struct {
	Auths       map[string]registry `json:"auths"`
	HTTPHeaders map[string]string   `json:"HttpHeaders,omitempty"`
	CredsStore  string              `json:"credsStore,omitempty"`
	CredHelpers map[string]string   `json:"credHelpers,omitempty"`
}

type registry struct {
	Username      string `json:"username,omitempty"`
	Password      string `json:"password,omitempty"`
	Email         string `json:"email,omitempty"`
	Auth          string `json:"auth,omitempty"`
	IdentityToken string `json:"identitytoken,omitempty"`
	RegistryToken string `json:"registrytoken,omitempty"`
}

// secretDefaulter adds the auth that a registry lacks.
type secretDefaulter struct{}

func (secretDefaulter) Default(_ context.Context, secret *corev1.Secret) error {
	if secret.Type != corev1.SecretTypeDockerConfigJson {
		return nil
	}
	var config dockerConfig
	if err := json.Unmarshal(secret.Data[corev1.DockerConfigJsonKey], &config); err != nil {
		return fmt.Errorf("%s is not a docker config: %w", corev1.DockerConfigJsonKey, err)
	}
	changed := false
	for host, registry := range config.Auths {
		if registry.Auth != "" || registry.Username == "" || registry.Password == "" {
			continue
		}
		registry.Auth = base64.StdEncoding.EncodeToString([]byte(registry.Username + ":" + registry.Password))
		config.Auths[host] = registry
		changed = true
	}
	if !changed {
		return nil
	}
	repaired, err := json.Marshal(config)
	if err != nil {
		return err
	}
	secret.Data[corev1.DockerConfigJsonKey] = repaired
	return nil
}

func main() {
	port := flag.Int("port", 9443, "where to listen on loopback")
	certificates := flag.String("cert-dir", "", "the folder of tls.crt and tls.key")
	flag.Parse()
	ctrl.SetLogger(zap.New())

	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		fail(err)
	}
	server := webhook.NewServer(webhook.Options{Host: "127.0.0.1", Port: *port, CertDir: *certificates})
	server.Register("/mutate", admission.WithDefaulter[*corev1.Secret](scheme, secretDefaulter{}))
	if err := server.Start(ctrl.SetupSignalHandler()); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
