package porter

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
	"cofferdam/internal/submission"
)

// submit is the guard of outgoing mail: a cell names an envelope and hands over
// bytes, and porter speaks SMTP itself. MAIL FROM must be an address of the
// account, or empty for a notice; recipients are capped per mail, person, cell and hour.
func (p *Porter) submit(cell string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, err := p.submitMail(w, r, cell)
		if err != nil {
			p.counts.submissions.WithLabelValues(string(ipc.CodeOf(err))).Inc()
			ipc.WriteError(w, err)
			return
		}
		p.counts.submissions.WithLabelValues("accepted").Inc()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(out) // a cell that is gone finds the mail as attempting
	})
}

func (p *Porter) submitMail(w http.ResponseWriter, r *http.Request, cell string) (out ipc.Submitted, err error) {
	var none ipc.Submitted
	g, err := p.registry.find(r.Header.Get(ipc.HeaderCapability), cell)
	if err != nil {
		return none, err
	}
	release, err := p.registry.takeSubmit(g)
	if err != nil {
		return none, err
	}
	defer release()
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(submitTime)) // a cell may stall: it holds no mail open for longer
	text := bufio.NewReader(http.MaxBytesReader(w, r.Body, submission.DefaultMaxMessage+ipc.MaxEnvelope))
	env, err := readEnvelope(r.Header.Get(ipc.HeaderEnvelope), text)
	if err != nil {
		return none, err
	}
	settle := p.outcomes.begin(g.person.uid, env.Attempt)
	defer func() { settle(out, err) }()
	table := p.table.Load()
	plat := table.byName[g.platform]
	if plat == nil {
		return none, ipc.Errorf(ipc.CodeUnavailable, "the mail platform is not configured any more")
	}
	smtp, err := guardEnvelope(env, g.addresses, plat.Parameters)
	if err != nil {
		return none, err
	}
	caps := map[string]int{"p" + g.person.uid: plat.Recipients, "c" + cell: cellRecipients * plat.Recipients}
	if wait, ok := p.quota.Take(len(smtp.RcptTo), caps); !ok {
		return none, &ipc.Error{Code: ipc.CodeThrottled, Detail: "too many recipients in one hour", RetryAfter: wait}
	}
	// The mail goes on even if the cell dies: cutting it off inside of DATA would
	// only make its fate uncertain. The session's end cuts it off all the same
	// before DATA.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), submitTime)
	defer cancel()
	stop := context.AfterFunc(g.ctx, cancel)
	defer stop()
	var mail io.Reader = text
	if smtp.MailFrom.IsZero() {
		mail = http.MaxBytesReader(w, io.NopCloser(text), maxNotice)
	}
	body := &first{r: mail, once: func() { stop() }}
	out, err = p.send(ctx, g, plat, smtp, body)
	if ipc.CodeOf(err) == ipc.CodeUnavailable {
		p.quota.Give(len(smtp.RcptTo), caps) // nothing was sent, and it will be tried again
	}
	return out, err
}

// first calls once when the body is first read: that is within DATA.
type first struct {
	r    io.Reader
	once func()
}

func (f *first) Read(b []byte) (int, error) {
	if f.once != nil {
		f.once()
		f.once = nil
	}
	return f.r.Read(b)
}

// readEnvelope reads an envelope out of its header, or of the first line of body.
func readEnvelope(header string, body *bufio.Reader) (ipc.SubmitEnvelope, error) {
	var env ipc.SubmitEnvelope
	var raw []byte
	var err error
	if header == ipc.EnvelopeInBody {
		raw, err = firstLine(body)
	} else {
		raw, err = base64.RawURLEncoding.Strict().DecodeString(header)
	}
	if err == nil {
		err = ipc.Decode(raw, &env)
	}
	if err != nil || len(env.Attempt) > ipc.MaxAttemptName {
		return env, ipc.Errorf(ipc.CodeInvalid, "the envelope cannot be read")
	}
	return env, nil
}

// firstLine takes a line of at most ipc.MaxEnvelope bytes off a body.
func firstLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if line = append(line, part...); len(line) > ipc.MaxEnvelope {
			return nil, errors.New("line too long")
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// guardEnvelope makes the SMTP envelope, refusing a sender that is not one of
// the account's own addresses.
func guardEnvelope(env ipc.SubmitEnvelope, own, further []string) (submission.Envelope, error) {
	var out submission.Envelope
	from, err := guardSender(env, own)
	if err != nil {
		return out, err
	}
	if len(env.To) == 0 || len(env.To) > maxRecipients {
		return out, ipc.Errorf(ipc.CodeForbidden, "a mail goes to 1 to %d recipients", maxRecipients)
	}
	out.MailFrom, out.Size = from, env.Size
	for _, to := range env.To {
		a, err := submission.ParseAddress(to.Address)
		if err != nil || a.IsZero() {
			return out, ipc.Errorf(ipc.CodeInvalid, "a recipient is not an address")
		}
		out.RcptTo = append(out.RcptTo, a)
	}
	return out, applyParams(&out, env, further)
}

// guardSender lets the account's own addresses through, and the null sender of a
// notice (RFC 3798, section 3): a small mail to few.
func guardSender(env ipc.SubmitEnvelope, own []string) (submission.Address, error) {
	if env.From == "" {
		if len(env.To) > maxNoticeTo || env.Size > maxNotice {
			return submission.Address{}, ipc.Errorf(ipc.CodeForbidden, "a notice goes to %d recipients and has %d bytes at most", maxNoticeTo, maxNotice)
		}
		return submission.Address{}, nil
	}
	from, err := submission.ParseAddress(env.From)
	if err != nil || from.IsZero() {
		return from, ipc.Errorf(ipc.CodeForbidden, "the sender is not an address")
	}
	if !slices.ContainsFunc(own, func(a string) bool { return strings.EqualFold(a, from.String()) }) {
		return from, ipc.Errorf(ipc.CodeForbidden, "the sender is not an address of this account")
	}
	return from, nil
}

// applyParams takes the SMTP parameters that we know and the further ones that the
// operator lets pass; any other is refused, so that nothing is lost without a word.
func applyParams(out *submission.Envelope, env ipc.SubmitEnvelope, further []string) error {
	for name, value := range env.FromParams {
		switch strings.ToUpper(name) {
		case "BODY":
			out.EightBit = strings.EqualFold(value, "8BITMIME")
		case "SMTPUTF8":
			out.UTF8 = true
		case "SIZE":
		case "RET":
			out.DSN.Return = submission.Return(strings.ToUpper(value))
		case "ENVID":
			out.DSN.EnvID = value
		case "HOLDUNTIL":
			at, err := time.Parse(time.RFC3339, value)
			if err != nil {
				return ipc.Errorf(ipc.CodeInvalid, "HOLDUNTIL is not a date")
			}
			out.Release = at
		case "REQUIRETLS":
			out.RequireTLS = true
		default:
			if !slices.Contains(further, strings.ToUpper(name)) {
				return ipc.Errorf(ipc.CodeInvalid, "MAIL FROM parameter is not known")
			}
			out.Further = append(out.Further, submission.Parameter{Name: strings.ToUpper(name), Value: value})
		}
	}
	for i, to := range env.To {
		for name, value := range to.Params {
			if !strings.EqualFold(name, "NOTIFY") {
				return ipc.Errorf(ipc.CodeInvalid, "RCPT TO parameter is not known")
			}
			n, ok := notify(value)
			if !ok {
				return ipc.Errorf(ipc.CodeInvalid, "NOTIFY cannot be said so")
			}
			if out.DSN.Notify == nil {
				out.DSN.Notify = make([]submission.Notify, len(env.To))
			}
			out.DSN.Notify[i] = n
		}
	}
	return nil
}

// notify reads the value of NOTIFY: NEVER alone, or any of the others (RFC 3461,
// section 4.1).
func notify(value string) (n submission.Notify, ok bool) {
	for word := range strings.SplitSeq(strings.ToUpper(value), ",") {
		switch strings.TrimSpace(word) {
		case "NEVER":
			n |= submission.NotifyNever
		case "SUCCESS":
			n |= submission.NotifySuccess
		case "FAILURE":
			n |= submission.NotifyFailure
		case "DELAY":
			n |= submission.NotifyDelay
		default:
			return 0, false
		}
	}
	return n, n&submission.NotifyNever == 0 || n == submission.NotifyNever
}

// send dials, authenticates and sends one mail.
func (p *Porter) send(ctx context.Context, g *grant, plat *platform, env submission.Envelope, body io.Reader) (ipc.Submitted, error) {
	var none ipc.Submitted
	c, err := p.dialSubmission(ctx, g, plat)
	if err != nil {
		return none, submitError(err)
	}
	defer c.Close()
	res, err := c.Send(ctx, env, body)
	switch {
	case err == nil:
		return submitted(res, res.Final), nil
	case nobodyTaken(err, res):
		e, _ := errors.AsType[*submission.Error](err)
		return submitted(res, e.Reply), nil
	}
	return none, submitError(err)
}

// nobodyTaken says that the server refused each recipient by a reply of its own, and
// for good.
func nobodyTaken(err error, res submission.Result) bool {
	e, ok := errors.AsType[*submission.Error](err)
	return ok && e.Outcome == submission.Refused && e.Stage == submission.StageRcpt && !e.Temporary &&
		!slices.ContainsFunc(res.Recipients, func(r submission.Recipient) bool { return r.Accepted() || r.Reply.Code/100 != 5 })
}

func submitted(res submission.Result, last submission.Reply) ipc.Submitted {
	out := ipc.Submitted{Reply: replyText(last)}
	for _, r := range res.Recipients {
		said := ipc.RcptReply{Address: r.To.String(), Reply: replyText(r.Reply)}
		if r.Accepted() {
			out.Taken = append(out.Taken, said)
		} else {
			out.Rejected = append(out.Rejected, said)
		}
	}
	return out
}

// replyText is a server's reply on one line, as RFC 8621 section 7 shows it:
// code, enhanced status, text.
func replyText(r submission.Reply) string {
	words := append([]string{strconv.Itoa(r.Code), r.Status.String()}, strings.Fields(r.Text)...)
	return clip(strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " "))
}

// clip cuts between characters.
func clip(s string) string {
	if len(s) > ipc.MaxError {
		s = strings.ToValidUTF8(s[:ipc.MaxError], "")
	}
	return s
}

func (p *Porter) dialSubmission(ctx context.Context, g *grant, plat *platform) (*submission.Conn, error) {
	secret, err := p.registry.credential(g)
	if err != nil {
		return nil, err
	}
	defer secret.release()
	if p.unsent.begin(g.box) != nil {
		return nil, errNoSubmission
	}
	s := plat.submission
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	cfg := submission.Config{Addr: s.Address, Security: security(s.TLS), TLS: s.tls}
	if ip, err := netip.ParseAddr(g.network); err == nil && !s.HideIP {
		cfg.Client = netip.AddrPortFrom(ip, 0)
	}
	c, err := submission.Dial(ctx, cfg)
	if !errors.Is(err, context.Canceled) { // the session ended: that says nothing of the server
		p.outages.note(endpoint{plat.Name, "submission"}, err)
	}
	if err != nil {
		return nil, err
	}
	err = c.Authenticate(ctx, submission.Credentials{User: s.name(secret.cred.Login), Secret: secret.cred.Secret.Reveal(),
		Token: secret.cred.Kind == seal.KindToken, Mechanism: mechanism(s.Auth), NoScram: s.scramless(time.Now())})
	if err != nil {
		c.Close()
		if e := (*submission.Error)(nil); errors.As(err, &e) && e.BadCredentials() {
			_ = p.unsent.add(g.box) // for its pause alone
			return nil, errNoSubmission
		}
		return nil, err
	}
	p.unsent.forget(g.box)
	if c.ScramRefused() {
		s.noScram.Store(time.Now().Add(scramPause).UnixNano())
	}
	return c, nil
}

// errNoSubmission is of a submission server that does not take what the imap
// server took. It may be wrong there; asking on would lock the person out.
var errNoSubmission = ipc.Errorf(ipc.CodeUnavailable, "the submission server does not accept the sign-in")

func security(tls string) submission.Security {
	switch tls {
	case "starttls":
		return submission.StartTLS
	case "none":
		return submission.Plain
	}
	return submission.ImplicitTLS
}

// scramless says that SCRAM was refused lately where a password was right: the
// server keeps passwords in a form that it cannot use, and would count each of our
// mails as a guess.
func (s *service) scramless(now time.Time) bool { return now.UnixNano() < s.noScram.Load() }

// mechanism forces what the operator configured; plain leaves the choice between
// SCRAM-SHA-256, PLAIN and LOGIN, in this order, to what the server offers.
func mechanism(auth string) submission.Mechanism {
	switch auth {
	case "scram-sha-256":
		return submission.MechScram
	case "login":
		return submission.MechLogin
	case "oauthbearer":
		return submission.MechOAuthBearer
	case "xoauth2":
		return submission.MechXOAuth2
	}
	return ""
}

// submitError puts a failure into the words of ipc.Submitted's contract.
func submitError(err error) error {
	var e *submission.Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Outcome == submission.Uncertain:
		return ipc.Errorf(ipc.CodeUncertain, "the connection broke after the mail was handed over")
	case e.Outcome == submission.Refused && !e.Temporary:
		return ipc.Errorf(ipc.CodeRefused, "%s", replyText(e.Reply))
	case e.Outcome == submission.NotSent && impossible(e):
		return ipc.Errorf(ipc.CodeRefused, "%s", clip(e.Err.Error()))
	case errors.Is(e, submission.ErrEnvelope):
		return ipc.Errorf(ipc.CodeInvalid, "%s", clip(e.Err.Error()))
	case e.Reply.Code != 0:
		return ipc.Errorf(ipc.CodeUnavailable, "%s", clip("the submission server cannot take mail now: "+replyText(e.Reply)))
	default:
		return ipc.Errorf(ipc.CodeUnavailable, "the submission server is away")
	}
}

// impossible says that this server will never take this mail. The cause names
// sizes and extensions, no address.
func impossible(e *submission.Error) bool {
	for _, cause := range []error{submission.ErrTooLarge, submission.ErrNeedUTF8, submission.ErrNeed8Bit, submission.ErrNeedRequireTLS,
		submission.ErrNeedRelease, submission.ErrHoldTooLong} {
		if errors.Is(e, cause) {
			return true
		}
	}
	return false
}
