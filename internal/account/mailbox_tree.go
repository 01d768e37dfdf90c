package account

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"cofferdam/internal/jmap"
	"cofferdam/internal/replica"
	"cofferdam/internal/upstream"
)

// folder is a Mailbox in the tree of one MailboxSet.
type folder struct {
	was    jmap.Mailbox // before the call; zero of one that this call made
	box    upstream.Box // Name follows what the call has done
	parent *folder      // the root of one at the top level; nil of the root
	leaf   string
	kids   map[string]*folder // by leaf

	parked *home // where it came from, while it waits under another name
}

// home is a place in the tree.
type home struct {
	parent *folder
	leaf   string
}

// folderTree is what a MailboxSet checks against. It follows each step that has
// succeeded, so that the next is checked against what the server has by then.
type folderTree struct {
	root   *folder // its Name is the prefix of the namespace
	byID   map[jmap.MailboxID]*folder
	byMade map[jmap.CreationID]*folder
}

func newFolderTree(list []replica.Folder, prefix string) *folderTree {
	t := &folderTree{root: &folder{kids: map[string]*folder{}}, byID: make(map[jmap.MailboxID]*folder, len(list)),
		byMade: map[jmap.CreationID]*folder{}}
	t.root.box.Name = prefix
	for _, f := range list {
		t.byID[f.Mailbox.ID] = &folder{was: f.Mailbox, box: f.Box, leaf: f.Mailbox.Name, kids: map[string]*folder{}}
		if t.root.box.Delimiter == "" || f.Box.Inbox && f.Box.Delimiter != "" {
			t.root.box.Delimiter = f.Box.Delimiter
		}
	}
	for _, f := range t.byID {
		parent := t.root
		if p := t.byID[f.was.ParentID]; p != nil {
			parent = p
		}
		f.parent = parent
		parent.kids[f.leaf] = f
	}
	return t
}

// name is what the server calls a mailbox at a place.
func (t *folderTree) name(parent *folder, leaf string) string {
	if parent == t.root {
		return t.root.box.Name + leaf
	}
	return parent.box.Name + parent.box.Delimiter + leaf
}

// add puts a mailbox into the tree that was made.
func (t *folderTree) add(parent *folder, leaf string) *folder {
	f := &folder{parent: parent, leaf: leaf, kids: map[string]*folder{},
		box: upstream.Box{Name: t.name(parent, leaf), Delimiter: parent.box.Delimiter, Selectable: true, Rights: jmap.AllRights}}
	parent.kids[leaf] = f
	return f
}

// move follows a rename, with all that lies below.
func (t *folderTree) move(f *folder, parent *folder, leaf string) {
	from, to := f.box.Name, t.name(parent, leaf)
	t.drop(f)
	f.parent, f.leaf = parent, leaf
	parent.kids[leaf] = f
	f.walk(func(g *folder) { g.box.Name = to + strings.TrimPrefix(g.box.Name, from) })
}

// drop takes a mailbox out of the tree.
func (t *folderTree) drop(f *folder) {
	if f.parent.kids[f.leaf] == f {
		delete(f.parent.kids, f.leaf)
	}
}

func (f *folder) walk(visit func(*folder)) {
	visit(f)
	for _, k := range f.kids {
		k.walk(visit)
	}
}

// within reports whether f is g or lies below it.
func (f *folder) within(g *folder) bool {
	for ; f != nil; f = f.parent {
		if f == g {
			return true
		}
	}
	return false
}

// depth is the number of levels down to f; the root has none.
func (f *folder) depth() (n int) {
	for ; f.parent != nil; f = f.parent {
		n++
	}
	return n
}

// height is the number of levels from f down.
func (f *folder) height() int {
	below := 0
	for _, k := range f.kids {
		below = max(below, k.height())
	}
	return below + 1
}

// netUnicode is a name as it is stored (RFC 5198, section 3): names that look
// alike are alike.
func netUnicode(name string) string { return norm.NFC.String(name) }

// takes reports whether a mailbox below parent may have a name. Its characters
// were looked at by jmapserver.
func (t *folderTree) takes(parent *folder, leaf string) bool {
	delimiter := parent.box.Delimiter
	return (delimiter == "" || !strings.Contains(leaf, delimiter)) && len(leaf) <= MaxMailboxName &&
		!strings.ContainsRune(leaf, notCharacter) &&
		!strings.EqualFold(t.name(parent, leaf), "INBOX") // RFC 9051, section 5.1
}

// notCharacter marks names of mailboxes that could not be decoded (see
// imap.DisplayMailbox); it is no character of any text.
const notCharacter = '\uFDD0'
