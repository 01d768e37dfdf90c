package jmapserver

import (
	"net/http"
	"strconv"
	"time"

	"cofferdam/internal/jmap/ijson"
)

// problem is a request-level error: "problem details" as RFC 7807 and RFC 8620,
// section 3.6.1 have them.
type problem struct {
	kind       string // "": about:blank, where the status says it all
	status     int
	detail     string
	limit      string        // the name of the limit, of problemLimit
	retryAfter time.Duration // after too many requests; 0: soon
}

// The types of RFC 8620, section 3.6.1.
const (
	problemUnknownCapability = "urn:ietf:params:jmap:error:unknownCapability"
	problemNotJSON           = "urn:ietf:params:jmap:error:notJSON"
	problemNotRequest        = "urn:ietf:params:jmap:error:notRequest"
	problemLimit             = "urn:ietf:params:jmap:error:limit"
)

func overLimit(status int, name, detail string) *problem {
	return &problem{kind: problemLimit, status: status, limit: name, detail: detail}
}

func notRequest(detail string) *problem {
	return &problem{kind: problemNotRequest, status: http.StatusBadRequest, detail: detail}
}

// write answers with p.
func (p *problem) write(w http.ResponseWriter) {
	o := ijson.Open(nil)
	p.append(&o)
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Language", language)
	h.Set("X-Content-Type-Options", "nosniff")
	if p.status == http.StatusTooManyRequests {
		h.Set("Retry-After", strconv.FormatInt(int64(max(time.Second, p.retryAfter+time.Second-1)/time.Second), 10))
	}
	w.WriteHeader(p.status)
	w.Write(o.Close()) // a client that is gone needs no answer
}

// append appends the members of p.
func (p *problem) append(o *ijson.Out) {
	kind := p.kind
	if kind == "" {
		kind = "about:blank"
		o.Str("title", http.StatusText(p.status))
	}
	o.Str("type", kind)
	o.Uint("status", uint64(p.status))
	if p.detail != "" {
		o.Str("detail", p.detail)
	}
	if p.limit != "" {
		o.Str("limit", p.limit)
	}
}
