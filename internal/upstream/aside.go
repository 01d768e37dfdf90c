package upstream

import "context"

type asideKey struct{}

// Aside marks what is done for nobody who waits: a Store that has few connections
// leaves one of them to those who do.
func Aside(ctx context.Context) context.Context { return context.WithValue(ctx, asideKey{}, true) }

// IsAside reports whether ctx is of Aside.
func IsAside(ctx context.Context) bool { return ctx.Value(asideKey{}) != nil }
