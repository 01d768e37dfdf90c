package platform_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"cofferdam/e2e/platform"
)

// TestCyrus: IMAP takes a mail, native JMAP shows it.
func TestCyrus(t *testing.T) {
	c := platform.StartCyrus(t)
	conn, err := net.Dial("tcp", c.IMAP)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const mail = "Subject: high water\r\n\r\n.\r\n"
	br := bufio.NewReader(conn)
	for _, line := range []string{"", "a LOGIN ann secret\r\n", "a APPEND INBOX {" + "26+}\r\n" + mail + "\r\n"} {
		if _, err := io.WriteString(conn, line); err != nil {
			t.Fatal(err)
		}
		for {
			got, err := br.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if line == "" || strings.HasPrefix(got, "a OK") {
				break
			}
			if strings.HasPrefix(got, "a ") {
				t.Fatalf("%q: %s", line, got)
			}
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", c.JMAP, strings.NewReader(`{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],
		"methodCalls":[["Email/query",{"accountId":"ann"},"0"],["Email/get",{"accountId":"ann","properties":["subject"],"#ids":{"resultOf":"0","name":"Email/query","path":"/ids"}},"1"]]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth("ann", "secret")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(body), `"subject":"high water"`) {
		t.Fatalf("%s %v: %s", resp.Status, err, body)
	}
}
