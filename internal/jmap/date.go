package jmap

import "time"

// Date is a date-time with an offset as it was written (RFC 8620, section 1.4).
// The zero value stands for null.
type Date struct{ time.Time }

// AppendDate appends t with its own offset, without quotes: RFC 3339, "T" and
// "Z" in upper case, fractions only when they are not zero (RFC 8620, section
// 1.4).
func AppendDate(dst []byte, t time.Time) []byte {
	return t.AppendFormat(dst, "2006-01-02T15:04:05.999999999Z07:00")
}

// AppendUTCDate appends t in UTC, without quotes (RFC 8620, section 1.4).
func AppendUTCDate(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.999999999Z")
}

// ParseDate reads a Date by the stricter rule of RFC 8620, section 1.4: letters
// in upper case, and no fraction that is zero.
func ParseDate(s string) (time.Time, bool) {
	if len(s) < len("2006-01-02T15:04:05Z") || s[10] != 'T' {
		return time.Time{}, false
	}
	for i := 0; i < len(s); i++ {
		if s[i] == 't' || s[i] == 'z' || s[i] == ',' {
			return time.Time{}, false
		}
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || s[19] == '.' && t.Nanosecond() == 0 {
		return time.Time{}, false
	}
	return t, true
}

// ParseUTCDate reads a UTCDate: a Date whose offset is written "Z" (RFC 8620,
// section 1.4).
func ParseUTCDate(s string) (time.Time, bool) {
	if len(s) == 0 || s[len(s)-1] != 'Z' {
		return time.Time{}, false
	}
	return ParseDate(s)
}
