package jmapserver_test

import (
	"encoding/json"
	"strings"
	"testing"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmapserver"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

// TestEveryProperty: each object of RFC 8621 has all the properties that the RFC
// gives it, and no further one.
func TestEveryProperty(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{})
	mail := &whole{T: t, mem: memup.New(memup.Options{Identity: upstream.IdentityGUID})}
	mail.deliver("a", "", "Subject: boat\r\n")
	mail.open()
	var found struct{ IDs []string }
	mail.ask(&found, "Email/query", "")
	away := newFiltered(t, newFilterServer())
	using := []string{jmap.CapabilityCore, jmap.CapabilityMail, jmap.CapabilitySubmission}
	for _, c := range []struct {
		w          *world
		using      []string
		call, args string
		properties string
	}{
		{w, using, "Mailbox/get", `"ids":["Mi"]`, "id name parentId role sortOrder totalEmails unreadEmails totalThreads unreadThreads myRights isSubscribed"},
		{w, using, "Thread/get", `"ids":["t1"]`, "id emailIds"},
		{w, using, "Email/get", `"ids":["e1"]`, "id blobId threadId mailboxIds keywords size receivedAt messageId inReplyTo references sender from to cc bcc replyTo subject sentAt " +
			"hasAttachment preview bodyStructure bodyValues textBody htmlBody attachments headers"},
		{w, using, "Identity/get", `"ids":["I2"]`, "id name email replyTo bcc textSignature htmlSignature mayDelete"},
		{w, using, "EmailSubmission/get", `"ids":["#s"]`, "id identityId emailId threadId envelope sendAt undoStatus deliveryStatus dsnBlobIds mdnBlobIds"},
		{mail.w, using[:2], "SearchSnippet/get", `"filter":{"text":"boat"},"emailIds":` + quoted(found.IDs), "emailId subject preview"},
		{away.w, append(using[:1:1], jmap.CapabilityVacation), "VacationResponse/get", `"ids":null`, "id isEnabled fromDate toDate subject textBody htmlBody"},
	} {
		names := strings.Fields(c.properties)
		args := `"accountId":"a1",` + c.args
		if c.call != "SearchSnippet/get" { // it has no such argument
			args += `,"properties":` + quoted(names)
		}
		if strings.Contains(args, `"#s"`) {
			_, body := c.w.post(`{"using":` + quoted(c.using) + `,"methodCalls":[["EmailSubmission/set",{"accountId":"a1","create":{"s":{"identityId":"I1","emailId":"e1"}}},"0"]]}`)
			_, id, _ := strings.Cut(string(body), `"id":"`)
			args = strings.Replace(args, "#s", id[:strings.IndexByte(id+`"`, '"')], 1)
		}
		_, body := c.w.post(`{"using":` + quoted(c.using) + `,"methodCalls":[["` + c.call + `",{` + args + `},"0"]]}`)
		var out struct{ MethodResponses [][]json.RawMessage }
		var got struct{ List []map[string]json.RawMessage }
		if err := json.Unmarshal(body, &out); err != nil || len(out.MethodResponses) != 1 || json.Unmarshal(out.MethodResponses[0][1], &got) != nil || len(got.List) != 1 {
			t.Errorf("%s: %v, %s", c.call, err, body)
			continue
		}
		for _, n := range names {
			if _, ok := got.List[0][n]; !ok {
				t.Errorf("%s: no %s in %s", c.call, n, body)
			}
		}
		if len(got.List[0]) != len(names) {
			t.Errorf("%s: %d properties of %d in %s", c.call, len(got.List[0]), len(names), body)
		}
	}
}
