//go:build pinned

// Package parts pins the real Kubernetes parts that the tests run against. The programs are the tools of go.mod; what
// is needed from a module for its files only is named here, so that `go mod tidy` keeps it.
package parts

import (
	_ "github.com/cert-manager/cert-manager/pkg/apis/certmanager" // deploy/crds
)
