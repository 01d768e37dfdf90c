package imaptest

import "testing"

// Cyrus is filled in below.
func Cyrus(t testing.TB) *Server { t.Skip("x"); return nil }
