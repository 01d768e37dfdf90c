package doctor

import (
	"context"
	"slices"
	"strings"

	"cofferdam/internal/config"
	"cofferdam/internal/managesieve"
)

// checkSieve greets a ManageSieve server; a platform without one has no finding.
func checkSieve(ctx context.Context, p *config.Platform) []Finding {
	if p.Sieve.Address == "" {
		return nil
	}
	f := Finding{Check: "sieve " + p.Name, About: "Porter speaks to this server about people's mail filters, signed in as the person. The API offers them, and a vacation response where the server has what it needs."}
	ctx, cancel := context.WithTimeout(ctx, serverTime)
	defer cancel()
	seen, cfg, err := trust(&p.Sieve)
	if err != nil {
		return []Finding{f.fail("Name a PEM file of roots as ca, or leave it out.", "%s", err)}
	}
	security := map[string]managesieve.Security{"implicit": managesieve.ImplicitTLS, "starttls": managesieve.StartTLS, "none": managesieve.Plain}
	c, err := managesieve.Dial(ctx, managesieve.Config{Addr: p.Sieve.Address, Security: security[p.Sieve.TLS], TLS: cfg})
	if err != nil {
		return []Finding{unreachable(f, &p.Sieve, err)}
	}
	defer c.Close()
	caps := c.Capabilities()
	if missing := missingExtensions(&caps); len(missing) > 0 {
		return []Finding{f.warn("Allow these extensions in the server's Sieve.",
			"%s answers, but its Sieve has no %s: a vacation response could not be kept there", p.Sieve.Address, strings.Join(missing, ", "))}
	}
	return []Finding{greeted(f, &p.Sieve, seen, caps.Sieve)}
}

// missingExtensions are those that a vacation response needs and the server has
// not.
func missingExtensions(caps *managesieve.Capabilities) []string {
	return slices.DeleteFunc([]string{"vacation", "date", "relational", "include"}, caps.Has)
}
