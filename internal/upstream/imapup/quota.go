package imapup

import (
	"context"
	"fmt"

	"cofferdam/internal/imap"
	"cofferdam/internal/upstream"
)

var _ upstream.Quotaer = (*Store)(nil)

// Quotas asks for the quota roots of the inbox (RFC 9208, section 4.1.2). A server
// whose roots are there and not for the person has none.
func (s *Store) Quotas(ctx context.Context) (out []upstream.Quota, err error) {
	t, err := s.traits(ctx)
	if err != nil {
		return nil, err
	}
	if !t.caps.Has(imap.CapQuota) {
		return nil, fmt.Errorf("asking for quotas: %w", upstream.ErrUnsupported)
	}
	err = s.read(ctx, "asking for quotas", "", func(ctx context.Context, c *session) error {
		roots, err := c.client.QuotaRoots("INBOX").Wait(ctx)
		if refused(err) {
			return nil
		}
		out = nil
		for _, root := range roots {
			for _, r := range root.Resources {
				switch kind := upstream.QuotaResource(r.Name); kind {
				case upstream.QuotaStorage, upstream.QuotaMessages, upstream.QuotaBoxes:
					out = append(out, upstream.Quota{Root: root.Name, Resource: kind, Used: r.Usage, Limit: r.Limit})
				}
			}
		}
		return err
	})
	return out, err
}
