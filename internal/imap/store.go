package imap

import "fmt"

// StoreOp is how STORE changes flags.
type StoreOp uint8

// The ways of STORE. Replacing all flags races with every other client and is
// named accordingly.
const (
	StoreAdd StoreOp = iota + 1
	StoreRemove
	StoreReplaceRacy
)

// StoreOptions modify a STORE.
type StoreOptions struct {
	// Silent asks the server not to send the new flags back.
	Silent bool
	// UnchangedSince, if not nil, leaves messages alone whose mod-sequence is
	// higher (RFC 7162, section 3.1.3). Zero is a legal value: it means "only
	// where the flag was never touched".
	UnchangedSince *uint64
	// OnRow gets the FETCH responses; nil sends them to the handler.
	OnRow func(*FetchRow)
}

// Stored is the end of a STORE.
type Stored struct {
	// Modified are the messages left alone for UnchangedSince.
	Modified UIDSet
	Code     Code
}

// Store starts a UID STORE. A long set becomes several commands; then the
// value tells of those that were answered, with an error too.
func (c *Client) Store(uids UIDSet, op StoreOp, flags []Flag, opts StoreOptions) *Future[Stored] {
	v := new(Stored)
	if uids.Empty() {
		return &Future[Stored]{value: v}
	}
	word := map[StoreOp]string{StoreAdd: "+FLAGS", StoreRemove: "-FLAGS", StoreReplaceRacy: "FLAGS"}[op]
	if word == "" {
		return failed[Stored](fmt.Errorf("%w: no such STORE operation", ErrBadArgument))
	}
	if opts.Silent {
		word += ".SILENT"
	}
	room := 100
	for _, f := range flags {
		room += len(f) + 1
	}
	var cmds []*command
	for _, part := range uids.chunks(c.room(room)) {
		cmds = append(cmds, c.storeCommand(part, word, flags, opts, v))
	}
	return start(c, v, cmds...)
}

func (c *Client) storeCommand(uids UIDSet, word string, flags []Flag, opts StoreOptions, v *Stored) *command {
	e := c.encode("UID STORE")
	e.sp().raw(uids.String())
	if opts.UnchangedSince != nil {
		e.raw(" (UNCHANGEDSINCE ").num(*opts.UnchangedSince).raw(")")
	}
	e.sp().raw(word).sp().flags(flags)
	row := new(FetchRow)
	claim := func(r *Response, deliver bool) bool {
		if opts.OnRow == nil || r.Word != "FETCH" || !row.load(r, c.flags) || !uids.Contains(row.uid) {
			return false
		}
		if deliver {
			opts.OnRow(row)
		}
		return true
	}
	finish := func(r *Response) {
		if set, err := ParseUIDSet(r.Code.modifiedSet()); err == nil {
			v.Modified.AddSet(set)
		}
		v.Code = r.Code
	}
	return &command{name: "UID STORE", enc: e, claim: claim, finish: finish}
}
