package cell

import "time"

const (
	maxPeople   = 100_000                // of a cell: more than any machine serves
	dialTime    = 10 * time.Second       // porter dials and authenticates within
	recordTime  = 4 * time.Second        // a call of records, below ipc.CallTimeout
	renderTime  = 4 * time.Second        // one document, waiting for a free render included
	drainTime   = 10 * time.Second       // for requests under way when the cell ends
	filterTime  = 22 * time.Second       // a call about filters, above porter's
	submitTime  = 11 * time.Minute       // above porter's
	bodyTime    = 30 * time.Second       // a body read and rendered, also when nobody waits for it any more
	keepDrawn   = 10 * time.Second       // a rendered body: the page asks for document and findings within
	maxDrawn    = 4                      // rendered bodies kept of one person,
	maxDrawnLen = 256 << 10              // none larger than this
	maxInline   = 20 << 20               // bytes of an image inside of a body
	recordTries = 8                      // of a call of records while keeper starts anew
	recordPause = 500 * time.Millisecond // between them
	unknownFor  = time.Second            // keeper tells a new porter of a thousand sessions within this
	unknownRow  = 15 * time.Second       // "unknown" after a longer pause is a new case
	maxShown    = 64                     // mails whose images are remembered: a page shows one
	settleTime  = 500 * time.Millisecond // for requests under way when a person leaves: keys are wiped within a second
	headStart   = 250 * time.Millisecond // for the first page after a sign-in, before the index is begun
	indexTime   = 10 * time.Second       // an index goes to keeper, or comes, within
	indexRate   = 16 << 10               // bytes a second of one person's index: 1,000 mails each 30 s, 100,000 each 10 min
	indexLeast  = 30 * time.Second       // between two savings, with the fsync that each costs
	idleChecks  = 10                     // looks for idle people within the time in which one becomes it
	maxStash    = 50_000_000             // bytes of a mail whose copy keeper takes, as an upload
	endGrace    = 30 * time.Second       // an account without a session is kept so long: a reload, a second window
)

const (
	pushTime     = 14 * time.Second // above courier's
	courierPause = time.Second      // until a message is tried again while courier starts anew
	pushPause    = 15 * time.Second // until a message is tried again for which there was no capability
)

// Of large files (lane).
const (
	laneFree     = 256 << 10       // bytes of each that wait for nobody: most mails, and pictures of a page
	laneRate     = 10 << 20        // bytes a second that all together move: a quarter of a processor of 2024, with what roles and a mail server beside it do
	laneBurst    = 96 << 20        // at full speed after a pause: most of what one large mail takes, which is moved three times
	lanePatience = 5 * time.Second // between two steps: no peer's time limit is near
)
