// Command consumers answers what the real readers of an image-pull Secret find in a document: the kubelet, podman's
// image library, docker and the Kubernetes key chain of go-containerregistry, each asked through its own library.
//
// One JSON request a line on stdin, one JSON answer a line on stdout, in the same order. What a consumer says about a
// document, errors included, is an answer; a request that makes no sense ends the program with exit code 2.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/sirupsen/logrus"
	"k8s.io/klog/v2"
)

// How long a registry may take to answer a login.
const loginTimeout = 30 * time.Second

type request struct {
	Consumer string `json:"consumer"` // kubelet, podman, docker or keychain
	Type     string `json:"type"`     // the type of the Secret
	Document []byte `json:"document"` // base64 in JSON
	Image    string `json:"image"`    // host[:port]/repository[:tag]
	Action   string `json:"action"`   // lookup, login (podman only) or compare
	Insecure bool   `json:"insecure"` // login: plain HTTP and unknown certificates are fine

	Images []string `json:"images"` // compare, in place of image; an empty consumer is all of them
	Repeat int      `json:"repeat"` // compare: how often to ask for each
}

type credential struct {
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identityToken,omitempty"`
	RegistryToken string `json:"registryToken,omitempty"`
}

type answer struct {
	Credentials []credential `json:"credentials"` // in the order in which the consumer tries them
	LoggedIn    *bool        `json:"loggedIn,omitempty"`
	Error       string       `json:"error"`
}

// A lookup finds the credentials that one consumer would use to pull the image.
type lookup func(request) ([]credential, error)

var lookups = map[string]lookup{
	"kubelet":  kubeletLookup,
	"podman":   podmanLookup,
	"docker":   dockerLookup,
	"keychain": keychainLookup,
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "consumers:", err)
		os.Exit(2)
	}
}

func run(in io.Reader, out io.Writer) error {
	leave, err := enterEmptyHome()
	if err != nil {
		return err
	}
	defer leave()

	// What the libraries log about a document is not part of an answer.
	klog.SetLogger(logr.Discard())
	logrus.SetOutput(io.Discard)

	lines := bufio.NewReader(in)
	answers := json.NewEncoder(out)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			got, err := respond(line)
			if err != nil {
				return err
			}
			if err := answers.Encode(got); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// enterEmptyHome makes the answers depend on the request alone: no login of the person who runs the tests, no proxy,
// no DOCKER_AUTH_CONFIG, and no PATH to find a credential helper in.
func enterEmptyHome() (leave func(), err error) {
	home, err := os.MkdirTemp("", "regcred-consumers-")
	if err != nil {
		return nil, err
	}
	os.Clearenv()
	for name, value := range map[string]string{"HOME": home, "TMPDIR": home} {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	return func() { os.RemoveAll(home) }, nil
}

func respond(line []byte) (any, error) {
	var req request
	fields := json.NewDecoder(bytes.NewReader(line))
	fields.DisallowUnknownFields()
	if err := fields.Decode(&req); err != nil {
		return nil, fmt.Errorf("not a request: %w", err)
	}
	if req.Action == "compare" {
		return compare(req)
	}
	find, known := lookups[req.Consumer]
	if !known {
		return nil, fmt.Errorf("no consumer %q", req.Consumer)
	}
	if req.Action == "login" && req.Consumer != "podman" {
		return nil, fmt.Errorf("%s cannot log in here, only podman can", req.Consumer)
	}

	got := answer{Credentials: []credential{}}
	found, err := find(req)
	if err != nil {
		got.Error = err.Error()
	}
	got.Credentials = append(got.Credentials, found...)

	switch req.Action {
	case "lookup":
	case "login":
		ctx, cancel := context.WithTimeout(context.Background(), loginTimeout)
		defer cancel()
		err := podmanLogin(ctx, req)
		loggedIn := err == nil
		got.LoggedIn = &loggedIn
		if err != nil {
			got.Error = err.Error()
		}
	default:
		return nil, fmt.Errorf("no action %q", req.Action)
	}
	return got, nil
}
