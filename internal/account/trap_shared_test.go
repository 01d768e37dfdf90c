package account_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"cofferdam/internal/imap/imaptest"
	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/upstream/upstreamtest"
)

// TestSharedNamespace is trap 15: Ann shares a mailbox with Bob, who copies a mail
// out of it. It has one id with both, and is not one mail: neither account shows
// what is in the other. A server may have namespaces that it does not announce.
func TestSharedNamespace(t *testing.T) {
	for name, capability := range map[string]string{"announced": "", "not announced": "IMAP4rev1 IDLE"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dict, err := os.MkdirTemp("", "cfs")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dict) })
			if err := os.Chmod(dict, 0o777); err != nil {
				t.Fatal(err)
			}
			s := imaptest.Dovecot(t, imaptest.DovecotOptions{Capability: capability, Extra: `
mail_plugins = quota acl
protocol imap {
  mail_plugins = quota imap_quota imap_zlib acl imap_acl
}
namespace shared {
  type = shared
  separator = /
  prefix = shared/%%u/
  location = mdbox:%%h/mail:INDEXPVT=~/shared/%%u
  subscriptions = no
  list = yes
}
plugin {
  acl = vfile
  acl_shared_dict = file:` + dict + `/dict
}
`})
			person := func(who string) (*rig, *line) {
				dial := upstreamtest.SignedIn(s.Addr, who, imaptest.Password)
				cfg := imapup.Config{Dial: dial, PollEvery: 300 * time.Millisecond}
				return newRig(t, imapup.New(cfg), imapup.New(cfg)), bare(t, dial)
			}
			ann, annsLine := person("ann")
			work := ann.make("Work", "")
			ann.deliver("Work", upstreamtest.Mail("shared"))
			ann.deliver("Work", upstreamtest.Mail("of ann alone"))
			anns := map[string]jmap.Email{}
			for _, e := range ann.get(allFields, ann.waitFor(work, 2)...) {
				anns[*e.Subject] = e
			}
			if said := annsLine.say("SETACL Work bob lrwstipekxa"); !strings.Contains(said, "OK") {
				t.Fatalf("sharing: %s", said)
			}
			bob, line := person("bob")
			if said := line.say(`LIST "" *`, "SELECT shared/ann/Work", "UID SEARCH ALL", "COPY 1 Archive"); !strings.Contains(said, "shared/ann/Work") || !strings.Contains(said, "z3 OK") {
				t.Fatalf("the control: Bob's other program does not see what is shared: %s", said)
			}
			archive := bob.box(jmap.RoleArchive)
			id := bob.waitFor(archive, 1)[0]
			if id != anns["shared"].ID {
				t.Logf("the copy is %s, Ann's mail %s", id, anns["shared"].ID)
			}
			e := bob.get(allFields, id)[id]
			if len(e.MailboxIDs) != 1 || e.MailboxIDs[0] != archive {
				t.Errorf("Bob's copy is in %v", e.MailboxIDs)
			}
			list, _, _, err := bob.a.MailboxGet(bob.ctx, nil)
			bob.must(err)
			for _, m := range list {
				if m.ID == work || m.Name == "shared" || m.Name == "ann" || m.Name == "Work" {
					t.Errorf("Bob has Ann's mailbox: %+v", m)
				}
			}
			if ids := bob.query(nil); len(ids) != 1 {
				t.Errorf("Bob has %d mails", len(ids))
			}
			if ids := bob.query(&jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{Text: "alone"}}); len(ids) > 0 {
				t.Errorf("Bob finds Ann's mail: %v", ids)
			}
			other := anns["of ann alone"]
			if got := bob.get(listFields, other.ID); len(got) > 0 {
				t.Errorf("Bob reads Ann's mail by its id: %v", got)
			}
			if _, err := bob.a.BlobOpen(bob.ctx, other.BlobID, jmap.ByteRange{}); err == nil {
				t.Error("Bob opens Ann's mail by its blob")
			}
			// What Bob does with his copy is nothing to Ann.
			res, err := bob.a.EmailSet(bob.ctx, &jmap.EmailSet{Destroy: []jmap.EmailID{id}})
			bob.must(err)
			if len(res.Destroyed) != 1 {
				t.Fatal(res.NotDestroyed[id])
			}
			if got := ann.get(listFields, anns["shared"].ID, other.ID); len(got) != 2 {
				t.Errorf("Ann has %d of 2 mails left", len(got))
			}
		})
	}
}
