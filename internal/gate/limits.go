package gate

import "time"

const (
	maxHeaderBytes = 32 << 10    // cookies, agent, and no more
	maxSignInBody  = 64 << 10    // a box is about 1 KiB
	maxAPIBody     = 10 << 20    // maxSizeRequest of the JMAP session
	maxUploadBody  = 50 << 20    // maxSizeUpload of the JMAP session
	maxTickets     = 500         // bodies that a page may ask tickets for at once
	maxAgent       = 256         // bytes of User-Agent kept for the session list
	maxTokenName   = 64          // bytes of a bearer token's name
	grantLife      = time.Minute // a grant is asked for again after this
	ticketLife     = 10 * time.Minute
	ticketWait     = 3 * time.Second // for a session that a restarted gate does not know yet
	readHeaderTime = 10 * time.Second
	idleTime       = 3 * time.Minute
	drainTime      = 10 * time.Second
	apiTime        = 60 * time.Second // a batched search over many folders
	openTime       = 5 * time.Second
	signInTime     = 20 * time.Second // the platform may delay failed sign-ins on purpose
	maxGrants      = 200_000          // sessions remembered; the oldest unused go first
	minCompress    = 512              // bytes below which compression costs more than it saves
	maxStreams     = 250              // HTTP/2 streams of one connection
)
