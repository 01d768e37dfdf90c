package account

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cofferdam/internal/jmap"
	"cofferdam/internal/replica"
	"cofferdam/internal/sieve"
	"cofferdam/internal/vacation"
)

// SieveGet returns SieveScripts.
func (a *Account) SieveGet(ctx context.Context, ids []jmap.ScriptID) (list []jmap.SieveScript, notFound []jmap.ScriptID, state jmap.State, err error) {
	fs, done, err := a.openFilters(ctx)
	if err != nil {
		return nil, nil, "", err
	}
	defer done()
	all := fs.scripts()
	state = a.scriptState(fs.list)
	if ids == nil {
		return all, nil, state, nil
	}
	for _, id := range ids {
		if i := slices.IndexFunc(all, func(s jmap.SieveScript) bool { return s.ID == id }); i >= 0 {
			list = append(list, all[i])
		} else {
			notFound = append(notFound, id)
		}
	}
	return list, notFound, state, nil
}

// scripts are the scripts as JMAP has them, in the order of the platform.
func (fs *filterSet) scripts() []jmap.SieveScript {
	ids := fs.a.scriptIDs(fs.list)
	all := make([]jmap.SieveScript, len(fs.list))
	for i, f := range fs.list {
		all[i] = jmap.SieveScript{ID: ids[i], Name: f.Name, BlobID: fs.a.scriptBlob(f.Content), IsActive: f.Active}
	}
	return all
}

// byID returns the name of a script, "" if there is none.
func (fs *filterSet) byID(id jmap.ScriptID) string {
	if i := slices.Index(fs.a.scriptIDs(fs.list), id); i >= 0 {
		return fs.list[i].Name
	}
	return ""
}

func (fs *filterSet) idOf(name string) jmap.ScriptID {
	i := slices.IndexFunc(fs.list, func(f Filter) bool { return f.Name == name })
	if i < 0 {
		return ""
	}
	return fs.a.scriptIDs(fs.list)[i]
}

// blobScript is the kind of a script's content, which its digest names: an id
// stands for the same bytes for ever.
const blobScript = 6

func (a *Account) scriptBlob(content string) jmap.BlobID {
	sum := sha256.Sum256([]byte(content))
	return a.blobs.seal(append([]byte{blobScript, encodingNone}, sum[:replica.PackedSize]...))
}

// openScript opens the content of a script that still is one.
func (a *Account) openScript(ctx context.Context, id jmap.BlobID, r jmap.ByteRange) (*jmap.Blob, error) {
	fs, done, err := a.openFilters(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	for _, f := range fs.list {
		if a.scriptBlob(f.Content) != id {
			continue
		}
		offset, length, err := resolve(r, int64(len(f.Content)))
		if err != nil {
			return nil, err
		}
		body := io.NopCloser(strings.NewReader(f.Content[offset : offset+length]))
		return &jmap.Blob{Body: body, Size: int64(len(f.Content)), Offset: offset, Length: length}, nil
	}
	return nil, jmap.ErrNotFound
}

// SieveValidate checks a script without storing it.
func (a *Account) SieveValidate(ctx context.Context, blob jmap.BlobID) (*jmap.SetError, error) {
	if a.info.Load().Sieve == nil {
		return nil, jmap.ServerUnavailable
	}
	content, refused, err := a.scriptContent(ctx, blob, nil)
	if refused != nil || err != nil {
		return refused, err
	}
	err = a.cfg.Filters.Check(ctx, content)
	var r *FilterRefusal
	if errors.As(err, &r) && r.Why != FilterAway {
		return r.setError(), nil
	}
	if r != nil {
		err = jmap.ServerUnavailable
	}
	return nil, err
}

// scriptContent reads a blob that is to be a script, and refuses what no server may
// take (RFC 9661, section 2.2). The blob of a script is in have, if who asks has
// the turn.
func (a *Account) scriptContent(ctx context.Context, id jmap.BlobID, have []Filter) (string, *jmap.SetError, error) {
	offer := a.info.Load().Sieve
	for _, f := range have {
		if a.scriptBlob(f.Content) == id {
			return f.Content, invalidScript(f.Content, offer.SieveExtensions), nil
		}
	}
	blob, err := (*jmap.Blob)(nil), jmap.ErrNotFound
	if b, ok := a.blobs.open(id); !ok || have == nil || b[0] != blobScript {
		blob, err = a.BlobOpen(ctx, id, jmap.ByteRange{})
	}
	if errors.Is(err, jmap.ErrNotFound) {
		return "", &jmap.SetError{Type: jmap.SetInvalidProperties, Properties: []string{"blobId"}, Description: "there is no such blob"}, nil
	}
	if err != nil {
		return "", nil, err
	}
	defer blob.Body.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(blob.Body, int64(offer.MaxSizeScript)+1)); err != nil {
		return "", nil, fmt.Errorf("reading a script: %w", err)
	}
	if uint64(b.Len()) > offer.MaxSizeScript {
		return "", &jmap.SetError{Type: jmap.SetTooLarge, Description: fmt.Sprintf("a script has at most %d bytes", offer.MaxSizeScript)}, nil
	}
	return b.String(), invalidScript(b.String(), offer.SieveExtensions), nil
}

// invalidScript says why content is no script for a server with these extensions.
func invalidScript(content string, extensions []string) *jmap.SetError {
	bad := func(text string) *jmap.SetError {
		return &jmap.SetError{Type: jmap.SetInvalidSieve, Description: text}
	}
	if content == "" {
		return bad("line 1: a script has one character at least")
	}
	script, err := sieve.Parse(content)
	if err != nil {
		return bad(err.Error())
	}
	for _, n := range script.Commands {
		if n.Name != "require" {
			break
		}
		for _, a := range n.Args {
			for _, x := range a.Strings {
				if !slices.Contains(extensions, x) && x != "comparator-i;octet" && x != "comparator-i;ascii-casemap" {
					return bad(fmt.Sprintf("line %d: this server has no extension %q", n.Line, x))
				}
			}
		}
	}
	return nil
}

// validScriptName is RFC 9661, section 2.1. A slash is a directory to servers that
// keep files.
func validScriptName(s string) bool {
	return s != "" && len(s) <= maxScriptName && utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxScriptLetters &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '/' })
}

// checkName refuses a name that a script cannot have; self is the one it has, "" if
// it is new.
func (fs *filterSet) checkName(list []Filter, name, self string) *jmap.SetError {
	switch {
	case name == self && self != "":
		return nil
	case find(list, name) != nil:
		return &jmap.SetError{Type: jmap.SetAlreadyExists, ExistingID: string(fs.idOf(name))}
	case !validScriptName(name):
		return &jmap.SetError{Type: jmap.SetInvalidProperties, Properties: []string{"name"},
			Description: fmt.Sprintf("a name has 1 to %d characters, none of them a slash or a control character", maxScriptLetters)}
	case name == vacation.ScriptName:
		return &jmap.SetError{Type: jmap.SetInvalidProperties, Properties: []string{"name"}, Description: "that name is kept for the vacation response"}
	}
	return nil
}
