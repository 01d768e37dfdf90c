package search

import (
	"math"
	"strconv"
	"strings"
	"time"

	"cofferdam/internal/jmap"
)

// period is a day, a month or a year in the person's time zone.
type period struct{ from, to time.Time } // half open

// readPeriod reads 2026-03-01, 2026-03 or 2026, also with "/"; 1.3.2026, which
// everybody who writes dots reads in this order; today and yesterday. 3/1/2026 means
// different days to different people, so it is not understood.
func readPeriod(s string, env *Env) (period, bool) {
	now := env.Now
	switch strings.ToLower(s) {
	case "today":
		return dayOf(now), true
	case "yesterday":
		return dayOf(time.Date(now.Year(), now.Month(), now.Day()-1, 0, 0, 0, 0, now.Location())), true
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == '/' })
	if p := strings.Split(s, "."); len(p) == 3 && len(p[2]) == 4 {
		parts = []string{p[2], p[1], p[0]}
	}
	n := [3]int{0, 1, 1}
	for i, p := range parts {
		var ok bool
		if i == len(n) || i == 0 && len(p) != 4 || len(p) > 4 {
			return period{}, false
		}
		if n[i], ok = digits(p); !ok {
			return period{}, false
		}
	}
	from := time.Date(n[0], time.Month(n[1]), n[2], 0, 0, 0, 0, now.Location())
	if n[0] < 1000 || n[1] < 1 || n[1] > 12 || n[2] < 1 || n[2] > daysIn(n[0], n[1]) {
		return period{}, false
	}
	switch len(parts) {
	case 1:
		return period{from, from.AddDate(1, 0, 0)}, true
	case 2:
		return period{from, from.AddDate(0, 1, 0)}, true
	case 3:
		return dayOf(from), true
	}
	return period{}, false
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func dayOf(t time.Time) period {
	day := func(add int) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day()+add, 0, 0, 0, 0, t.Location())
	}
	return period{day(0), day(1)}
}

// digits reads a number without a sign.
func digits(s string) (int, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// between asks for mails received from from (zero: ever) until before to.
func between(from, to time.Time) *Filter {
	c := new(jmap.EmailCondition)
	if !from.IsZero() {
		c.After = from.UTC()
	}
	if !to.IsZero() {
		c.Before = to.UTC()
	}
	return &Filter{Leaf: c}
}

func before(value string, env *Env) *Filter {
	if p, ok := readPeriod(value, env); ok {
		return between(time.Time{}, p.from)
	}
	return nil
}

// after includes the day itself, as everywhere else.
func after(value string, env *Env) *Filter {
	if p, ok := readPeriod(value, env); ok {
		return between(p.from, time.Time{})
	}
	return nil
}

func on(value string, env *Env) *Filter {
	if p, ok := readPeriod(value, env); ok {
		return between(p.from, p.to)
	}
	return nil
}

// ago is the beginning of the day that lies so far back: 7d, 2w, 3m, 1y. Whole
// days keep a result the same all day.
func ago(value string, env *Env) (time.Time, bool) {
	if value == "" {
		return time.Time{}, false
	}
	last := len(value) - 1
	n, ok := digits(value[:last])
	if !ok || n > maxCount {
		return time.Time{}, false
	}
	day := dayOf(env.Now).from
	switch value[last] | 0x20 {
	case 'd':
		return day.AddDate(0, 0, -n), true
	case 'w':
		return day.AddDate(0, 0, -7*n), true
	case 'm':
		return day.AddDate(0, -n, 0), true
	case 'y':
		return day.AddDate(-n, 0, 0), true
	}
	return time.Time{}, false
}

func olderThan(value string, env *Env) *Filter {
	if t, ok := ago(value, env); ok {
		return between(time.Time{}, t)
	}
	return nil
}

func newerThan(value string, env *Env) *Filter {
	if t, ok := ago(value, env); ok {
		return between(t, time.Time{})
	}
	return nil
}

// readSize reads 500, 20k, 1.5M, 10mb or 1g: decimal units, as sizes are shown.
func readSize(s string) (uint64, bool) {
	s = strings.TrimSuffix(strings.ToLower(s), "b")
	unit := 1.0
	if s != "" {
		switch s[len(s)-1] {
		case 'k':
			unit = 1e3
		case 'm':
			unit = 1e6
		case 'g':
			unit = 1e9
		}
	}
	if unit > 1 {
		s = s[:len(s)-1]
	}
	if s == "" || strings.Trim(s, "0123456789.") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	if n = math.Round(n * unit); err != nil || n > maxSize {
		return 0, false
	}
	return uint64(n), true
}

func larger(value string, _ *Env) *Filter {
	n, ok := readSize(value)
	if !ok {
		return nil
	}
	return &Filter{Leaf: &jmap.EmailCondition{MinSize: n}}
}

func smaller(value string, _ *Env) *Filter {
	n, ok := readSize(value)
	if !ok {
		return nil
	}
	return &Filter{Leaf: &jmap.EmailCondition{MaxSize: &n}}
}
