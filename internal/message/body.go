package message

import "strings"

// Bodies are the three views of a structure (RFC 8621, section 4.1.4).
type Bodies struct {
	Text        []*Part // textBody
	HTML        []*Part // htmlBody
	Attachments []*Part // attachments, depth first
}

// Decompose sorts the parts of a structure into what is shown and what is
// attached. It looks at the structure alone, so it gives the same for a tree
// from Parse and one from a BODYSTRUCTURE.
func Decompose(root *Part) Bodies {
	text, html := &[]*Part{}, &[]*Part{}
	decompose([]*Part{root}, "mixed", false, html, text)
	b := Bodies{Text: *text, HTML: *html, Attachments: []*Part{}}
	inText, inHTML := partSet(b.Text), partSet(b.HTML)
	root.Walk(func(p *Part) {
		if p.IsMultipart() {
			return
		}
		// The definition of the attachments property, rather than the pushes of
		// the suggested algorithm, which lists an image twice where an
		// alternative has only an HTML side.
		if !inText[p] && !inHTML[p] || isMedia(p.Type) && !(inText[p] && inHTML[p]) {
			b.Attachments = append(b.Attachments, p)
		}
	})
	return b
}

func partSet(list []*Part) map[*Part]bool {
	m := make(map[*Part]bool, len(list))
	for _, p := range list {
		m[p] = true
	}
	return m
}

func isMedia(t string) bool {
	return hasPrefix(t, "image/") || hasPrefix(t, "audio/") || hasPrefix(t, "video/")
}

// decompose is the algorithm that RFC 8621 suggests; a nil list stands for its
// null.
func decompose(parts []*Part, multipartType string, inAlternative bool, html, text *[]*Part) {
	textLen, htmlLen := listLen(text), listLen(html)
	for i, p := range parts {
		switch {
		case p.IsMultipart():
			sub := p.Type[len("multipart/"):]
			decompose(p.SubParts, sub, inAlternative || sub == "alternative", html, text)
		case !isInline(p, i, multipartType):
		case multipartType == "alternative":
			switch p.Type {
			case "text/plain":
				push(text, p)
			case "text/html":
				push(html, p)
			}
		default:
			if inAlternative && p.Type == "text/plain" {
				html = nil
			}
			if inAlternative && p.Type == "text/html" {
				text = nil
			}
			push(text, p)
			push(html, p)
		}
	}
	if multipartType != "alternative" || text == nil || html == nil {
		return
	}
	switch newText, newHTML := len(*text) > textLen, len(*html) > htmlLen; {
	case newHTML && !newText:
		*text = append(*text, (*html)[htmlLen:]...)
	case newText && !newHTML:
		*html = append(*html, (*text)[textLen:]...)
	}
}

func push(list *[]*Part, p *Part) {
	if list != nil {
		*list = append(*list, p)
	}
}

func listLen(list *[]*Part) int {
	if list == nil {
		return -1
	}
	return len(*list)
}

// isInline says whether a leaf is shown as body.
func isInline(p *Part, i int, multipartType string) bool {
	if p.Disposition == "attachment" {
		return false
	}
	if p.Type != "text/plain" && p.Type != "text/html" && !isMedia(p.Type) {
		return false
	}
	return i == 0 || multipartType != "related" && (isMedia(p.Type) || p.Name == "")
}

// HasAttachment says whether a person would look for something to download. Of
// the attachments it leaves out what is not marked "attachment" and is either
// inline, handled by the reader itself (signatures, the control parts of
// encryption, other versions of the text) or a picture in an HTML body.
func HasAttachment(root *Part) bool {
	quiet := quietParts(root)
	for _, p := range Decompose(root).Attachments {
		if p.Disposition == "inline" || quiet[p] {
			continue
		}
		return true
	}
	return false
}

// quietParts are the leaves that their place in the structure explains.
func quietParts(root *Part) map[*Part]bool {
	quiet := map[*Part]bool{}
	root.Walk(func(m *Part) {
		for _, p := range m.SubParts {
			if isQuiet(m.Type, p) {
				quiet[p] = true
			}
		}
	})
	return quiet
}

func isQuiet(multipart string, p *Part) bool {
	switch p.Type {
	case "application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature":
		return multipart == "multipart/signed"
	case "application/pgp-encrypted":
		return multipart == "multipart/encrypted"
	}
	switch multipart {
	case "multipart/alternative":
		return p.Disposition != "attachment" && strings.HasPrefix(p.Type, "text/")
	case "multipart/related":
		return p.Disposition != "attachment" && p.CID != "" && isMedia(p.Type)
	case "multipart/encrypted":
		return p.Disposition != "attachment" && p.Type == "application/octet-stream"
	}
	return false
}

// Bodies are the views of the message.
func (m *Message) Bodies() Bodies { return Decompose(m.Body) }

// HasAttachment is the property of that name.
func (m *Message) HasAttachment() bool { return HasAttachment(m.Body) }
