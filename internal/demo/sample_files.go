package demo

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	"image/png"
	"strings"
	"time"
)

// file is an attachment.
type file struct {
	name, kind string
	data       []byte
}

// sampleFile makes "png:dial.png" and the like; the same name gives the same bytes.
func sampleFile(spec string) (file, error) {
	kind, name, _ := strings.Cut(spec, ":")
	switch kind {
	case "png":
		return file{name, "image/png", picture(name)}, nil
	case "csv":
		return file{name, "text/csv", []byte(figures(name))}, nil
	case "pdf":
		return file{name, "application/pdf", document(name)}, nil
	case "zip":
		return file{name, "application/zip", archive(name)}, nil
	case "big":
		return file{name, "text/plain", diary()}, nil
	}
	return file{}, fmt.Errorf("unknown kind of attachment %q", spec)
}

func hashOf(s string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return h.Sum32()
}

// picture is a little landscape: sky, a disc, hills of three colours.
func picture(name string) []byte {
	const width, height = 160, 100
	seed := hashOf(name)
	shade := func(n uint32) color.Color {
		v := seed >> (n % 16)
		return color.RGBA{uint8(64 + v%160), uint8(64 + v/7%160), uint8(96 + v/31%140), 255}
	}
	img := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{
		shade(0), color.RGBA{255, 236, 170, 255}, shade(3), shade(6), shade(9), color.RGBA{30, 36, 48, 255},
	})
	cx, cy, r := int(seed%100)+30, int(seed/9%30)+15, int(seed/5%10)+8
	for x := range width {
		var hills [4]int // where each begins in this column
		for k := range hills {
			slope := int(seed>>(4*k)%30) + 10
			hills[k] = 45 + 14*k + (x*slope/width)*((k%2)*2-1) + slope/3*((k+1)%2)
		}
		for y := range height {
			i := 0
			if (x-cx)*(x-cx)+(y-cy)*(y-cy) < r*r {
				i = 1
			}
			for k, top := range hills {
				if y > top {
					i = 2 + k
				}
			}
			img.Pix[y*img.Stride+x] = uint8(i)
		}
	}
	var b bytes.Buffer
	// Encoding into memory cannot fail for an image of this size.
	_ = png.Encode(&b, img)
	return b.Bytes()
}

func figures(name string) string {
	var b strings.Builder
	b.WriteString("no,name,value,note\n")
	seed := hashOf(name)
	for i := range 24 {
		seed = seed*1664525 + 1013904223
		note := [...]string{"", "estimated", "\"windy, from the west\"", "after tea"}[seed>>30]
		fmt.Fprintf(&b, "%d,%c-%d,%d.%02d,%s\n", i+1, 'A'+rune(seed>>20%26), i%7+1, seed>>8%900, seed%100, note)
	}
	return b.String()
}

// document is a PDF of one page with a correct cross-reference table.
func document(name string) []byte {
	text := fmt.Sprintf("BT /F1 24 Tf 72 720 Td (%s) Tj 0 -40 Td /F1 12 Tf (Kettlewick, with kind regards) Tj ET",
		strings.TrimSuffix(name, ".pdf"))
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(text), text),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var offsets []int
	for i, o := range objects {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return b.Bytes()
}

func archive(name string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range []struct{ name, text string }{
		{"readme.txt", "Fold along the dotted lines. The cat goes in last.\n"}, {"plan.csv", figures(name)},
	} {
		// Writing into memory cannot fail.
		if e, err := w.Create(f.name); err == nil {
			_, _ = e.Write([]byte(f.text))
		}
	}
	_ = w.Close()
	return b.Bytes()
}

// diary is a megabyte of a camera that watches a coot.
func diary() []byte {
	var b bytes.Buffer
	b.Grow(1<<20 + 100)
	events := [...]string{"nothing", "nothing", "nothing", "a ripple", "nothing", "the coot looks left", "nothing", "the coot looks right"}
	for i := 0; b.Len() < 1<<20; i++ {
		fmt.Fprintf(&b, "%02d:%02d:%02d camera 1 reports %s\n", i/3600%24, i/60%60, i%60, events[i*7%len(events)])
	}
	b.WriteString("06:12:09 camera 1 reports a foot\n")
	return b.Bytes()
}

// calendar is an iTIP message (RFC 5546) about an event some days after now.
func calendar(method, event, organizer, attendee string, now time.Time) []byte {
	when := now.AddDate(0, 0, 9).UTC().Truncate(24 * time.Hour).Add(17 * time.Hour)
	summary, place := "Unveiling of the tide clock", "Harbour Office, Kettlewick"
	if event == "dome" {
		when, summary, place = when.AddDate(0, 0, 3), "First light party", "Small Dome"
	}
	status := "NEEDS-ACTION;RSVP=TRUE"
	if method == "REPLY" {
		status = "ACCEPTED"
	}
	const stamp = "20060102T150405Z"
	lines := []string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Kettlewick//Sample//EN", "METHOD:" + method, "BEGIN:VEVENT",
		"UID:" + event + "-1@kettlewick.example", "DTSTAMP:" + now.UTC().Format(stamp), "DTSTART:" + when.Format(stamp),
		"DTEND:" + when.Add(2*time.Hour).Format(stamp), "SUMMARY:" + summary, "LOCATION:" + strings.ReplaceAll(place, ",", `\,`),
		"ORGANIZER:mailto:" + organizer, "ATTENDEE;PARTSTAT=" + status + ":mailto:" + attendee, "SEQUENCE:0", "END:VEVENT", "END:VCALENDAR",
	}
	return []byte(strings.Join(lines, "\r\n") + "\r\n")
}
