package ijson

import (
	"errors"
	"strconv"
	"strings"
)

// ErrPointer says that a pointer is not well formed or points at nothing.
var ErrPointer = errors.New("pointer does not resolve")

// ErrBudget says that a pointer leads through more values than may be looked at.
var ErrBudget = errors.New("pointer leads through too many values")

// Resolve evaluates a JSON Pointer (RFC 6901) on v, with the addition of RFC
// 8620, section 3.7: on an array the token "*" applies the rest of the pointer
// to each item and returns the results in a new array, into which results that
// are arrays are flattened.
//
// Every "*" goes through what the ones before it found, so that a pointer of a few
// bytes can cost as much as the nesting times the size of v. What is looked at and
// copied is taken off budget; ErrBudget says that there is none left.
func (v Value) Resolve(pointer string, budget *int) (Value, error) {
	if pointer == "" {
		return v, nil
	}
	if pointer[0] != '/' {
		return Value{}, ErrPointer
	}
	token, rest := pointer[1:], ""
	if i := strings.IndexByte(token, '/'); i >= 0 {
		token, rest = token[:i], token[i:]
	}
	switch v.kind {
	case Object:
		if err := spend(budget, len(v.kids)); err != nil {
			return Value{}, err
		}
		name, ok := unescapeToken(token)
		if kid := v.Get(name); ok && kid.kind != Absent {
			return kid.Resolve(rest, budget)
		}
	case Array:
		if token == "*" {
			return v.resolveEach(rest, budget)
		}
		if i, ok := index(token); ok && i < len(v.kids) {
			return v.kids[i].Resolve(rest, budget)
		}
	}
	return Value{}, ErrPointer
}

func (v Value) resolveEach(rest string, budget *int) (Value, error) {
	if err := spend(budget, len(v.kids)); err != nil {
		return Value{}, err
	}
	out := make([]Value, 0, len(v.kids))
	for _, kid := range v.kids {
		r, err := kid.Resolve(rest, budget)
		if err != nil {
			return Value{}, err
		}
		if r.kind != Array {
			out = append(out, r)
			continue
		}
		if err := spend(budget, len(r.kids)); err != nil {
			return Value{}, err
		}
		out = append(out, r.kids...)
	}
	return NewArray(out), nil
}

// spend takes n values and one step off a budget.
func spend(budget *int, n int) error {
	if *budget -= n + 1; *budget < 0 {
		return ErrBudget
	}
	return nil
}

// unescapeToken decodes ~0 and ~1; any other use of ~ is an error (RFC 6901,
// section 3).
func unescapeToken(s string) (string, bool) {
	if !strings.Contains(s, "~") {
		return s, true
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '~' {
			b = append(b, s[i])
			continue
		}
		i++
		switch {
		case i < len(s) && s[i] == '0':
			b = append(b, '~')
		case i < len(s) && s[i] == '1':
			b = append(b, '/')
		default:
			return "", false
		}
	}
	return string(b), true
}

// index reads an array index: digits without a leading zero (RFC 6901, section
// 4).
func index(s string) (int, bool) {
	if s == "" || len(s) > 9 || s[0] == '0' && s != "0" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// SplitPointer splits a pointer whose leading slash is implied, as the keys of a
// PatchObject are (RFC 8620, section 5.3), into decoded tokens.
func SplitPointer(path string) ([]string, bool) {
	tokens := strings.Split(path, "/")
	for i, t := range tokens {
		var ok bool
		if tokens[i], ok = unescapeToken(t); !ok {
			return nil, false
		}
	}
	return tokens, true
}
