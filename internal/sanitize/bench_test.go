package sanitize

import (
	"context"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

func BenchmarkHTMLSmall(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		HTML(context.Background(), "<p>Hello <b>world</b></p>", Options{})
	}
}

// BenchmarkHTMLMedian sanitises the mail of median size in email-html.
func BenchmarkHTMLMedian(b *testing.B) {
	files, _ := filepath.Glob(filepath.Join(corpusDir(b), "email-html", "files", "*.html"))
	var all []string
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, string(data))
	}
	sort.Slice(all, func(i, j int) bool { return len(all[i]) < len(all[j]) })
	src := all[len(all)/2]
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		HTML(context.Background(), src, testOptions)
	}
}

// BenchmarkHTML2MB is the newsletter of 2 MB that must stay under 150 ms.
func BenchmarkHTML2MB(b *testing.B) {
	src := newsletter(2 << 20)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if r := HTML(context.Background(), src, testOptions); r.IsText {
			b.Fatal(r.Findings.Fallback)
		}
	}
}

// newsletter makes HTML of about n bytes as newsletters are written.
func newsletter(n int) string {
	var b strings.Builder
	b.WriteString(`<!DOCTYPE html><html><head><style>.a td{padding:4px;color:#333}@media (max-width:600px){.a{width:100%!important}}</style></head><body bgcolor="#ffffff"><table class="a" width="600">`)
	row := `<tr><td align="center" valign="top" style="font-family:Arial,Helvetica,sans-serif;font-size:14px;line-height:20px;color:#333333;padding:10px 20px;"><a href="https://shop.example/item?id=1&amp;utm=x" style="color:#0066cc;text-decoration:none"><img src="https://img.example/i.png" width="200" height="100" alt="Item" border="0" style="display:block"></a><p>A short text that describes the item, with a <b>price</b>.</p></td></tr>`
	for b.Len() < n {
		b.WriteString(row)
	}
	b.WriteString("</table></body></html>")
	return b.String()
}
