package jmap

// SetResult is the outcome of a /set (RFC 8620, section 5.3). Each object that
// was asked for appears in exactly one of the six.
type SetResult[ID ~string, Obj any] struct {
	// OldState is the state before the changes, "" if it is not known. Between
	// OldState and NewState lies nothing but the changes of this call: a client
	// that was at OldState goes on from NewState without asking. If a foreign
	// change came in between, OldState must be "".
	OldState State
	NewState State

	Created    map[CreationID]*Obj // the properties that the client did not send
	NotCreated map[CreationID]*SetError

	// Updated holds nil where nothing changed but what the client asked for.
	Updated    map[ID]*Obj
	NotUpdated map[ID]*SetError

	Destroyed    []ID
	NotDestroyed map[ID]*SetError
}

// SetPatch changes a property that is a set. Either Replace is true and Values
// is the whole new set, or Add and Remove change the present one; they hold no
// common value. Adding what is there and removing what is not is no error.
type SetPatch[T ~string] struct {
	Replace     bool
	Values      []T
	Add, Remove []T
}

// Apply returns the set that comes of have, without changing have. The order is
// that of have, then of what was added.
func (p *SetPatch[T]) Apply(have []T) []T {
	if p.Replace {
		return append([]T(nil), p.Values...)
	}
	out := make([]T, 0, len(have)+len(p.Add))
	for _, v := range have {
		if !contains(p.Remove, v) {
			out = append(out, v)
		}
	}
	for _, v := range p.Add {
		if !contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func contains[T comparable](s []T, v T) bool {
	for _, x := range s {
		if x == v {
			return true
		}
	}
	return false
}
