package account

import "time"

const (
	// wholeMessage is the size up to which a mail is fetched in one piece and
	// parsed here: one exchange, and the parser is ours. Above it only the
	// structure and the parts that are shown are fetched.
	wholeMessage = 256 << 10

	// maxTextPart bounds the encoded bytes fetched of one text part of a large
	// mail. Nobody reads four megabytes of text; what is cut is marked
	// isTruncated.
	maxTextPart = 4 << 20

	// previewBytes is how much of the first text part is read for a preview
	// that the server did not give.
	previewBytes = 4 << 10

	// maxHeaderMails bounds the mails whose parsed headers are remembered, and
	// maxHeaderBytes about how much memory they may take: twenty screens of a
	// list, so that going back and forth costs no exchange.
	maxHeaderMails = 4000
	maxHeaderBytes = 8 << 20

	// streamChunk is what one exchange of a download reads. Between two of them
	// the connection serves others, so that a slow reader holds nobody up.
	streamChunk = 512 << 10

	// MaxUploadBytes bounds one upload, MaxUploadsBytes all that one person has
	// waiting in memory.
	MaxUploadBytes  = 50 << 20
	MaxUploadsBytes = 60 << 20

	// UploadLife is how long an upload is kept: RFC 8620, section 6 asks for an
	// hour at least.
	UploadLife = 70 * time.Minute

	// MaxMailboxName bounds the name of a mailbox, in octets: what file systems
	// below mail servers take for one level. RFC 8621, section 1.3.1 asks for 100.
	MaxMailboxName = 255

	// MaxMailboxDepth bounds the levels of mailboxes. Dovecot refuses names of more
	// than 20 levels, of which a namespace may take some.
	MaxMailboxDepth = 16

	// mailboxStep bounds one step of a Mailbox/set. It is not ended by a client
	// that hangs up: a RENAME whose answer nobody waited for would cost a mailbox
	// its id on a server that has none.
	mailboxStep = 15 * time.Second

	// MaxAttachments bounds the attachments of one new mail, before encoding.
	// Mail servers stop at 50 MB or earlier after encoding.
	MaxAttachments = 50_000_000

	// searchers is how many mailboxes are searched at a time: one exchange less
	// than there are workers, so that the person can open a mail meanwhile.
	searchers = 1

	// maxTerms bounds the words of one text search: each is a key of a SEARCH.
	maxTerms = 40

	// firstPageMost is the last position that is answered straight from the
	// server while the index is not ready; who goes further waits for it.
	firstPageMost = 1000
)
