package gate

import "time"

const (
	maxHeaderBytes = 32 << 10         // cookies, agent, and no more
	maxSignInBody  = 64 << 10         // a box is about 1 KiB
	maxAPIBody     = 10_000_000       // maxSizeRequest of the JMAP session
	maxUploadBody  = 50_000_000       // maxSizeUpload of the JMAP session
	smallBody      = 64 << 10         // a body up to this is kept whole for a second try; the others pass through
	bodyPause      = 30 * time.Second // a small body comes within this, and some of a large one
	writePause     = 30 * time.Second // some of an answer is taken within this
	uploadTime     = 15 * time.Minute // 50 MiB at 0.5 Mbit/s
	maxTickets     = 500              // bodies that a page may ask tickets for at once
	maxAgent       = 256              // bytes of User-Agent kept for the session list
	maxTokenName   = 64               // bytes of a bearer token's name
	grantLife      = time.Minute      // a grant is asked for again after this
	ticketLife     = 10 * time.Minute // a page asks for tickets when it shows what they are for; a download may start minutes later
	ticketWait     = 3 * time.Second  // for a session that a restarted gate does not know yet
	readHeaderTime = 10 * time.Second // a header comes within: who sends it letter by letter holds a connection no longer
	idleTime       = 3 * time.Minute  // a connection without a request is kept so long
	drainTime      = 10 * time.Second // for answers under way when gate ends
	apiTime        = 75 * time.Second // nothing moves; above requestTimeout of jmapserver, whose answer says what became of each call
	aliveEvery     = 15 * time.Second // keeper is asked whether sessions with streams are alive
	unconfirmed    = 40 * time.Second // a stream that keeper did not confirm for so long ends at the next round: within a minute
	openTime       = 5 * time.Second  // a call to keeper or a cell that opens something
	signInTime     = 20 * time.Second // the platform may delay failed sign-ins on purpose
	maxGrants      = 200_000          // sessions remembered
	evictTries     = 64               // sessions looked at for one that may go when there are too many
	minCompress    = 512              // bytes below which compression costs more than it saves
	maxAtOnce      = 256              // requests of one person under way: an eighth of the connections to their cell (ipc.MaxConns)
	maxStreams     = 250              // HTTP/2 streams of one connection
	maxWhole       = 128 << 10        // bytes of an answer that is passed on in one piece
)

// Of WebSockets.
const (
	maxMessage     = 2 * maxAPIBody // one over maxAPIBody is answered with the limit, one over this ends the connection
	maxSocketsOf   = 32             // connections of one person: some tabs in some browsers
	maxSocketCalls = 16             // messages of one connection under way: twice maxConcurrentRequests of the JMAP session, so that the cell can name that limit
	socketRate     = 50             // messages a second of one connection; more are read later
	socketBurst    = 100
	maxPushLine    = 64 << 10         // one StateChange with its pushState
	pingEvery      = 30 * time.Second // below the minute after which middle boxes forget a silent connection
	pingWait       = 20 * time.Second
)
