package demo

import "time"

type samplePerson struct{ name, address string }

func samplePeople() []samplePerson {
	return []samplePerson{{"Ada Byrne", "ada@" + Domain}, {"Grace Holloway", "grace@" + Domain}}
}
func sampleLogs(now time.Time) (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, p := range samplePeople() {
		var b []byte
		for i, n := range []string{"INBOX", "Sent", "Drafts", "Archive"} {
			b, _ = record{Op: opBox, Box: uint32(i + 1), Name: n}.encode(b, nil)
		}
		out[p.address] = b
	}
	return out, nil
}
