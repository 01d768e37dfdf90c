package jmapserver

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// Collation is the one collation that every kind of account can sort by: RFC
// 5256 obliges IMAP's SORT to it (RFC 5051).
const Collation = "i;unicode-casemap"

// capabilities returns what may stand in "using" for these accounts.
func (h *Handler) capabilities(infos []accountOf) []string {
	caps := []string{jmap.CapabilityCore}
	for _, c := range []string{jmap.CapabilityMail, jmap.CapabilitySubmission, jmap.CapabilityBlob, jmap.CapabilityVacation, jmap.CapabilitySieve, jmap.CapabilityQuota, jmap.CapabilityMDN, jmap.CapabilityVendor} {
		if slices.ContainsFunc(infos, func(a accountOf) bool { return has(c, a.account, &a.info) }) {
			caps = append(caps, c)
		}
	}
	if h.vapidKey != "" {
		caps = append(caps, jmap.CapabilityVAPID)
	}
	return append(caps, jmap.CapabilityWebSocket)
}

// identifier is what a client calls a capability: that of ours is a URL at the
// base of this installation (RFC 8620, section 2).
func identifier(capability, base string) string {
	if capability == jmap.CapabilityVendor {
		return base + capability
	}
	return capability
}

// opted returns the capabilities that "using" names, or says which is unknown.
func opted(using, caps []string, base string) ([]string, *problem) {
	list := make([]string, len(using))
	for i, u := range using {
		at := slices.IndexFunc(caps, func(c string) bool { return u == identifier(c, base) })
		if at < 0 {
			return nil, &problem{kind: problemUnknownCapability, status: http.StatusBadRequest,
				detail: "the capability " + clip(u) + " is not supported"}
		}
		list[i] = caps[at]
	}
	return list, nil
}

// accountOf is an account and what it says of itself, asked once a request.
type accountOf struct {
	account Account
	info    jmap.AccountInfo
}

func infosOf(p *Person) []accountOf {
	list := make([]accountOf, len(p.Accounts))
	for i, a := range p.Accounts {
		list[i] = accountOf{a, a.Info()}
	}
	return list
}

// has reports whether an account may be used with the methods of a capability.
func has(capability string, a Account, info *jmap.AccountInfo) bool {
	switch capability {
	case jmap.CapabilityMail, jmap.CapabilityBlob:
		return true
	case jmap.CapabilitySubmission:
		return info.Submission != nil && able[IdentityReader](a) && able[Submitter](a)
	case jmap.CapabilityMDN:
		return info.Submission != nil && able[IdentityReader](a) && able[MDNSender](a)
	case jmap.CapabilityVacation:
		return info.Vacation && able[Vacationer](a)
	case jmap.CapabilitySieve:
		return info.Sieve != nil && able[SieveScripter](a)
	case jmap.CapabilityQuota:
		return info.HasQuota && able[QuotaReader](a)
	case jmap.CapabilityVendor:
		return able[Viewer](a)
	}
	return false
}

// serveSession answers with the Session object (RFC 8620, section 2).
func (h *Handler) serveSession(w http.ResponseWriter, r *http.Request, p *Person) {
	body, state := h.session(p, infosOf(p), h.baseURL(r))
	o := append(body[:len(body)-1], `,"state":"`...)
	o = append(append(o, state...), `"}`...)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache, no-store, must-revalidate")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write(o)
}

// session returns the Session object without its state, and the state, which is
// a digest of all the rest.
func (h *Handler) session(p *Person, infos []accountOf, base string) (body []byte, state string) {
	caps := h.capabilities(infos)
	o := ijson.Open(make([]byte, 0, 2048))
	in := ijson.Open(o.Key("capabilities"))
	for _, c := range caps {
		key := identifier(c, base)
		switch c {
		case jmap.CapabilityCore:
			in.B = h.appendCore(in.Key(key))
		case jmap.CapabilityVendor:
			in.B = h.appendVendor(in.Key(key))
		case jmap.CapabilitySieve:
			in.B = appendImplementation(in.Key(key), infos)
		case jmap.CapabilityWebSocket:
			in.B = appendWebSocket(in.Key(key), base)
		case jmap.CapabilityVAPID:
			vapid := ijson.Open(in.Key(key))
			vapid.Str("applicationServerKey", h.vapidKey)
			in.B = vapid.Close()
		default:
			in.B = append(in.Key(key), "{}"...)
		}
	}
	o.B = in.Close()
	in = ijson.Open(o.Key("accounts"))
	for _, a := range infos {
		in.B = h.appendAccount(in.Key(string(a.info.ID)), a, caps, base)
	}
	o.B = in.Close()
	o.B = appendPrimary(o.Key("primaryAccounts"), infos, caps, base)
	o.Str("username", p.Username)
	o.Str("apiUrl", base+"/jmap/api")
	o.Str("downloadUrl", base+"/jmap/download/{accountId}/{blobId}/{name}?type={type}")
	o.Str("uploadUrl", base+"/jmap/upload/{accountId}")
	o.Str("eventSourceUrl", base+"/jmap/eventsource?types={types}&closeafter={closeafter}&ping={ping}")
	body = o.Close()
	sum := sha256.Sum256(body)
	return body, "s" + base64.RawURLEncoding.EncodeToString(sum[:9])
}

func (h *Handler) appendCore(dst []byte) []byte {
	l := &h.limits
	o := ijson.Open(dst)
	o.Uint("maxSizeUpload", uint64(l.MaxSizeUpload))
	o.Uint("maxConcurrentUpload", uint64(l.MaxConcurrentUpload))
	o.Uint("maxSizeRequest", uint64(l.MaxSizeRequest))
	o.Uint("maxConcurrentRequests", uint64(l.MaxConcurrentRequests))
	o.Uint("maxCallsInRequest", uint64(l.MaxCallsInRequest))
	o.Uint("maxObjectsInGet", uint64(l.MaxObjectsInGet))
	o.Uint("maxObjectsInSet", uint64(l.MaxObjectsInSet))
	o.B = ijson.AppendStrings(o.Key("collationAlgorithms"), []string{Collation})
	return o.Close()
}

// appendVendor announces the limits for which the RFC has no name.
func (h *Handler) appendVendor(dst []byte) []byte {
	o := ijson.Open(dst)
	o.Uint("maxConcurrentStreams", uint64(h.limits.MaxConcurrentStreams))
	o.Uint("maxValuesInRequest", maxValuesInRequest)
	o.Uint("maxDepthInRequest", maxDepthInRequest)
	o.Uint("maxSizeResponse", maxResponseOctets)
	return o.Close()
}

func (h *Handler) appendAccount(dst []byte, a accountOf, caps []string, base string) []byte {
	o := ijson.Open(dst)
	o.Str("name", a.info.Name)
	o.Bool("isPersonal", a.info.IsPersonal)
	o.Bool("isReadOnly", a.info.IsReadOnly)
	in := ijson.Open(o.Key("accountCapabilities"))
	for _, c := range caps {
		switch {
		case !has(c, a.account, &a.info):
		case c == jmap.CapabilityMail:
			in.B = appendMail(in.Key(c), &a.info.Mail)
		case c == jmap.CapabilitySubmission:
			in.B = appendSubmission(in.Key(c), a.info.Submission)
		case c == jmap.CapabilitySieve:
			in.B = appendSieve(in.Key(c), a.info.Sieve)
		case c == jmap.CapabilityBlob:
			in.B = h.appendBlobCapability(in.Key(c), a.account, &a.info)
		case c == jmap.CapabilityVendor:
			in.B = appendVendorAccount(in.Key(identifier(c, base)), &a.info)
		default:
			in.B = append(in.Key(c), "{}"...)
		}
	}
	o.B = in.Close()
	return o.Close()
}

func appendMail(dst []byte, m *jmap.MailCapability) []byte {
	o := ijson.Open(dst)
	uintOrNull(&o, "maxMailboxesPerEmail", m.MaxMailboxesPerEmail)
	uintOrNull(&o, "maxMailboxDepth", m.MaxMailboxDepth)
	o.Uint("maxSizeMailboxName", m.MaxSizeMailboxName)
	o.Uint("maxSizeAttachmentsPerEmail", m.MaxSizeAttachmentsPerEmail)
	o.B = ijson.AppendStrings(o.Key("emailQuerySortOptions"), m.EmailQuerySortOptions)
	o.Bool("mayCreateTopLevelMailbox", m.MayCreateTopLevelMailbox)
	return o.Close()
}

func uintOrNull(o *ijson.Out, name string, n uint64) {
	if n == 0 {
		o.Null(name)
	} else {
		o.Uint(name, n)
	}
}

func appendSubmission(dst []byte, s *jmap.SubmissionCapability) []byte {
	o := ijson.Open(dst)
	o.Uint("maxDelayedSend", s.MaxDelayedSend)
	in := ijson.Open(o.Key("submissionExtensions"))
	for _, k := range slices.Sorted(maps.Keys(s.SubmissionExtensions)) {
		in.B = ijson.AppendStrings(in.Key(k), s.SubmissionExtensions[k])
	}
	o.B = in.Close()
	return o.Close()
}

// appendPrimary names, for each capability but core, the person's own account
// that has it.
func appendPrimary(dst []byte, infos []accountOf, caps []string, base string) []byte {
	o := ijson.Open(dst)
	for _, c := range caps {
		i := slices.IndexFunc(infos, func(a accountOf) bool {
			return a.info.IsPersonal && has(c, a.account, &a.info)
		})
		if i >= 0 {
			o.Str(identifier(c, base), string(infos[i].info.ID))
		}
	}
	return o.Close()
}

// trimBase makes "https://host/" and "https://host" the same.
func trimBase(base string) string { return strings.TrimRight(base, "/") }
