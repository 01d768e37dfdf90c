package message

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHeader(t *testing.T) {
	h := ParseHeader([]byte("From nobody Mon Jan 1\r\nSubject: one\r\nsubject:two\r\n folded\r\nX-Odd : x\r\nno colon here\r\nNul:a\x00b\r\nBad:\xff\xfe!\r\n\r\nBody: no\r\n"))
	want := Header{
		{"Subject", " one"}, {"subject", "two\r\n folded"}, {"X-Odd", " x"}, {"Nul", "a\x00b"}, {"Bad", "\xff\xfe!"},
	}
	if d := cmp.Diff(want, h); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if f, _ := h.Last("SUBJECT"); f.Raw() != "two\r\n folded" {
		t.Errorf("last: %q", f.Raw())
	}
	if f, _ := h.First("subject"); f.Value != " one" {
		t.Errorf("first: %q", f.Value)
	}
	if n := len(h.All("Subject")); n != 2 {
		t.Errorf("all: %d", n)
	}
	if f, _ := h.Last("Nul"); f.Raw() != "ab" {
		t.Errorf("NUL stays: %q", f.Raw())
	}
	if f, _ := h.Last("Bad"); f.Raw() != "\uFFFD!" {
		t.Errorf("bad bytes: %q", f.Raw())
	}
}

func TestHeaderLineEnds(t *testing.T) {
	for _, end := range []string{"\r\n", "\n", "\r"} {
		raw := strings.ReplaceAll("Subject: a\nTo: b\n\nbody\n", "\n", end)
		m := Parse([]byte(raw))
		if len(m.Header) != 2 || m.Header.Text("To") != "b" {
			t.Errorf("with %q: %q", end, m.Header)
		}
		if v := m.Body.Value(0).Value; v != "body\n" {
			t.Errorf("with %q: body %q", end, v)
		}
	}
}

func TestHeaderLimits(t *testing.T) {
	many := Parse([]byte(strings.Repeat("A: b\r\n", MaxHeaderFields+10) + "\r\nbody"))
	if len(many.Header) != MaxHeaderFields {
		t.Errorf("%d fields", len(many.Header))
	}
	if v := many.Body.Value(0).Value; v != "body" {
		t.Errorf("body after too many fields: %q", v)
	}
	long := Parse([]byte("A: b\r\nX: " + strings.Repeat("x", MaxHeaderBytes) + "\r\nC: d\r\n\r\nbody"))
	if len(long.Header) != 1 || long.Body.Value(0).Value != "body" {
		t.Errorf("%d fields, body %q", len(long.Header), long.Body.Value(0).Value)
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{" plain", "plain"},
		{" folded\r\n\tline", "folded\tline"},
		{" =?utf-8?Q?caf=C3=A9?= x", "café x"},
		{" =?UTF-8?B?Y2Fmw6k=?=", "café"},
		{" =?UTF-8?B?Y2Fmw6k?=", "café"}, // padding lost
		{" =?iso-8859-1?q?caf=E9_au?= =?iso-8859-1?q?_lait?=", "café au lait"},
		{" =?utf-8?B?4oI=?= =?utf-8?B?rA==?=", "€"}, // a character split over two words
		{" =?us-ascii*en?Q?hi?=", "hi"},
		{" a=?utf-8?Q?b?=", "a=?utf-8?Q?b?="}, // placement
		{" =?utf-8?Q?b?=c", "=?utf-8?Q?b?=c"},
		{" =?utf-8?Q?a b?=", "=?utf-8?Q?a b?="},         // white space in the word
		{" =?x-none-such?Q?b?=", "=?x-none-such?Q?b?="}, // unknown charset
		{" =?utf-8?X?b?=", "=?utf-8?X?b?="},
		{" =?utf-8?Q?a=00b=07c=0Ad?=", "abcd"},     // encoded controls are dropped
		{" a\x00\x17b \xc3\xa9\tc", "a\x17b é\tc"}, // and no others but NUL
		{" =?utf-8?Q?=FF?=", "\uFFFD"},
		{" =?utf-8?Q?A=CC=8A?=", "Å"}, // NFC
		{" =?ISO-2022-JP?B?GyRCRnxLXDhsGyhC?=", "日本語"},
		{" =?gb2312?B?xOO6ww==?=", "你好"},
		{" =?koi8-r?B?8NLJ18XU?=", "Привет"},
		{" =?unicode-1-1-utf-7?Q?+AOk-t?=", "ét"},
		{" raw \xc3\xa9", "raw é"},
		{" raw \xe9", "raw é"}, // windows-1252 by guess
		{" \x1b$BF|K\\8l\x1b(B", "日本語"},
		{" =?iso-8859-1?Q?Fr\xf6sche?=", "Frösche"}, // encoded word with a raw byte
		{"", ""},
	} {
		if got := (Field{Value: c.in}).Text(); got != c.want {
			t.Errorf("Text(%q) = %q, want %q", c.in, got, c.want)
		}
	}
	if got := DecodeText(" \xcf\xf0\xe8\xe2\xe5\xf2", "windows-1251"); got != "Привет" {
		t.Errorf("with a hint: %q", got)
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		in   string
		want string // name <email>, with "|" between, groups as name:[...]
	}{
		// RFC 8621, sections 4.1.2.3 and 4.1.2.4.
		{`"  James Smythe" <james@example.com>, Friends:` + "\r\n" + `  jane@example.com, =?UTF-8?Q?John_Sm=C3=AEth?=` + "\r\n" + `  <john@example.com>;`,
			`:[James Smythe <james@example.com>] Friends:[<jane@example.com>|John Smîth <john@example.com>]`},
		{"a@b.c", ":[<a@b.c>]"},
		{"a@b.c (Al Bert)", ":[Al Bert <a@b.c>]"},
		{"(Al) <a@b.c>", ":[Al <a@b.c>]"},
		{`"Doe, John" <j@d.e>; x@y.z`, ":[Doe, John <j@d.e>|<x@y.z>]"},
		{"<@r1,@r2:u@h.i>", ":[<u@h.i>]"},
		{"undisclosed-recipients:;", "undisclosed-recipients:[]"},
		{"half", ":[<half>]"},
		{"Half Typed", ":[<Half Typed>]"},
		{"Name <", ":[Name <>]"},
		{`"open quote <a@b.c>`, `:["open quote <a@b.c>]`},
		{`"a \"b\" c" <a@b.c>`, `:[a "b" c <a@b.c>]`},
		{"u . v @ w . x", ":[<u.v@w.x>]"},
		{"a@b.c (one) , d@e.f", ":[one <a@b.c>|<d@e.f>]"},
		{`"=?utf-8?Q?J=C3=B6rg?=" <j@x.y>`, ":[Jörg <j@x.y>]"},
		{`=?utf-8?Q?Doe,_J=C3=B6rg?= <j@x.y>, k@x.y`, ":[Doe, Jörg <j@x.y>|<k@x.y>]"},
		{`=?utf-8?Q?=C3=84?= =?utf-8?Q?_b?= c <j@x.y>`, ":[Ä b c <j@x.y>]"},
		{`x@[127.0.0.1]`, ":[<x@[127.0.0.1]>]"},
		{`"a b"@c.d`, `:[<"a b"@c.d>]`},
		{"J\xf6rg <j@x.y>", ":[Jörg <j@x.y>]"},
		{"jörg@exämple.de", ":[<jörg@exämple.de>]"},
		{"a <b@c> <d@e>", ":[a<b@c> <d@e>]"},
		{",,;, ,", ""},
		{"", ""},
	} {
		var got strings.Builder
		for i, g := range ParseGroups(c.in) {
			if i > 0 {
				got.WriteByte(' ')
			}
			var list []string
			for _, a := range g.Addresses {
				list = append(list, strings.TrimSpace(fmt.Sprintf("%s <%s>", a.Name, a.Email)))
			}
			fmt.Fprintf(&got, "%s:[%s]", g.Name, strings.Join(list, "|"))
		}
		if strings.ReplaceAll(got.String(), "a <b@c> ", "a<b@c> ") != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.in, got.String(), c.want)
		}
	}
}

func TestAddressLimit(t *testing.T) {
	if n := len(ParseAddresses(strings.Repeat("a@b,", MaxAddresses+10))); n != MaxAddresses {
		t.Errorf("%d addresses", n)
	}
}

func TestMessageIDs(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{" <a@b>", []string{"a@b"}},
		{" <a@b>\r\n <c@d> (note <x>)<e@f>", []string{"a@b", "c@d", "e@f"}},
		{" Your mail of Monday <a@b>", []string{"a@b"}},
		{" <a\r\n b@c>", []string{"ab@c"}},
		{" <<a@b>>", []string{"a@b"}},
		{" a@b", nil}, {" <a@b", nil}, {" <>", nil}, {"", nil},
	} {
		if d := cmp.Diff(c.want, ParseMessageIDs(c.in)); d != "" {
			t.Errorf("%q (-want +got):\n%s", c.in, d)
		}
	}
	ids := ParseMessageIDs(strings.Repeat("<m@x>", MaxMessageIDs) + "<last@x>")
	if len(ids) != MaxMessageIDs || ids[len(ids)-1] != "last@x" {
		t.Errorf("%d ids, last %q", len(ids), ids[len(ids)-1])
	}
}

func TestURLs(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{" <mailto:a@b>", []string{"mailto:a@b"}},
		{" <http://x/(y)>,\r\n (or by mail) <mailto:a@b?subject=u>", []string{"http://x/(y)", "mailto:a@b?subject=u"}},
		{" <http://x/\r\n y>", []string{"http://x/y"}},
		{" <a> junk <b>", []string{"a"}},
		{" NO", nil}, {"", nil}, {" <a", nil},
	} {
		if d := cmp.Diff(c.want, ParseURLs(c.in)); d != "" {
			t.Errorf("%q (-want +got):\n%s", c.in, d)
		}
	}
}

func TestDate(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{" Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T09:55:06-06:00"},
		{"21 Nov 97 09:55 GMT", "1997-11-21T09:55:00Z"},
		{"Thu,\r\n 13\r\n Feb\r\n 1969\r\n 23:32\r\n -0330 (Newfoundland Time)", "1969-02-13T23:32:00-03:30"},
		{"Fri, 21 Nov 02 09:55:06 EST", "2002-11-21T09:55:06-05:00"},
		{"Fri, 21 Nov 102 09:55:06 PDT", "2002-11-21T09:55:06-07:00"},
		{"Fri Nov 21 09:55:06 1997", "1997-11-21T09:55:06Z"},
		{"Fri Nov 21 09:55:06 CET 1997", "1997-11-21T09:55:06+01:00"},
		{"1997-11-21T09:55:06+02:00", "1997-11-21T09:55:06+02:00"},
		{"1997-11-21 09:55:06 +0200", "1997-11-21T09:55:06+02:00"},
		{"21-Nov-1997 09:55:06 +0200", "1997-11-21T09:55:06+02:00"},
		{"21 November 1997, 9:55 PM", "1997-11-21T21:55:00Z"},
		{"Fri, 21 Nov 1997 09:55:06 GMT+0200", "1997-11-21T09:55:06+02:00"},
		{"Fri, 21 Nov 1997 09:55:06 K", "1997-11-21T09:55:06Z"},
		{"Fri, 21 Nov 1997 23:59:60 +0000", "1997-11-21T23:59:59Z"},
		{"Fri, 31 Feb 1997 09:55:06 +0000", ""},
		{"Fri, 21 Nov 1997", ""},
		{"Fri, 21 Nov 99999 09:55:06 +0000", ""},
		{"Wed, 17 Jul 0102 09:53:05 -0200", ""},
		{"yesterday", ""}, {"", ""},
		{"09:55:06 21-Nov-", ""}, {"09:55:06 21--1997", ""},
	} {
		got := ""
		if d, ok := ParseDate(c.in); ok {
			got = d.Format("2006-01-02T15:04:05Z07:00")
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.in, got, c.want)
		}
	}
}

func TestHeaderProperty(t *testing.T) {
	for _, c := range []struct {
		in   string
		want HeaderProperty
		ok   bool
	}{
		{"header:Subject", HeaderProperty{"Subject", FormRaw, false}, true},
		{"header:Subject:asText:all", HeaderProperty{"Subject", FormText, true}, true},
		{"header:X-Y:all", HeaderProperty{"X-Y", FormRaw, true}, true},
		{"header:X-Y:asURLs", HeaderProperty{"X-Y", FormURLs, false}, true},
		{"header:To:asGroupedAddresses", HeaderProperty{"To", FormGroupedAddresses, false}, true},
		{"header:From:asText", HeaderProperty{}, false},
		{"header:Received:asDate", HeaderProperty{}, false},
		{"header:Subject:all:asText", HeaderProperty{}, false},
		{"header:Subject:astext", HeaderProperty{}, false},
		{"header:", HeaderProperty{}, false},
		{"header:a b", HeaderProperty{}, false},
		{"subject", HeaderProperty{}, false},
	} {
		got, err := ParseHeaderProperty(c.in)
		if (err == nil) != c.ok || c.ok && got != c.want {
			t.Errorf("%q: %+v, %v", c.in, got, err)
		}
	}
}
