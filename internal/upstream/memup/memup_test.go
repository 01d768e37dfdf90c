package memup_test

import (
	"testing"

	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
	"cofferdam/internal/upstream/upstreamtest"
)

func TestStore(t *testing.T) {
	for name, opts := range map[string]memup.Options{
		"best": {Identity: upstream.IdentityGUID},
		"bare": {NoModSeq: true, NoUIDPlus: true, NoBoxIDs: true},
	} {
		t.Run(name, func(t *testing.T) {
			upstreamtest.Run(t, upstreamtest.Subject{Open: func(t *testing.T) upstreamtest.Pair {
				a := memup.New(opts)
				return upstreamtest.Pair{Store: a.Open(), Other: a.Open()}
			}})
		})
	}
}
