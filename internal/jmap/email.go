package jmap

import "time"

// Email is a message and what the mail store knows of it (RFC 8621, section 4).
// Only what EmailFields asked for is filled in.
//
// For the parsed forms a nil slice is null (no such field, or it could not be
// parsed where the form allows null) and an empty slice that is not nil is [].
type Email struct {
	ID         EmailID
	BlobID     BlobID
	ThreadID   ThreadID
	MailboxIDs []MailboxID
	Keywords   []Keyword
	Size       uint64
	ReceivedAt time.Time

	MessageID  []string
	InReplyTo  []string
	References []string
	Sender     []Address
	From       []Address
	To         []Address
	Cc         []Address
	Bcc        []Address
	ReplyTo    []Address
	Subject    *string
	SentAt     Date // zero: null

	Headers []Header      // every field, in the order of the message
	Values  []HeaderValue // Values[i] answers EmailFields.Headers[i]

	HasAttachment bool
	Preview       string // at most MaxPreviewChars characters

	BodyStructure *BodyPart
	BodyValues    []BodyValue
	TextBody      []*BodyPart // may share parts with the others
	HTMLBody      []*BodyPart
	Attachments   []*BodyPart
}

// BodyPart is an EmailBodyPart (RFC 8621, section 4.1.4).
type BodyPart struct {
	PartID      string // "": null, a multipart
	BlobID      BlobID // "": null, a multipart
	Size        uint64 // after decoding the transfer encoding
	Headers     []Header
	Values      []HeaderValue // Values[i] answers EmailFields.BodyHeaders[i]
	Name        *string
	Type        string // lower case, no parameters
	Charset     *string
	Disposition *string
	CID         *string
	Language    []string
	Location    *string
	SubParts    []*BodyPart // of a multipart; else nil, null
}

// BodyValue is the text of a part (EmailBodyValue, RFC 8621, section 4.1.4):
// decoded, with LF line ends.
type BodyValue struct {
	PartID            string
	Value             string
	IsEncodingProblem bool
	IsTruncated       bool
}

// EmailProps is a set of properties of an Email.
type EmailProps uint32

// One bit a property.
const (
	EmailPropID EmailProps = 1 << iota
	EmailPropBlobID
	EmailPropThreadID
	EmailPropMailboxIDs
	EmailPropKeywords
	EmailPropSize
	EmailPropReceivedAt
	EmailPropMessageID
	EmailPropInReplyTo
	EmailPropReferences
	EmailPropSender
	EmailPropFrom
	EmailPropTo
	EmailPropCc
	EmailPropBcc
	EmailPropReplyTo
	EmailPropSubject
	EmailPropSentAt
	EmailPropHasAttachment
	EmailPropPreview
	EmailPropBodyValues
	EmailPropTextBody
	EmailPropHTMLBody
	EmailPropAttachments
	EmailPropBodyStructure
	EmailPropHeaders

	AllEmailProps EmailProps = 1<<iota - 1

	// DefaultEmailProps is what Email/get returns when no properties are named
	// (RFC 8621, section 4.2).
	DefaultEmailProps = EmailPropBodyStructure - 1

	// IndexEmailProps are the properties that an index can answer without the
	// message.
	IndexEmailProps = EmailPropID | EmailPropBlobID | EmailPropThreadID | EmailPropMailboxIDs |
		EmailPropKeywords | EmailPropSize | EmailPropReceivedAt

	// BodyEmailProps are the properties that need the structure of the body.
	BodyEmailProps = EmailPropBodyValues | EmailPropTextBody | EmailPropHTMLBody |
		EmailPropAttachments | EmailPropBodyStructure
)

// BodyProps is a set of properties of a BodyPart.
type BodyProps uint16

// One bit a property.
const (
	BodyPropPartID BodyProps = 1 << iota
	BodyPropBlobID
	BodyPropSize
	BodyPropName
	BodyPropType
	BodyPropCharset
	BodyPropDisposition
	BodyPropCID
	BodyPropLanguage
	BodyPropLocation
	BodyPropHeaders
	BodyPropSubParts

	AllBodyProps BodyProps = 1<<iota - 1

	// DefaultBodyProps is what parts have when no properties are named (RFC
	// 8621, section 4.2).
	DefaultBodyProps = BodyPropHeaders - 1
)

// EmailFields says what is wanted of each Email (RFC 8621, section 4.2).
type EmailFields struct {
	Props   EmailProps
	Headers []HeaderProp // "header:..." properties, no two alike

	BodyProps   BodyProps
	BodyHeaders []HeaderProp

	// Which text parts BodyValues shall hold, if EmailPropBodyValues is set.
	FetchTextBodyValues bool
	FetchHTMLBodyValues bool
	FetchAllBodyValues  bool
	// MaxBodyValueBytes cuts each value on a character and, in HTML, outside of
	// a tag. 0: not cut.
	MaxBodyValueBytes int
}

// EmailSet is one Email/set (RFC 8621, section 4.6).
type EmailSet struct {
	IfInState State // "" is null
	Create    []EmailCreate
	Update    []EmailUpdate // no id twice
	Destroy   []EmailID     // no id twice, and none that is in Update
}

// EmailUpdate changes the two properties of an Email that can change. A nil
// patch leaves the property alone; at least one is not nil.
type EmailUpdate struct {
	ID         EmailID
	Keywords   *SetPatch[Keyword]
	MailboxIDs *SetPatch[MailboxID]
}

// EmailCreate is an Email to be composed and stored. What RFC 8621, section 4.6
// forbids has been refused already.
type EmailCreate struct {
	CreationID CreationID
	MailboxIDs []MailboxID // at least one
	Keywords   []Keyword
	ReceivedAt time.Time // zero: now

	// Headers are the fields of the message in the order to be written. Without
	// a Message-ID or a Date the account adds them; MIME fields never stand
	// here. No name appears twice.
	Headers []HeaderSet

	// Body is the one tree of the message: textBody, htmlBody and attachments
	// have been put together into it. nil: an empty text/plain part.
	Body *NewPart
}

// NewPart is a part to be composed. Exactly one of Text, BlobID and SubParts is
// given; SubParts goes with a type of multipart/*.
type NewPart struct {
	Type        string // lower case, no parameters
	Text        *string
	BlobID      BlobID
	SubParts    []*NewPart
	Charset     string // of a BlobID; "": not given
	Disposition string // "": not given
	Name        string
	CID         string // without angle brackets
	Language    []string
	Location    string
	Headers     []HeaderSet // other fields of the part, never Content-Transfer-Encoding
	Property    string      // where the client gave it, for SetError.Properties: "attachments"
}

// HeaderSet is one header field, or with All of its property any number of
// them, to be written.
type HeaderSet struct {
	HeaderProp
	Value HeaderValue
}

// EmailCreated is what a client learns of an Email that was made. In Updated of
// an EmailSetResult there is never anything but nil.
type EmailCreated struct {
	ID       EmailID
	BlobID   BlobID
	ThreadID ThreadID
	Size     uint64
}

// EmailSetResult is the outcome of an EmailSet.
type EmailSetResult = SetResult[EmailID, EmailCreated]
