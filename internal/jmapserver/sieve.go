package jmapserver

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// SieveScripter is the optional ability to keep scripts that filter mail. It is
// announced where the account's Info has a Sieve.
type SieveScripter interface {
	// SieveGet returns all SieveScripts if ids is nil.
	SieveGet(ctx context.Context, ids []jmap.ScriptID) (list []jmap.SieveScript, notFound []jmap.ScriptID, state jmap.State, err error)
	// SieveSet makes, changes, destroys and activates (RFC 9661, section 2.4). What
	// was activated or deactivated is in Created or Updated. An activation that
	// was refused is in NotUpdated.
	SieveSet(ctx context.Context, set *jmap.SieveSet) (jmap.SieveSetResult, error)
	// SieveValidate says what is wrong with a script; nil: nothing.
	SieveValidate(ctx context.Context, blob jmap.BlobID) (*jmap.SetError, error)
}

// sieveGet is SieveScript/get (RFC 9661, section 2.3).
func sieveGet(c *call) error {
	ids, all, err := getIDs[jmap.ScriptID](c)
	if err != nil {
		return err
	}
	want := jmap.AllSieveProps
	if names, given := c.args.stringsOrNull("properties"); given {
		want = jmap.SievePropID
		for _, n := range names {
			p := jmap.ParseSieveProp(n)
			if p == 0 && c.args.err == nil {
				c.args.err = invalidArguments("properties: no property %s", clip(n))
			}
			want |= p
		}
	}
	if err := c.args.done(); err != nil {
		return err
	}
	if all {
		ids = nil
	}
	list, notFound, state, err := c.account.(SieveScripter).SieveGet(c.ctx, ids)
	if err != nil {
		return err
	}
	return respondGet(c, state, list, notFound, func(dst []byte, s *jmap.SieveScript) []byte { return s.AppendJSON(dst, want) })
}

// sieveQuery is SieveScript/query (RFC 9661, section 2.5), done over all of them.
func sieveQuery(c *call) error {
	filter := readFilter(&c.args, readSieveCondition)
	sort := readSort(&c.args, func(p jmap.SortProperty) bool { return p == "name" || p == "isActive" },
		func(jmap.SortProperty) bool { return false })
	w, clamped := readWindow(c)
	total := c.args.boolean("calculateTotal")
	if err := c.args.done(); err != nil {
		return err
	}
	all, _, _, err := c.account.(SieveScripter).SieveGet(c.ctx, nil)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(s jmap.SieveScript) bool {
		return !filter.Match(func(cond *jmap.SieveCondition) bool {
			return strings.Contains(jmap.UnicodeCasemap(s.Name), jmap.UnicodeCasemap(cond.Name)) && (cond.IsActive == nil || *cond.IsActive == s.IsActive)
		})
	})
	slices.SortFunc(all, func(a, b jmap.SieveScript) int { return compareScripts(&a, &b, sort) })
	ids := make([]jmap.ScriptID, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	r, err := windowed(ids, w)
	if err != nil {
		return err
	}
	respondQuery(c, &r, total, clamped)
	return nil
}

func readSieveCondition(name string, v ijson.Value, c *jmap.SieveCondition) (bool, error) {
	switch name {
	case "name":
		return readText(v, &c.Name), nil
	case "isActive":
		return readBool(v, &c.IsActive), nil
	}
	return false, noCondition(name)
}

// compareScripts ends with the id, so that the order is always the same. false is
// before true.
func compareScripts(a, b *jmap.SieveScript, sort []jmap.Comparator) int {
	for _, s := range sort {
		n := strings.Compare(jmap.UnicodeCasemap(a.Name), jmap.UnicodeCasemap(b.Name))
		if s.Property == "isActive" {
			n = cmp.Compare(rank(a.IsActive), rank(b.IsActive))
		}
		if s.Descending {
			n = -n
		}
		if n != 0 {
			return n
		}
	}
	return strings.Compare(string(a.ID), string(b.ID))
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sieveValidate is SieveScript/validate (RFC 9661, section 2.6).
func sieveValidate(c *call) error {
	var blob jmap.BlobID
	if !c.readReference(c.args.get("blobId"), (*string)(&blob)) {
		c.args.fail("blobId", "Id")
	}
	if err := c.args.done(); err != nil {
		return err
	}
	wrong, err := c.account.(SieveScripter).SieveValidate(c.ctx, blob)
	if err != nil {
		return err
	}
	if wrong != nil && wrong.Type == jmap.SetInvalidProperties {
		return invalidArguments("blobId: there is no such blob")
	}
	c.respond(c.name, func(o *ijson.Out) {
		o.Str("accountId", string(c.info.ID))
		if wrong == nil {
			o.Null("error")
		} else {
			o.B = wrong.AppendJSON(o.Key("error"))
		}
	})
	return nil
}

// appendSieve announces what an account's Sieve can (RFC 9661, section 1.2.1).
func appendSieve(dst []byte, s *jmap.SieveCapability) []byte {
	o := ijson.Open(dst)
	o.Uint("maxSizeScriptName", s.MaxSizeScriptName)
	uintOrNull(&o, "maxSizeScript", s.MaxSizeScript)
	uintOrNull(&o, "maxNumberScripts", s.MaxNumberScripts)
	if s.MaxNumberRedirects == nil {
		o.Null("maxNumberRedirects")
	} else {
		o.Uint("maxNumberRedirects", *s.MaxNumberRedirects)
	}
	o.B = ijson.AppendStrings(o.Key("sieveExtensions"), s.SieveExtensions)
	stringsOrNull(&o, "notificationMethods", s.NotificationMethods)
	stringsOrNull(&o, "externalLists", s.ExternalLists)
	return o.Close()
}

func stringsOrNull(o *ijson.Out, name string, list []string) {
	if list == nil {
		o.Null(name)
	} else {
		o.B = ijson.AppendStrings(o.Key(name), list)
	}
}

// appendImplementation is the server-wide part: accounts of one person are on one
// platform as a rule, and the first that has Sieve stands for all.
func appendImplementation(dst []byte, infos []accountOf) []byte {
	o := ijson.Open(dst)
	for _, a := range infos {
		if has(jmap.CapabilitySieve, a.account, &a.info) {
			o.Str("implementation", a.info.Sieve.Implementation)
			break
		}
	}
	return o.Close()
}
