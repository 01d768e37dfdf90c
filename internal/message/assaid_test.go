package message

import "testing"

// Without guesses a text is what its part says, or US-ASCII.
func TestValueAsSaid(t *testing.T) {
	for _, c := range []struct{ name, head, body, said, guessed string }{
		{"right", "text/plain; charset=iso-8859-1", "caf\xe9", "café", "café"},
		{"UTF-8", "text/plain; charset=utf-8", "café", "café", "café"},
		{"ASCII", "text/plain", "cafe", "cafe", "cafe"},
		{"none", "text/plain", "café", "caf\uFFFD\uFFFD", "café"},
		{"none, Latin", "text/plain", "caf\xe9", "caf\uFFFD", "café"},
		{"unknown", "text/plain; charset=x-nobody", "caf\xe9", "caf\uFFFD", "café"},
		{"wrong", "text/plain; charset=euc-jp", "5 €", "5 \uFFFD\uFFFD\uFFFD", "5 €"},
		{"of HTML", "text/html", "<meta charset=koi8-r>\xc1", "<meta charset=koi8-r>\uFFFD", "<meta charset=koi8-r>а"},
	} {
		m := Parse([]byte("Subject: x\r\nContent-Type: " + c.head + "\r\n\r\n" + c.body))
		p := m.Bodies().Text[0]
		said, guessed := p.ValueAsSaid(0), p.Value(0)
		if guessed.Value != c.guessed {
			t.Errorf("%s: guessed %q, want %q", c.name, guessed.Value, c.guessed)
		}
		if said.Value != c.said || said.IsEncodingProblem != (c.said != c.guessed) {
			t.Errorf("%s: %q, problem %v, want %q", c.name, said.Value, said.IsEncodingProblem, c.said)
		}
	}
}
