package upstream

import "cofferdam/internal/message"

// Want says what Fetch shall read.
type Want struct {
	// Fields are header fields; Header asks for all of them.
	Fields    []string
	Header    bool
	Structure bool
	Preview   bool
	// Body asks for the whole mail.
	Body bool
	// Sections asks for the bodies of parts by their section number, as they
	// stand in the mail.
	Sections []Section
}

// Section is a part's body, or its first Limit bytes if Limit is not 0.
type Section struct {
	ID    string
	Limit int
}

// Ask names mails of one mailbox and what is wanted of them.
type Ask struct {
	At   Place
	UIDs UIDSet
	Want Want
}

// Content is what was read of one mail. The slices are the receiver's to keep.
type Content struct {
	Box       string
	UID       UID
	Header    []byte        // the fields asked for, or the whole header block
	Structure *message.Part // without bytes; nil if the server sent none that can be read
	Preview   string
	// HasPreview is false when the server could not tell: then it has to be
	// computed.
	HasPreview bool
	Body       []byte
	Sections   map[string][]byte
}

// Field is where a Term looks.
type Field uint8

// The fields of RFC 8621, section 4.4.1.
const (
	FieldText Field = iota // anywhere: header and text parts
	FieldFrom
	FieldTo
	FieldCc
	FieldBcc
	FieldSubject
	FieldBody
	FieldHeader // Term.Name; with an empty Value it need only be there
)

// Term is a word or phrase to be looked for, without regard to case.
type Term struct {
	Field Field
	Name  string // of the header field
	Value string
}
