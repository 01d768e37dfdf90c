package bench

import (
	"testing"
	"time"
)

func TestRowTellsMediansApart(t *testing.T) {
	var ours, floor Samples
	for i := range 100 {
		ours = append(ours, time.Duration(100-i)*time.Millisecond)
		floor = append(floor, time.Duration(i)*100*time.Microsecond)
	}
	got := row{"list", ours, floor}.String()
	if want := "| list | 100 | 51.00 | 96.00 | 5.00 | 9.50 | 46.00 |\n"; got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	if (Samples{}).at(.5) != 0 {
		t.Error("no samples have a median")
	}
}
