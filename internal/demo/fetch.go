package demo

import (
	"bufio"
	"bytes"
	"io"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-message/textproto"
)

// Fetch writes parts of mails. The account is not locked while writing: the
// mails were picked before, and their bytes never change.
func (s *session) Fetch(w *imapserver.FetchWriter, set imap.NumSet, o *imap.FetchOptions) error {
	s.acct.mu.Lock()
	picked := s.view.pick(set)
	markSeen := !s.view.readOnly && slices.ContainsFunc(o.BodySection, func(b *imap.FetchItemBodySection) bool { return !b.Peek })
	if markSeen && !s.view.box.dead {
		for i, n := range picked {
			flags, err := cleanFlags(append(slices.Clone(n.flags), imap.FlagSeen))
			if err == nil {
				err = s.acct.setFlags(s.view.box, n.index, flags, nil)
			}
			if err != nil {
				s.acct.mu.Unlock()
				return err
			}
			picked[i].flags = flags
		}
	}
	s.acct.mu.Unlock()
	needBody := o.Envelope || o.BodyStructure != nil || len(o.BodySection)+len(o.BinarySection)+len(o.BinarySectionSize) > 0
	for _, n := range picked {
		var body []byte
		var err error
		if needBody {
			if body, err = s.acct.read(n.mail); err != nil {
				return err
			}
		}
		if err := fetchOne(w.CreateMessage(n.seq), n, body, o); err != nil {
			return err
		}
	}
	return nil
}

func fetchOne(w *imapserver.FetchResponseWriter, n numbered, body []byte, o *imap.FetchOptions) error {
	w.WriteUID(n.mail.uid)
	if o.Flags {
		w.WriteFlags(n.flags)
	}
	if o.InternalDate {
		w.WriteInternalDate(n.mail.date)
	}
	if o.RFC822Size {
		w.WriteRFC822Size(n.mail.size)
	}
	if o.Envelope {
		w.WriteEnvelope(envelope(body))
	}
	if o.BodyStructure != nil {
		w.WriteBodyStructure(structure(body))
	}
	for _, sec := range o.BodySection {
		part := imapserver.ExtractBodySection(bytes.NewReader(body), sec)
		if err := writeAll(w.WriteBodySection(sec, int64(len(part))), part); err != nil {
			return err
		}
	}
	for _, sec := range o.BinarySection {
		part := imapserver.ExtractBinarySection(bytes.NewReader(body), sec)
		if err := writeAll(w.WriteBinarySection(sec, int64(len(part))), part); err != nil {
			return err
		}
	}
	for _, sec := range o.BinarySectionSize {
		w.WriteBinarySectionSize(sec, imapserver.ExtractBinarySectionSize(bytes.NewReader(body), sec))
	}
	return w.Close()
}

func writeAll(w io.WriteCloser, p []byte) error {
	if _, err := w.Write(p); err != nil {
		return err
	}
	return w.Close()
}

func envelope(body []byte) *imap.Envelope {
	h, err := textproto.ReadHeader(bufio.NewReader(bytes.NewReader(body)))
	if err != nil {
		return nil
	}
	return imapserver.ExtractEnvelope(h)
}

// structure is the library's, mended where it cannot be written: a multipart
// without parts has no form in IMAP and is shown as text, as it reads.
func structure(body []byte) imap.BodyStructure {
	return mend(imapserver.ExtractBodyStructure(bytes.NewReader(body)))
}

func mend(bs imap.BodyStructure) imap.BodyStructure {
	switch bs := bs.(type) {
	case *imap.BodyStructureMultiPart:
		if len(bs.Children) == 0 {
			return emptyText()
		}
		for i, c := range bs.Children {
			bs.Children[i] = mend(c)
		}
	case *imap.BodyStructureSinglePart:
		if bs.MessageRFC822 != nil {
			bs.MessageRFC822.BodyStructure = mend(bs.MessageRFC822.BodyStructure)
		}
		// No Content-Type, or one that cannot be read: RFC 2045, section 5.2.
		if bs.Type == "" || bs.Subtype == "" {
			bs.Type, bs.Subtype = "text", "plain"
			bs.Text = &imap.BodyStructureText{}
		}
	}
	return bs
}

func emptyText() imap.BodyStructure {
	return &imap.BodyStructureSinglePart{
		Type: "text", Subtype: "plain", Text: &imap.BodyStructureText{}, Extended: &imap.BodyStructureSinglePartExt{},
	}
}
