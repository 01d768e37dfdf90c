//go:build cofferdam_breakin

package breakin

import (
	"io"
	"net/http"
	"os"
	"strings"

	"cofferdam/internal/ipc"
	"cofferdam/internal/sandbox"
)

// Variable names the sandbox layers to leave out of cells and renders.
const Variable = "COFFERDAM_BREAKIN_WITHOUT"

// Role lets an intruder into this role, by the supervisor's line.
func Role(m *http.ServeMux, role *ipc.Role) {
	m.HandleFunc("POST /breakin/attempt", attempt)
	m.HandleFunc("POST /breakin/call", func(w http.ResponseWriter, r *http.Request) { answer(w, r, role, call) })
	m.HandleFunc("POST /breakin/pipe", func(w http.ResponseWriter, r *http.Request) { answer(w, r, role, pipe) })
}

// Admin passes what the test asks of a role on to it.
func Admin(m *http.ServeMux, role func(name string) *ipc.Client) {
	m.HandleFunc("POST /breakin/{what}", func(w http.ResponseWriter, r *http.Request) {
		c := role(r.URL.Query().Get("role"))
		if c == nil {
			http.Error(w, "no such role", http.StatusNotFound)
			return
		}
		out, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "http://line/breakin/"+r.PathValue("what"), r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		resp, err := c.RoundTrip(out)
		if err != nil { // the role died of it
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body) // a role that dies in between shows as a cut answer
	})
}

// Profile leaves out what the variable names, for cells and renders.
func Profile(kind string, p sandbox.Profile) sandbox.Profile {
	if kind != "cell" && kind != "render" {
		return p
	}
	return p.Without(without(os.Getenv(Variable))...)
}

// without reads the variable: "", "all", "all,!seccomp", "seccomp,landlock".
func without(text string) []sandbox.Layer {
	off := map[sandbox.Layer]bool{}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		name, keep := strings.CutPrefix(word, "!")
		for _, l := range sandbox.Layers() {
			if name == "all" || name == string(l) {
				off[l] = !keep
			}
		}
	}
	var out []sandbox.Layer
	for _, l := range sandbox.Layers() {
		if off[l] {
			out = append(out, l)
		}
	}
	return out
}
