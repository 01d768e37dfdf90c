package message

import (
	"strconv"
	"strings"
	"time"
)

// Date is the Date form (RFC 8621, section 4.1.2.6); ok is false for null.
func (f Field) Date() (time.Time, bool) { return ParseDate(f.Value) }

// ParseDate reads a date-time (RFC 5322, section 3.3, with the obsolete forms of
// 4.3) and, since they occur, asctime and ISO 8601 dates. Its zone is kept as an
// offset; an unknown one is UTC. Years before 1900, which the grammar excludes, and
// after 9999 are no date: the JSON form has four digits.
func ParseDate(value string) (time.Time, bool) {
	s := strings.TrimSpace(stripComments(dropControls(unfold(value))))
	if t, err := time.Parse(time.RFC3339, s); err == nil && validYear(t) {
		return t, true
	}
	d := dateParser{words: dateWords(s)}
	t, ok := d.parse()
	if !ok || !validYear(t) {
		return time.Time{}, false
	}
	return t, true
}

func validYear(t time.Time) bool {
	return t.Year() >= 1900 && t.Year() <= 9999 && t.UTC().Year() <= 9999
}

// dateWords cuts at white space, commas and dashes between date numbers, but not
// at a zone's sign.
func dateWords(s string) []string {
	words := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' })
	if len(words) > 20 {
		words = words[:20]
	}
	var out []string
	for _, w := range words {
		// "12-Jan-2001" and "2001-01-12" are cut, "-0500" is not.
		if strings.Count(w, "-") == 2 && w[0] != '-' {
			out = append(out, strings.FieldsFunc(w, func(r rune) bool { return r == '-' })...) // no word is empty
			continue
		}
		out = append(out, w)
	}
	return out
}

// dateParser sorts words by what they look like, since their order is what
// broken senders get wrong.
type dateParser struct {
	words []string

	day, year int
	month     time.Month
	clock     clock
	zone      *time.Location
	numbers   []int
	afternoon int // 1 AM, 2 PM
}

type clock struct {
	hour, min, sec int
	set            bool
}

func (d *dateParser) parse() (time.Time, bool) {
	for _, w := range d.words {
		d.word(w)
	}
	if !d.assign() || !d.clock.set {
		return time.Time{}, false
	}
	switch {
	case d.afternoon == 2 && d.clock.hour < 12:
		d.clock.hour += 12
	case d.afternoon == 1 && d.clock.hour == 12:
		d.clock.hour = 0
	}
	zone := d.zone
	if zone == nil {
		zone = time.UTC
	}
	t := time.Date(d.year, d.month, d.day, d.clock.hour, d.clock.min, d.clock.sec, 0, zone)
	return t, t.Day() == d.day // refuses the 31st of February
}

// word files one word.
func (d *dateParser) word(w string) {
	switch {
	case strings.Count(w, ":") >= 1 && !d.clock.set:
		d.time(w)
	case d.month == 0 && monthOf(w) != 0:
		d.month = monthOf(w)
	case d.clock.set && d.zone == nil && zoneOf(w) != nil:
		d.zone = zoneOf(w)
	case strings.EqualFold(w, "am"):
		d.afternoon = 1
	case strings.EqualFold(w, "pm"):
		d.afternoon = 2
	default:
		if n, err := strconv.Atoi(strings.TrimRight(w, ".thsndr")); err == nil && n >= 0 && len(d.numbers) < 3 && w[0] != '+' {
			d.numbers = append(d.numbers, n*16+min(len(w), 15))
		}
	}
}

// assign gives the numbers their meaning: year first when it has four digits,
// else day, month (if it had no name), year.
func (d *dateParser) assign() bool {
	n := d.numbers
	val := func(i int) int { return n[i] / 16 }
	width := func(i int) int { return n[i] % 16 }
	switch {
	case d.month == 0 && len(n) == 3 && width(0) == 4: // 2001-01-12
		d.year, d.month, d.day = val(0), time.Month(val(1)), val(2)
		return d.month >= 1 && d.month <= 12
	case d.month != 0 && len(n) >= 2 && width(0) == 4:
		d.year, d.day = val(0), val(1)
		return true
	case d.month != 0 && len(n) >= 2:
		d.day, d.year = val(0), fullYear(val(1), width(1))
		return true
	}
	return false
}

// fullYear is RFC 5322, section 4.3.
func fullYear(y, width int) int {
	switch {
	case width <= 2 && y < 50:
		return y + 2000
	case width <= 3:
		return y + 1900
	}
	return y
}

// time reads "12:34", "12:34:56", "12:34:56.789", with a zone stuck to it.
func (d *dateParser) time(w string) {
	end := 0
	for end < len(w) && (w[end] >= '0' && w[end] <= '9' || w[end] == ':' || w[end] == '.') {
		end++
	}
	rest := w[end:]
	w, _, _ = strings.Cut(w[:end], ".")
	parts := strings.Split(w, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return
	}
	var v [3]int
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil {
			return
		}
		v[i] = n
	}
	if v[0] > 23 || v[1] > 59 || v[2] > 60 {
		return
	}
	// RFC 5322 allows a leap second; Date forms elsewhere do not all.
	d.clock = clock{v[0], v[1], min(v[2], 59), true}
	switch {
	case strings.EqualFold(rest, "am"):
		d.afternoon = 1
	case strings.EqualFold(rest, "pm"):
		d.afternoon = 2
	case rest != "":
		d.zone = zoneOf(rest)
	}
}

func monthOf(w string) time.Month {
	if len(w) < 3 {
		return 0
	}
	for m := time.January; m <= time.December; m++ {
		name := m.String()
		if strings.EqualFold(w[:3], name[:3]) && (len(w) == 3 || len(w) <= len(name)+1 && strings.EqualFold(strings.TrimRight(w, "."), name[:min(len(name), len(strings.TrimRight(w, ".")))])) {
			return m
		}
	}
	return 0
}

// zoneOf reads "+0200", "-05:00", "GMT+2", "EST". Letters that are no zone of RFC
// 5322 are "-0000": nothing is known.
func zoneOf(w string) *time.Location {
	upper := strings.ToUpper(w)
	for _, prefix := range []string{"GMT", "UTC", "UT", "Z"} {
		if rest, ok := strings.CutPrefix(upper, prefix); ok && rest != "" && (rest[0] == '+' || rest[0] == '-') {
			upper = rest
		}
	}
	if hours, ok := namedZones[upper]; ok {
		return offsetZone(hours * 60)
	}
	if upper[0] == '+' || upper[0] == '-' {
		return numericZone(upper)
	}
	if len(upper) == 1 && upper[0] >= 'A' && upper[0] <= 'Z' {
		return time.UTC
	}
	return nil
}

// namedZones are those of RFC 5322, section 4.3, and the European ones that
// senders write.
var namedZones = map[string]int{
	"UT": 0, "GMT": 0, "UTC": 0, "Z": 0,
	"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
	"WET": 0, "WEST": 1, "BST": 1, "CET": 1, "MET": 1, "CEST": 2, "MEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "JST": 9, "KST": 9,
}

func numericZone(s string) *time.Location {
	digits := strings.ReplaceAll(s[1:], ":", "")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return time.UTC
	}
	minutes := n/100*60 + n%100
	if len(digits) <= 2 {
		minutes = n * 60
	}
	if minutes >= 24*60 || n%100 > 59 && len(digits) > 2 {
		return time.UTC
	}
	if s[0] == '-' {
		minutes = -minutes
	}
	return offsetZone(minutes)
}

func offsetZone(minutes int) *time.Location {
	if minutes == 0 {
		return time.UTC
	}
	return time.FixedZone("", minutes*60)
}
