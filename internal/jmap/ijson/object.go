package ijson

// Out appends one object. To write a member of any kind:
//
//	o.B = append(o.Key("name"), "null"...)
type Out struct {
	B    []byte
	more bool // a member is there already
}

// Open begins an object at the end of dst.
func Open(dst []byte) Out { return Out{B: append(dst, '{')} }

// Close ends the object and returns all bytes.
func (o *Out) Close() []byte { return append(o.B, '}') }

// Key appends a name and its colon, and returns where the value is to be
// appended; the caller stores what comes of it in o.B.
func (o *Out) Key(name string) []byte {
	if o.more {
		o.B = append(o.B, ',')
	}
	o.more = true
	o.B = AppendString(o.B, name)
	return append(o.B, ':')
}

// Null appends a member that is null.
func (o *Out) Null(name string) { o.B = append(o.Key(name), "null"...) }

// Str appends a String member.
func (o *Out) Str(name, v string) { o.B = AppendString(o.Key(name), v) }

// Uint appends a Number member.
func (o *Out) Uint(name string, v uint64) { o.B = AppendUint(o.Key(name), v) }

// Bool appends a Bool member.
func (o *Out) Bool(name string, v bool) { o.B = AppendBool(o.Key(name), v) }
