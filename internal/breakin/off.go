//go:build !cofferdam_breakin

package breakin

import (
	"net/http"

	"cofferdam/internal/ipc"
	"cofferdam/internal/sandbox"
)

// Role does nothing in this build.
func Role(*http.ServeMux, *ipc.Role) {}

// Admin does nothing in this build.
func Admin(*http.ServeMux, func(role string) *ipc.Client) {}

// Profile returns p as it is in this build.
func Profile(_ string, p sandbox.Profile) sandbox.Profile { return p }
