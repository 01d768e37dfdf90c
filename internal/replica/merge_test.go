package replica

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// A merged list is both lists, sorted; of equal elements those of the first come
// first.
func TestMerge(t *testing.T) {
	type item struct{ key, of int }
	by := func(x, y item) int { return cmp.Compare(x.key, y.key) }
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		draw := func(of int) []item {
			list := make([]item, r.IntN(20))
			for i := range list {
				list[i] = item{r.IntN(15), of}
			}
			slices.SortFunc(list, by)
			return list
		}
		a, b := draw(1), draw(2)
		want := slices.Concat(a, b)
		slices.SortStableFunc(want, by)
		if got := merge(slices.Clone(a), b, by); !slices.Equal(got, want) {
			t.Fatalf("%v and %v: %v, want %v", a, b, got, want)
		}
	}
}
