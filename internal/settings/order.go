package settings

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"cofferdam/internal/jmap"
)

const ordersID = "mailboxes"

// orders is what is stored of the order of mailboxes. Version 1.
type orders struct {
	V      int                       `json:"v"`
	Orders map[jmap.MailboxID]uint32 `json:"orders"`

	revision int64
}

func decodeOrders(s Stored) (orders, error) {
	var o orders
	err := decode(s.Data, &o)
	if err == nil && o.V != 1 {
		err = fmt.Errorf("version %d", o.V)
	}
	if err != nil {
		return orders{}, fmt.Errorf("reading the order of mailboxes: %w", err)
	}
	o.revision = s.Revision
	return o, nil
}

// Orders are the sortOrders that the person gave; the caller's to keep.
func (s *Settings) Orders() map[jmap.MailboxID]uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.orders.Orders)
}

// SetOrders gives mailboxes a sortOrder, and forgets those of mailboxes that are
// gone, by the word of exists. It says for all of them together why they cannot
// be kept.
func (s *Settings) SetOrders(ctx context.Context, give map[jmap.MailboxID]uint32, exists func(jmap.MailboxID) bool) *jmap.SetError {
	if err := s.begin(ctx); err != nil {
		return s.failed(ctx, err)
	}
	defer s.end()
	s.mu.Lock()
	next := orders{V: 1, Orders: map[jmap.MailboxID]uint32{}, revision: s.orders.revision}
	for id, n := range s.orders.Orders {
		if exists(id) {
			next.Orders[id] = n
		}
	}
	s.mu.Unlock()
	maps.Copy(next.Orders, give)
	if len(next.Orders) > MaxOrders {
		return &jmap.SetError{Type: jmap.SetOverQuota, Description: "There are too many mailboxes with an order."}
	}
	data, err := json.Marshal(next)
	if err != nil {
		return s.failed(ctx, err)
	}
	if why := s.put(ctx, ordersID, next.revision+1, data); why != nil {
		return why
	}
	next.revision++
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders = next
	return nil
}
