package outbox

import "time"

const (
	maxRecords    = 1000                // of one person; the oldest finished ones are forgotten
	keepFinished  = 30 * 24 * time.Hour // finished submissions are shown so long
	maxHeader     = 1 << 20             // bytes of a mail's header block that is rewritten
	maxRecipients = 1000
	createWait    = 60 * time.Second // a create waits so long for its outcome; a mail server may scan for long
	tries         = 3                // attempts of one create while the server is away
	firstPause    = 500 * time.Millisecond
	putTries      = 6 // of the write after the server's answer
)
