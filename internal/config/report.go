package config

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"

	"github.com/pelletier/go-toml/v2"
)

// Difference is one setting that is not the default.
type Difference struct {
	Key            string
	Default, Value string
}

// Differences lists every setting of c that an empty file would not have.
// Platforms are compared with an empty platform.
func (c *Config) Differences() []Difference {
	var out []Difference
	def := Default()
	diff("", reflect.ValueOf(def), reflect.ValueOf(*c), &out)
	for i := range c.Platform {
		p := Platform{}
		p.fill()
		diff("platform."+c.Platform[i].Name+".", reflect.ValueOf(p), reflect.ValueOf(c.Platform[i]), &out)
	}
	return out
}

// diff walks two structs of one type.
func diff(prefix string, def, val reflect.Value, out *[]Difference) {
	for i := range val.NumField() {
		key := prefix + val.Type().Field(i).Tag.Get("toml")
		d, v := def.Field(i), val.Field(i)
		switch {
		case v.Kind() == reflect.Struct:
			diff(key+".", d, v, out)
		case key == "platform" || key == "unsafe":
		case !reflect.DeepEqual(d.Interface(), v.Interface()) && (v.Kind() != reflect.Slice || d.Len()+v.Len() > 0):
			*out = append(*out, Difference{key, show(d), show(v)})
		}
	}
}

func show(v reflect.Value) string {
	if m, ok := v.Interface().(interface{ MarshalText() ([]byte, error) }); ok {
		b, err := m.MarshalText()
		if err == nil {
			return string(b)
		}
	}
	if v.Kind() == reflect.String {
		return fmt.Sprintf("%q", v.String())
	}
	return fmt.Sprint(v.Interface())
}

// Report writes what config check shows: where the configuration came from,
// every difference from the defaults, and every unsafe setting with its reason.
func (l *Loaded) Report(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "configuration %s is good\n", l.File)
	for _, o := range l.Overrides {
		fmt.Fprintf(&b, "local override: %s\n", o)
	}
	b.WriteString("\nnot the default:\n")
	for _, d := range l.Differences() {
		fmt.Fprintf(&b, "  %s = %s (default %s)\n", d.Key, d.Value, d.Default)
	}
	if len(l.Unsafe) > 0 {
		b.WriteString("\nUNSAFE:\n")
		costs := Unsafes()
		for _, name := range slices.Sorted(maps.Keys(l.Unsafe)) {
			fmt.Fprintf(&b, "  %s: %s\n    reason given: %s\n", name, costs[name], l.Unsafe[name])
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// Example writes a complete configuration file with a comment on each setting.
func Example(w io.Writer) error {
	c := Default()
	c.Web.Origin = "https://mail.example.org"
	c.Web.Certificate = "/etc/cofferdam/tls/fullchain.pem"
	c.Web.Key = "/etc/cofferdam/tls/key.pem"
	c.SignIn.OperatorKey = "/etc/cofferdam/operator.pub"
	c.SignIn.KeyDocument = "/etc/cofferdam/signin-key.json"
	p := Platform{Name: "main", Domains: []string{"example.org"}, Default: true}
	p.IMAP.Address, p.Submission.Address, p.Sieve.Address = "imap.example.org:993", "smtp.example.org:587", "sieve.example.org:4190"
	p.fill()
	c.Platform = []Platform{p}
	c.Unsafe = map[string]string{}
	if _, err := io.WriteString(w, "# Cofferdam. Every setting with its default, or an example where there is none.\n\n"); err != nil {
		return err
	}
	e := toml.NewEncoder(w)
	e.SetIndentTables(false)
	return e.Encode(c)
}
