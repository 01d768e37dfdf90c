package differential

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"cofferdam/e2e/system"
)

// emailProperties are all of RFC 8621, section 4.1, and header fields in each of
// the forms of section 4.1.2.
var emailProperties = []string{
	"id", "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt", "messageId", "inReplyTo", "references",
	"sender", "from", "to", "cc", "bcc", "replyTo", "subject", "sentAt", "hasAttachment", "preview", "headers",
	"bodyStructure", "bodyValues", "textBody", "htmlBody", "attachments",
	"header:Subject", "header:Subject:asText", "header:Subject:asText:all", "header:Comments:asText:all", "header:Keywords:asText",
	"header:List-Id:asText", "header:X-Mailer:asText", "header:X-Spam-Status:asText:all",
	"header:From:asRaw", "header:From:asAddresses:all", "header:To:asGroupedAddresses", "header:Cc:asGroupedAddresses:all",
	"header:Resent-From:asAddresses", "header:Delivered-To:asAddresses:all",
	"header:Date:asDate", "header:Resent-Date:asDate:all", "header:Message-ID:asMessageIds", "header:References:asMessageIds:all",
	"header:In-Reply-To:asMessageIds", "header:List-Post:asURLs", "header:List-Unsubscribe:asURLs:all", "header:List-Archive:asURLs",
	"header:Received", "header:Received:asRaw:all", "header:X-No-Such-Field:all", "header:X-No-Such-Field",
}

// bodyProperties are all of EmailBodyPart.
var bodyProperties = []string{"partId", "blobId", "size", "headers", "name", "type", "charset", "disposition", "cid", "language", "location", "subParts",
	"header:Content-Description:asText", "header:Content-Type"}

// view is all that one server says of the mails, in words that do not depend on
// the server.
type view struct {
	side   side
	emails map[string]map[string]any // by key: the SHA-1 of the mail's bytes
	keys   map[string]string         // of the server's email ids
	boxes  map[string]map[string]any // mailboxes by path
	paths  map[string]string         // of the server's mailbox ids
	thread map[string]string         // key of a mail: its thread's mails
}

// look reads everything of one server.
func look(t testing.TB, s side) *view {
	t.Helper()
	v := &view{side: s, emails: map[string]map[string]any{}, keys: map[string]string{}, paths: map[string]string{}, thread: map[string]string{}}
	v.readMailboxes(t)
	ids := v.allIDs(t)
	for batch := range slices.Chunk(ids, getBatch) {
		v.readEmails(t, batch)
	}
	v.readThreads(t)
	return v
}

func (v *view) call(t testing.TB, name string, args system.Args) map[string]any {
	t.Helper()
	a, err := v.side.call(t.Context(), name, args)
	if err != nil {
		t.Fatalf("%T: %s: %v", v.side, name, err)
	}
	return a
}

func (v *view) readMailboxes(t testing.TB) {
	t.Helper()
	v.boxes = map[string]map[string]any{}
	byID := map[string]map[string]any{}
	for _, one := range list(v.call(t, "Mailbox/get", system.Args{"ids": nil})) {
		byID[one["id"].(string)] = one
	}
	for id := range byID {
		var path []string
		for at := id; at != ""; at, _ = byID[at]["parentId"].(string) {
			path = append([]string{byID[at]["name"].(string)}, path...)
		}
		v.paths[id] = strings.Join(path, "/")
	}
	for id, one := range byID {
		if parent, ok := one["parentId"].(string); ok {
			one["parentId"] = v.paths[parent]
		}
		delete(one, "id")
		v.boxes[v.paths[id]] = one
	}
}

// allIDs are the ids of all mails, page by page.
func (v *view) allIDs(t testing.TB) []string {
	t.Helper()
	var out []string
	for {
		a := v.call(t, "Email/query", system.Args{"sort": []system.Args{{"property": "receivedAt", "isAscending": true}}, "position": len(out), "limit": 500})
		ids := texts(a["ids"])
		if len(ids) == 0 {
			return out
		}
		out = append(out, ids...)
	}
}

func (v *view) readEmails(t testing.TB, ids []string) {
	t.Helper()
	a := v.call(t, "Email/get", system.Args{"ids": ids, "properties": emailProperties, "bodyProperties": bodyProperties, "fetchAllBodyValues": true})
	got := list(a)
	if len(got) != len(ids) {
		t.Fatalf("%T: %d mails for %d ids", v.side, len(got), len(ids))
	}
	hashes := v.hashes(t, got)
	for _, e := range got {
		key := hashes[e["blobId"].(string)]
		if v.emails[key] != nil {
			t.Fatalf("%T: two mails have the bytes %s", v.side, key)
		}
		v.keys[e["id"].(string)] = key
		e["blobId"] = key
		boxes := map[string]any{}
		for id, is := range e["mailboxIds"].(map[string]any) {
			boxes[v.paths[id]] = is
		}
		e["mailboxIds"] = boxes
		readBlobs(e, hashes)
		placeParts(e)
		v.emails[key] = e
	}
}

// readBlobs replaces the blob ids of parts by a hash of what they hold.
func readBlobs(e map[string]any, hashes map[string]string) {
	walkParts(e["bodyStructure"], "", func(p map[string]any, _ string) {
		if id, ok := p["blobId"].(string); ok {
			p["blobId"] = hashes[id]
		}
	})
}

// hashes downloads all blobs of mails, several at a time. Cyrus' id of a part is
// the hash of what it holds, so that only whole mails are downloaded there.
func (v *view) hashes(t testing.TB, emails []map[string]any) map[string]string {
	t.Helper()
	_, theirs := v.side.(native)
	out := map[string]string{}
	var ids []string
	for _, e := range emails {
		ids = append(ids, e["blobId"].(string))
		walkParts(e["bodyStructure"], "", func(p map[string]any, _ string) {
			if id, ok := p["blobId"].(string); ok && theirs {
				out[id] = strings.TrimPrefix(id, "G")
			} else if ok {
				ids = append(ids, id)
			}
		})
	}
	var wg sync.WaitGroup
	var mu sync.Mutex // guards out
	work := make(chan string)
	for range downloads {
		wg.Go(func() {
			for id := range work {
				b, err := v.side.blob(t.Context(), id)
				if err != nil {
					t.Errorf("%T: downloading %s: %v", v.side, id, err)
					continue
				}
				mu.Lock()
				out[id] = hash(b)
				mu.Unlock()
			}
		})
	}
	for _, id := range ids {
		work <- id
	}
	close(work)
	wg.Wait()
	return out
}

// readThreads names each thread by its mails.
func (v *view) readThreads(t testing.TB) {
	t.Helper()
	of := map[string]bool{}
	for _, e := range v.emails {
		of[e["threadId"].(string)] = true
	}
	members := map[string]string{}
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(of)), getBatch) {
		for _, th := range list(v.call(t, "Thread/get", system.Args{"ids": ids})) {
			members[th["id"].(string)] = strings.Join(v.named(texts(th["emailIds"])), " ")
		}
	}
	for key, e := range v.emails {
		v.thread[key] = members[e["threadId"].(string)]
		delete(e, "threadId")
		delete(e, "id")
	}
}

// named are the keys of ids.
func (v *view) named(ids []string) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = v.keys[id]
		if out[i] == "" {
			out[i] = "unknown:" + id
		}
	}
	return out
}

// placeParts replaces what names a part, which each server chooses, by the part's
// place in the tree, in the lists too.
func placeParts(e map[string]any) {
	place := map[string]string{}
	walkParts(e["bodyStructure"], "0", func(p map[string]any, at string) {
		if id, ok := p["partId"].(string); ok {
			place[id] = at
		}
	})
	rename := func(p map[string]any, _ string) {
		if id, ok := p["partId"].(string); ok {
			if place[id] == "" {
				place[id] = "nowhere"
			}
			p["partId"] = place[id]
		}
	}
	walkParts(e["bodyStructure"], "0", rename)
	for _, name := range []string{"textBody", "htmlBody", "attachments"} {
		parts, _ := e[name].([]any)
		for i, p := range parts {
			// What a part is has been compared in the tree; here it counts which.
			walkParts(p, "0", rename)
			parts[i] = p.(map[string]any)["partId"]
		}
	}
	values := map[string]any{}
	if old, ok := e["bodyValues"].(map[string]any); ok {
		for id, v := range old {
			values[or(place[id], "nowhere")] = v
		}
		e["bodyValues"] = values
	}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func walkParts(part any, at string, f func(p map[string]any, at string)) {
	p, ok := part.(map[string]any)
	if !ok {
		return
	}
	f(p, at)
	subs, _ := p["subParts"].([]any)
	for i, s := range subs {
		walkParts(s, fmt.Sprintf("%s.%d", at, i), f)
	}
}

func list(a map[string]any) []map[string]any {
	var out []map[string]any
	all, _ := a["list"].([]any)
	for _, one := range all {
		out = append(out, one.(map[string]any))
	}
	return out
}

func texts(v any) []string {
	var out []string
	all, _ := v.([]any)
	for _, one := range all {
		out = append(out, one.(string))
	}
	return out
}

func hash(b []byte) string {
	sum := sha1.Sum(b)
	return hex.EncodeToString(sum[:])
}
