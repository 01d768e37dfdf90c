package doctor

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Print writes findings for a person: one paragraph each, with what the check is
// for and what to do only where something is not well.
func Print(w io.Writer, list []Finding) error {
	var b bytes.Buffer
	width := 0
	for _, f := range list {
		width = max(width, len(f.Check))
	}
	count := map[Result]int{}
	for _, f := range list {
		count[f.Result]++
		indent := "\n" + strings.Repeat(" ", 6+width+2)
		fmt.Fprintf(&b, "%-4s  %-*s  %s\n", f.Result, width, f.Check, strings.ReplaceAll(f.Found, "\n", indent))
		if f.Result == OK {
			continue
		}
		fmt.Fprintf(&b, "%swhy: %s\n", indent[1:], f.About)
		if f.Advice != "" {
			fmt.Fprintf(&b, "%sdo:  %s\n", indent[1:], strings.ReplaceAll(f.Advice, "\n", indent+"     "))
		}
	}
	fmt.Fprintf(&b, "\n%d ok, %d warn, %d fail\n", count[OK], count[Warn], count[Fail])
	_, err := w.Write(b.Bytes())
	return err
}
