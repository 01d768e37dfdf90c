package doctor

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"

	"cofferdam/internal/config"
)

// checkPorts tries to listen where serve would.
func checkPorts(ctx context.Context, c *config.Config) []Finding {
	running := answers(ctx, c.Admin.Listen)
	var out []Finding
	for _, a := range c.Web.Listen {
		out = append(out, checkPort(ctx, "port "+a, a, running))
	}
	if c.Admin.Listen != "" {
		out = append(out, checkPort(ctx, "port "+c.Admin.Listen, c.Admin.Listen, running))
	}
	return out
}

func checkPort(ctx context.Context, name, address string, running bool) Finding {
	f := Finding{Check: name, About: "serve listens here, so the port must be free, or ours already."}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		l.Close()
		return f.ok("free")
	case errors.Is(err, syscall.EADDRINUSE) && running:
		return f.ok("in use, and the Cofferdam of this configuration answers on its admin listener")
	case errors.Is(err, syscall.EADDRINUSE):
		return f.fail("Stop the other program (ss -ltnp shows it), or choose another port.", "in use by another program")
	case errors.Is(err, fs.ErrPermission):
		return f.fail("Start as root, or give the unit AmbientCapabilities=CAP_NET_BIND_SERVICE, or choose a port from 1024 on.", "%s", err)
	}
	return f.fail("Choose an address of this machine.", "%s", err)
}

// answers says whether a Cofferdam serves its admin listener there.
func answers(ctx context.Context, address string) bool {
	if address == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/healthz", nil)
	if err != nil {
		return false
	}
	resp, err := new(http.Transport).RoundTrip(r) // no proxy of the environment
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxHealth))
	text := string(body)
	return err == nil && (text == "ok\n" || strings.HasPrefix(text, "down: "))
}
