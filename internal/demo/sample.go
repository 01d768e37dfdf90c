package demo

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// timeline places sample mail before a moment.
type timeline struct{ now time.Time }

const (
	// unreadAge: younger mail that nobody answered is unread.
	unreadAge = 36 * time.Hour
	// archiveAge: older mail of the INBOX has been put into Archive.
	archiveAge = 45 * 24 * time.Hour
)

// samplePeople are those who get an account.
func samplePeople() []person {
	var out []person
	for _, key := range residents {
		out = append(out, correspondents()[key])
	}
	return out
}

// placed is a mail in somebody's folder.
type placed struct {
	owner, folder string
	date          time.Time
	flags         []imap.Flag
	mail          []byte
}

// sampleLogs returns the log file of each address.
func sampleLogs(now time.Time) (map[string][]byte, error) {
	threads, err := sampleThreads()
	if err != nil {
		return nil, err
	}
	var all []placed
	for i, t := range threads {
		mails, err := t.place(timeline{now}, fmt.Sprintf("thread-%d", i))
		if err != nil {
			return nil, err
		}
		all = append(all, mails...)
	}
	slices.SortStableFunc(all, func(a, b placed) int { return a.date.Compare(b.date) })
	out := map[string][]byte{}
	for _, key := range residents {
		address := correspondents()[key].address
		if out[address], err = personLog(key, all, now); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// standardFolders in the order of their creation. Their numbers begin at the time
// of filling: they are UIDVALIDITYs, and a folder that is filled again must not
// look like the old one to a client that remembers.
func standardFolders(filled time.Time) []record {
	var out []record
	for i, f := range []struct {
		name string
		use  imap.MailboxAttr
	}{
		{inbox, ""}, {"Drafts", imap.MailboxAttrDrafts}, {"Sent", imap.MailboxAttrSent}, {"Archive", imap.MailboxAttrArchive},
		{"Junk", imap.MailboxAttrJunk}, {"Trash", imap.MailboxAttrTrash},
	} {
		out = append(out, record{Op: opBox, Box: uint32(filled.Unix()) + uint32(i), Name: f.name, Use: string(f.use)})
	}
	return out
}

// personLog writes the log of one person.
func personLog(owner string, all []placed, filled time.Time) ([]byte, error) {
	boxes := standardFolders(filled)
	ids := map[string]uint32{}
	for _, b := range boxes {
		ids[b.Name] = b.Box
	}
	ensure := func(name string) {
		levels := strings.Split(name, string(delimiter))
		for i := range levels {
			part := strings.Join(levels[:i+1], string(delimiter))
			if ids[part] == 0 {
				ids[part] = boxes[0].Box + uint32(len(boxes))
				boxes = append(boxes, record{Op: opBox, Box: ids[part], Name: part})
			}
		}
	}
	for _, p := range all {
		if p.owner == owner {
			ensure(p.folder)
		}
	}
	var out []byte
	for _, b := range boxes {
		out, _ = b.encode(out, nil)
		out, _ = record{Op: opSubscribe, Box: b.Box, On: true}.encode(out, nil)
	}
	next := map[uint32]uint32{}
	for _, p := range all {
		if p.owner != owner {
			continue
		}
		id := ids[p.folder]
		next[id]++
		_, zone := p.date.Zone()
		r := record{Op: opMail, Box: id, UID: next[id], Flags: fromFlags(p.flags), Date: p.date.Unix(), Zone: zone}
		var err error
		if out, err = r.encode(out, p.mail); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// place makes the mails of a thread and puts them into the folders of those
// who wrote and got them.
func (t thread) place(now timeline, seed string) ([]placed, error) {
	var out []placed
	var quoted string
	var ids []string
	for i, l := range t {
		date := now.date(l, seed)
		id := messageID(l, fmt.Sprintf("%s-%d", seed, i))
		if l.alone {
			ids = nil
		}
		text := l.text
		if l.quote && i > 0 {
			text = strings.TrimSuffix(l.text, "\n") + "\n\n" + quote(t[i-1], now.date(t[i-1], seed), quoted)
		}
		quoted = text
		mail, err := l.bytes(text, date, id, ids, now)
		if err != nil {
			return nil, fmt.Errorf("letter %d of %q: %w", i+1, l.subject, err)
		}
		for _, owner := range residents {
			if folder, flags, ok := t.home(i, owner, now); ok {
				out = append(out, placed{owner, folder, date, flags, l.stamped(mail, owner, folder, date)})
			}
		}
		ids = append(ids, id)
	}
	return out, nil
}

// date is exact to the second, but not round.
func (n timeline) date(l letter, seed string) time.Time {
	jitter := time.Duration(hashOf(seed+l.from+l.ago.String())%1500) * time.Second
	zone := correspondents()[l.from].zone * 3600
	return n.now.Add(-l.ago - jitter).Truncate(time.Second).In(time.FixedZone("", zone))
}

func messageID(l letter, seed string) string {
	sum := sha256.Sum256([]byte(seed + l.from + l.subject))
	_, domain, _ := strings.Cut(correspondents()[l.from].address, "@")
	return fmt.Sprintf("<%x@%s>", sum[:10], domain)
}

// quote cites a letter as mail programs do.
func quote(l letter, date time.Time, text string) string {
	var b strings.Builder
	p := correspondents()[l.from]
	fmt.Fprintf(&b, "%s <%s>, %s:\n", p.name, p.address, date.Format("2006-01-02 15:04"))
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		sep := " "
		if line == "" || line[0] == '>' {
			sep = ""
		}
		b.WriteString(">" + sep + line + "\n")
	}
	return b.String()
}

// home says where a letter lies with one of the residents, and how.
func (t thread) home(i int, owner string, now timeline) (folder string, flags []imap.Flag, ok bool) {
	l := t[i]
	if l.from == owner {
		if l.draft {
			return "Drafts", []imap.Flag{imap.FlagSeen, imap.FlagDraft}, true
		}
		return "Sent", []imap.Flag{imap.FlagSeen}, true
	}
	gets := slices.Contains(append(slices.Clone(l.to), l.cc...), owner)
	if l.only != nil {
		gets = slices.Contains(l.only, owner)
	}
	if !gets || l.draft {
		return "", nil, false
	}
	folder = l.folder
	if folder == "" {
		folder = inbox
		if l.ago > archiveAge {
			folder = "Archive"
		}
	}
	answered := i+1 < len(t) && t[i+1].from == owner && !t[i+1].alone && !t[i+1].draft
	if !l.unread && (answered || l.ago > unreadAge) {
		flags = append(flags, imap.FlagSeen)
	}
	if answered {
		flags = append(flags, imap.FlagAnswered)
	}
	if l.flagged {
		flags = append(flags, imap.FlagFlagged)
	}
	slices.Sort(flags)
	return folder, flags, true
}

// bytes makes the mail as its writer sent it.
func (l letter) bytes(text string, date time.Time, id string, references []string, now timeline) ([]byte, error) {
	charset := l.charset
	if charset == "" {
		charset = "utf-8"
	}
	people := correspondents()
	from, err := mailbox(charset, people[l.from])
	if err != nil {
		return nil, err
	}
	subject := l.subject
	if len(references) > 0 {
		// Mail programs differ in what they call an answer.
		subject = map[string]string{"oma": "AW: ", "lena": "AW: ", "astrid": "SV: "}[l.from] + subject
		if subject == l.subject {
			subject = "Re: " + subject
		}
	}
	if subject, err = words(charset, subject); err != nil {
		return nil, err
	}
	head := []string{"Date: " + date.Format(time.RFC1123Z), "From: " + from, "Message-ID: " + id, "Subject: " + subject}
	for _, f := range []struct {
		name string
		keys []string
	}{{"To", l.to}, {"Cc", l.cc}} {
		list, err := mailboxes(f.keys)
		if err != nil {
			return nil, err
		}
		if list != "" {
			head = append(head, f.name+": "+list)
		}
	}
	if n := len(references); n > 0 {
		head = append(head, "In-Reply-To: "+references[n-1], "References: "+strings.Join(references, "\r\n "))
	}
	head = append(append(head, l.headers...), "MIME-Version: 1.0")
	p, err := l.body(text, fmt.Sprintf("=-%08x", hashOf(id)), now)
	if err != nil {
		return nil, err
	}
	p.header = append(head, p.header...)
	return p.bytes(), nil
}

func mailbox(charset string, p person) (string, error) {
	name, err := words(charset, p.name)
	if err != nil {
		return "", err
	}
	if name == p.name && strings.ContainsAny(name, ".,@") {
		name = `"` + name + `"`
	}
	return name + " <" + p.address + ">", nil
}

func mailboxes(keys []string) (string, error) {
	var out []string
	people := correspondents()
	for _, k := range keys {
		p, ok := people[k]
		if !ok {
			return "", fmt.Errorf("nobody is called %q", k)
		}
		m, err := mailbox("utf-8", p)
		if err != nil {
			return "", err
		}
		out = append(out, m)
	}
	return strings.Join(out, ",\r\n "), nil
}

// stamped adds what the receiving server writes on top.
func (l letter) stamped(mail []byte, owner, folder string, date time.Time) []byte {
	if folder == "Sent" || folder == "Drafts" {
		return mail
	}
	people := correspondents()
	from := people[l.from].address
	_, domain, _ := strings.Cut(from, "@")
	verdict := "spf=pass smtp.mailfrom=" + domain + "; dkim=pass header.d=" + domain + "; dmarc=pass header.from=" + domain
	if folder == "Junk" || l.from == "crook" {
		verdict = "spf=fail smtp.mailfrom=" + domain + "; dkim=none; dmarc=fail header.from=" + domain
	}
	top := fmt.Sprintf("Return-Path: <%s>\r\nReceived: from mx.%s ([192.0.2.%d])\r\n\tby %s with ESMTPS for <%s>;\r\n\t%s\r\n"+
		"Authentication-Results: %s; %s\r\n", from, domain, hashOf(domain)%254+1, serverName, people[owner].address,
		date.Format(time.RFC1123Z), serverName, verdict)
	return append([]byte(top), mail...)
}
