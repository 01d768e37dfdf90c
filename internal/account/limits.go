package account

import "time"

const (
	// wholeMessage is the size up to which a mail is fetched in one piece and
	// parsed here: one exchange, and the parser is ours. Above it only the
	// structure and the parts that are shown are fetched.
	wholeMessage = 256 << 10

	// wholeTime bounds the fetch of a mail that several may wait for, keepWhole how
	// long it is kept then, maxWholes how many are, each of maxWholeKept bytes at
	// most: a page asks for all it shows of a mail within.
	wholeTime    = 30 * time.Second
	keepWhole    = 10 * time.Second
	maxWholes    = 4
	maxWholeKept = 128 << 10

	// Reports on sent mails: reportPause is between two looks into the inbox,
	// maxReportMails are the newest mails that are looked at, reportSkew is how far
	// the mail server's clock may be behind ours, maxReportSeen are the mails
	// remembered as looked at, 16 bytes and an entry of a map each.
	reportPause    = time.Second
	maxReportMails = 50
	reportSkew     = time.Minute
	maxReportSeen  = 1000

	// maxNatures bounds the mails of which is remembered whether they have 8-bit
	// content: those larger than wholeMessage that were written last. 40 bytes each.
	maxNatures = 100

	// Receipts (RFC 9007): maxReceipt is bytes of one, with the mail that it is about
	// if that is returned; porter takes as many from the null sender. maxReceiptTo is
	// how many addresses may ask for one: more are made to have others flooded (RFC
	// 3798, section 2.1).
	maxReceipt   = 1 << 20
	maxReceiptTo = 5

	// maxTextPart bounds the encoded bytes fetched of one text part of a large
	// mail. Nobody reads four megabytes of text; what is cut is marked
	// isTruncated.
	maxTextPart = 4 << 20

	// tailBytes are the last bytes of a base64 part that show how it is encoded: a
	// dozen lines. measureTime bounds the reading of a part that does not tell its
	// size so; keepSize is how long sizes are kept, maxSizes how many, some 200 bytes
	// each, measuresAtOnce how many parts of a mail are measured at a time.
	tailBytes      = 1 << 10
	measureTime    = time.Minute
	keepSize       = 10 * time.Minute
	maxSizes       = 1000
	measuresAtOnce = 4

	// maxPartFields bounds the header fields that are asked for of the parts of one
	// mail, parts times fields, at some 100 bytes each in memory and thirty in each of
	// the lists of an answer. A mail of 256 KiB may have 10,000 parts, and a request
	// may name 200 fields. Beyond it the answer is requestTooLarge.
	maxPartFields = 100_000

	// previewBytes is how much of the first text part is read for a preview
	// that the server did not give.
	previewBytes = 4 << 10

	// maxHeaderMails bounds the mails whose parsed headers are remembered, beside
	// Config.HeaderBytes: eighty screens of a list, so that going back and forth
	// costs no exchange.
	maxHeaderMails = 4000

	// entryBytes is what one mail's remembered header takes in bytes without its text
	// and lists, its place in a map included; seldomBytes is what its seldom fields do.
	entryBytes  = 260
	seldomBytes = 176

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

	// quotaFresh is how old what is known of quotas may be when a client asks,
	// quotaPause how long after a change in the mails they are asked for anew: more
	// changes may follow, and nobody watches them by the second.
	quotaFresh = 2 * time.Second
	quotaPause = 10 * time.Second

	// maxQuotas bounds the limits that are told, and maxQuotaName the name that the
	// platform gives one, in bytes. Servers have one or two.
	maxQuotas    = 50
	maxQuotaName = 200

	// searchers is how many mailboxes are searched, or read for a sort, at a time:
	// as many as a store has workers. Whoever opens a mail meanwhile stands in the
	// same queue and waits for one mailbox at most.
	searchers = 2

	// sortBatch is how many mails one exchange reads the header fields of, for a
	// sort by words: some 20 ms.
	sortBatch = 2000

	// sortShare is from which part of a mailbox on the server's SORT orders all of
	// it for the sake of some mails, as 1/sortShare: to read a header field takes
	// about as long as to sort so many mails.
	sortShare = 16

	// maxSortBytes bounds the memory of one sort by words: some 300,000 mails.
	// Above it the sort is refused, as is any that a server does not support.
	maxSortBytes = 32 << 20

	// orderTries is how often mails that came meanwhile are asked for.
	orderTries = 3

	// maxTerms bounds the words of one text search: each is a key of a SEARCH.
	maxTerms = 40

	// maxTermOctets bounds one of them: nobody types more, and servers that take no
	// longer literal in a SEARCH (4,096 octets in some) leave the connection without
	// an answer.
	maxTermOctets = 1000

	// maxTypedConditions bounds the searches that one text of a person may ask of
	// each folder: words with OR between them are one each, and a thousand octets
	// hold hundreds.
	maxTypedConditions = 32

	// quickMails is up to how many mails a mailbox is searched beside another by a
	// search that answers as it goes on: in some 50 ms. Larger ones are searched one
	// after the other, so that one of two workers is soon free for who opens what
	// has been found.
	quickMails = 2000

	// maxSearches bounds the searches whose results are kept, keepSearch how long
	// after somebody asked for one: as long as a person scrolls in it.
	maxSearches = 4
	keepSearch  = time.Minute

	// searchPatience is how long an unfinished search goes on without somebody who
	// waits for it: a client asks again at once, or has left.
	searchPatience = 5 * time.Second

	// searchFirst is how long the first answer waits for the whole result, which
	// most searches have by then: nothing flickers. searchGather is the pause in
	// which folders that end shortly after each other become one answer, and
	// searchWait how long an answer waits for news.
	searchFirst  = 300 * time.Millisecond
	searchGather = 150 * time.Millisecond
	searchWait   = 10 * time.Second

	// searchLook is how often a search that somebody waits for looks for mail that
	// came into folders since: it asks the index, which takes microseconds.
	searchLook = time.Second

	// markupMails bounds the mails of one mailbox that are looked into after the
	// server's search, and markupBytes their text: some 50 ms. A word with more hits
	// is one of a language, and of markup too seldom to wait for.
	markupMails = 200
	markupBytes = 4 << 20

	// headerMails bounds the mails of one mailbox of which a header field is read
	// after the server's search: some 50 ms, and only for texts that are in the
	// field's name.
	headerMails = 5000

	// snippetMailBytes bounds the encoded text of a mail that is read for a search
	// snippet, and snippetBytes that of all mails of a call: what a screen of long
	// newsletters has. Where there is more, there is no snippet.
	snippetMailBytes = 256 << 10
	snippetBytes     = 16 << 20

	// maxSnippetTerms bounds the words that snippets look for; each goes through
	// every text.
	maxSnippetTerms = 100

	// firstPageMost is the last position that is answered straight from the
	// server while the index is not ready; who goes further waits for it.
	firstPageMost = 1000

	// maxCompared bounds the mails that an import is compared with byte by byte.
	// More than a few with one Message-ID and one size are made to keep us busy;
	// what is not compared is stored once more.
	maxCompared = 16

	// maxParsed bounds a message that is read from a blob as a whole, to be
	// parsed: what mail platforms take as a rule. An account holds one of them at a
	// time. A longer blob is notParsable.
	maxParsed = MaxUploadBytes

	// maxInnerID bounds what the id of a part in a message in a blob is made of,
	// so that it is an Id of at most 255 characters with its MAC and in base64.
	maxInnerID = 180

	// maxScriptName and maxScriptLetters bound the name of a Sieve script: RFC
	// 9661, section 1.2.1 asks for 512 octets, and RFC 5804, section 1.6 lets
	// servers refuse more than 128 characters.
	maxScriptName    = 512
	maxScriptLetters = 128

	// filterTries is how often a change of scripts is planned when another program
	// changes them at the same time.
	filterTries = 3

	// offerTime is how long the opening of an account waits for what the platform's
	// Sieve can, which porter knows without asking as a rule; offerPause is between
	// two questions after that.
	offerTime  = time.Second
	offerPause = time.Minute

	// submissionPause is between two questions what the submission server can, which
	// porter remembers for as long.
	submissionPause = 10 * time.Minute
)
