package cofferdam_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// maxOpenLimits is how many rows of docs/limits.md may be without a test. It only
// goes down: whoever tests a limit lowers it.
const maxOpenLimits = 274

var updateLimits = flag.Bool("update-limits", false, "write names, values and reasons of docs/limits.md anew")

const limitsDoc = "docs/limits.md"

// TestLimits holds docs/limits.md against every limits.go: each constant has a row
// with its value and reason, and each row a constant and tests that exist and
// speak of it. A row that is open counts against maxOpenLimits.
func TestLimits(t *testing.T) {
	doc := readLimitsDoc(t)
	found := readLimits(t)
	if *updateLimits {
		if err := os.WriteFile(limitsDoc, doc.with(found), 0o644); err != nil {
			t.Fatal(err)
		}
		doc = readLimitsDoc(t)
	}
	if !bytes.Equal(doc.text, doc.with(found)) {
		t.Errorf("%s is not what the files limits.go say: a constant has no row, a row no constant, or a value or reason is another. "+
			"Run: go test -run TestLimits . -update-limits", limitsDoc)
	}
	sources, open := map[string]map[string]string{}, 0
	for _, l := range found {
		row := doc.rows[l.id()]
		switch {
		case l.why == "":
			t.Errorf("%s: limits.go gives no reason", l.id())
		case row.tuning:
		case row.test == "open":
			open++
		case row.beyond == "":
			t.Errorf("%s: the row does not say what happens beyond it", l.id())
		default:
			checkLimitTests(t, l, row.test, sources)
		}
	}
	switch {
	case open > maxOpenLimits:
		t.Errorf("%d limits are without a test, and %d at most were before", open, maxOpenLimits)
	case open < maxOpenLimits:
		t.Logf("%d limits are without a test: lower maxOpenLimits, which is %d", open, maxOpenLimits)
	}
	t.Logf("%d constants, %d of them tuning, %d open", len(found), doc.tuned(), open)
}

var limitTest = regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz)\\w+)`")

// checkLimitTests fails for tests that do not exist, or do not name the constant:
// in what they assert, or in a comment where they cannot reach it.
func checkLimitTests(t *testing.T, l limitConst, cell string, sources map[string]map[string]string) {
	t.Helper()
	tests := limitTest.FindAllStringSubmatch(cell, -1)
	if len(tests) == 0 {
		t.Errorf("%s: %q names no test and is not open", l.id(), cell)
	}
	name := regexp.MustCompile(`\b` + l.name[strings.LastIndex(l.name, ".")+1:] + `\b`)
	for _, m := range tests {
		if sources[m[1]] == nil {
			sources[m[1]] = testSources(t, m[1])
		}
		switch source, ok := sources[m[1]][m[2]]; {
		case !ok:
			t.Errorf("%s: %s.%s does not exist", l.id(), m[1], m[2])
		case !name.MatchString(source):
			t.Errorf("%s: %s.%s does not speak of it", l.id(), m[1], m[2])
		}
	}
}

// testSources maps the tests of a package to their text, comments included.
func testSources(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				from := f.Pos()
				if f.Doc != nil {
					from = f.Doc.Pos()
				}
				out[f.Name.Name] = string(text[set.Position(from).Offset:set.Position(f.End()).Offset])
			}
		}
	}
	return out
}

// limitConst is a constant of a limits.go, or a field of a Limits that a function
// there returns.
type limitConst struct {
	pkg, name string
	n         int64
	timed     bool
	why       string
}

func (l limitConst) id() string { return l.pkg + "." + l.name }

// readLimits reads every limits.go below internal, in order.
func readLimits(t *testing.T) (out []limitConst) {
	t.Helper()
	var files []string
	for _, pattern := range []string{"internal/*/limits.go", "internal/*/*/limits.go"} {
		some, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, some...)
	}
	slices.Sort(files)
	e := evaluator{packages: map[string]map[string]ast.Expr{}}
	for _, name := range files {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.ToSlash(filepath.Dir(name))
		for _, c := range declared(set, file) {
			v, timed, err := e.eval(dir, c.expr)
			if err != nil {
				t.Fatalf("%s: %s: %v", name, c.name, err)
			}
			n, _ := constant.Int64Val(v)
			out = append(out, limitConst{dir, c.name, n, timed, c.why})
		}
	}
	return out
}

type declaredConst struct {
	name, why string
	expr      ast.Expr
}

// declared lists the constants of a file, and the fields that its functions give
// to what they return. A comment is of its constant and of those without one that
// follow it without a blank line, or of a block that begins with it.
func declared(set *token.FileSet, file *ast.File) (out []declaredConst) {
	line := func(p token.Pos) int { return set.Position(p).Line }
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			if d.Tok != token.CONST {
				continue
			}
			above, end := text(d.Doc), 0
			for _, s := range d.Specs {
				s := s.(*ast.ValueSpec)
				own, from := text(s.Doc), line(s.Pos())
				if s.Doc != nil {
					from = line(s.Doc.Pos())
				}
				switch {
				case own != "":
					above = own
				case end != 0 && from > end+1:
					above = text(d.Doc)
				}
				end = line(s.End())
				for i, n := range s.Names {
					why := text(s.Comment)
					if why == "" || own != "" {
						why = strings.TrimSpace(above + " " + why)
					}
					out = append(out, declaredConst{n.Name, why, s.Values[i]})
				}
			}
		case *ast.FuncDecl:
			out = append(out, returned(set, file, d)...)
		}
	}
	return out
}

// returned lists the fields of the composite literal that a function returns.
func returned(set *token.FileSet, file *ast.File, f *ast.FuncDecl) (out []declaredConst) {
	at := map[int]string{}
	for _, c := range file.Comments {
		at[set.Position(c.Pos()).Line] = text(c)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		for _, e := range lit.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				why := at[set.Position(kv.Pos()).Line]
				if why == "" {
					why = text(f.Doc)
				}
				out = append(out, declaredConst{fmt.Sprintf("Limits.%s", kv.Key), why, kv.Value})
			}
		}
		return false
	})
	return out
}

func text(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }

// evaluator computes constant expressions of the kinds that limits are written in.
type evaluator struct {
	packages map[string]map[string]ast.Expr // by folder
}

// eval returns a value and whether it is a time.
func (e *evaluator) eval(dir string, x ast.Expr) (constant.Value, bool, error) {
	switch x := x.(type) {
	case *ast.BasicLit:
		return constant.MakeFromLiteral(x.Value, x.Kind, 0), false, nil
	case *ast.ParenExpr:
		return e.eval(dir, x.X)
	case *ast.Ident:
		consts, err := e.constants(dir)
		if err != nil {
			return nil, false, err
		}
		if consts[x.Name] == nil {
			return nil, false, fmt.Errorf("no constant %s in %s", x.Name, dir)
		}
		return e.eval(dir, consts[x.Name])
	case *ast.SelectorExpr:
		pkg := fmt.Sprint(x.X)
		if d, ok := map[string]time.Duration{"time.Microsecond": time.Microsecond, "time.Millisecond": time.Millisecond, "time.Second": time.Second, "time.Minute": time.Minute, "time.Hour": time.Hour}[pkg+"."+x.Sel.Name]; ok {
			return constant.MakeInt64(int64(d)), true, nil
		}
		if n, ok := map[string]int64{"chacha20poly1305.NonceSizeX": 24, "chacha20poly1305.Overhead": 16}[pkg+"."+x.Sel.Name]; ok {
			return constant.MakeInt64(n), false, nil
		}
		return e.eval("internal/"+pkg, x.Sel)
	case *ast.BinaryExpr:
		a, timed, err := e.eval(dir, x.X)
		if err != nil {
			return nil, false, err
		}
		b, timed2, err := e.eval(dir, x.Y)
		if err != nil {
			return nil, false, err
		}
		if x.Op == token.SHL {
			n, _ := constant.Uint64Val(b)
			return constant.Shift(a, x.Op, uint(n)), timed, nil
		}
		return constant.BinaryOp(a, x.Op, b), timed || timed2, nil
	}
	return nil, false, fmt.Errorf("an expression of type %T", x)
}

// constants lists those of a package.
func (e *evaluator) constants(dir string) (map[string]ast.Expr, error) {
	if c := e.packages[dir]; c != nil {
		return c, nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	out := map[string]ast.Expr{}
	e.packages[dir] = out
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			d, ok := d.(*ast.GenDecl)
			if !ok || d.Tok != token.CONST {
				continue
			}
			for _, s := range d.Specs {
				s := s.(*ast.ValueSpec)
				for i, v := range s.Values {
					out[s.Names[i].Name] = v
				}
			}
		}
	}
	return out, nil
}

// value is the constant's value in a form that people read: 50 MiB, 70m, 200,000.
func (l limitConst) value(unit string) string {
	switch {
	case l.timed:
		s := time.Duration(l.n).String()
		if strings.HasSuffix(s, "m0s") {
			s = s[:len(s)-2]
		}
		if strings.HasSuffix(s, "h0m") {
			s = s[:len(s)-2]
		}
		return s
	case unit == "bytes":
		for _, size := range []struct {
			n    int64
			name string
		}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
			if l.n >= size.n && l.n%size.n == 0 {
				return fmt.Sprintf("%d %s", l.n/size.n, size.name)
			}
		}
	}
	return grouped(l.n)
}

// grouped writes a number with commas.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// limitRow is what people write of a constant.
type limitRow struct {
	unit, beyond, test string
	tuning             bool
}

type limitsText struct {
	text []byte
	head string
	rows map[string]limitRow
}

const (
	limitsHead = "| name | value | unit | why | beyond it | shown by |\n|---|---|---|---|---|---|\n"
	tuningHead = "| name | value | unit | why | why it is no limit |\n|---|---|---|---|---|\n"
	tuningMark = "\n## Tuning\n"
)

// readLimitsDoc reads docs/limits.md: a text, a table for each package, and one of
// the constants that are no limits.
func readLimitsDoc(t *testing.T) *limitsText {
	t.Helper()
	all, err := os.ReadFile(limitsDoc)
	if err != nil {
		t.Fatal(err)
	}
	d := &limitsText{text: all, rows: map[string]limitRow{}}
	d.head, _, _ = strings.Cut(string(all), "\n## internal/")
	limits, tuning, _ := strings.Cut(string(all), tuningMark)
	for i, part := range []string{limits, tuning} {
		pkg := ""
		for line := range strings.Lines(part) {
			line = strings.TrimSpace(line)
			if name, ok := strings.CutPrefix(line, "## "); ok {
				pkg = name + "."
			}
			if !strings.HasPrefix(line, "| `") {
				continue
			}
			cells := strings.Split(strings.Trim(line, "|"), " | ")
			for j := range cells {
				cells[j] = strings.TrimSpace(cells[j])
			}
			name := strings.Trim(cells[0], "`")
			switch {
			case i == 0 && len(cells) == 6:
				d.rows[pkg+name] = limitRow{unit: cells[2], beyond: cells[4], test: cells[5]}
			case i == 1 && len(cells) == 5 && cells[4] != "":
				d.rows[name] = limitRow{unit: cells[2], beyond: cells[4], tuning: true}
			default:
				t.Errorf("%s: not a row: %s", limitsDoc, line)
			}
		}
	}
	return d
}

func (d *limitsText) tuned() (n int) {
	for row := range maps.Values(d.rows) {
		if row.tuning {
			n++
		}
	}
	return n
}

// with is the document with the names, values and reasons of the constants.
func (d *limitsText) with(found []limitConst) []byte {
	var b, tuning bytes.Buffer
	b.WriteString(d.head)
	pkg := ""
	for _, l := range found {
		row, ok := d.rows[l.id()]
		if !ok {
			row = limitRow{unit: "number", test: "open"}
		}
		if l.timed {
			row.unit = "time"
		}
		why := strings.ReplaceAll(l.why, "|", "/")
		if row.tuning {
			fmt.Fprintf(&tuning, "| `%s` | %s | %s | %s | %s |\n", l.id(), l.value(row.unit), row.unit, why, row.beyond)
			continue
		}
		if pkg != l.pkg {
			pkg = l.pkg
			fmt.Fprintf(&b, "\n## %s\n\n%s", pkg, limitsHead)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", l.name, l.value(row.unit), row.unit, why, row.beyond, row.test)
	}
	fmt.Fprintf(&b, "%s\n%s\n%s%s", tuningMark, tuningText, tuningHead, tuning.Bytes())
	return b.Bytes()
}

const tuningText = "Constants of a file limits.go that refuse nothing and cut nothing: another value changes how fast something goes, or what it\n" +
	"costs, and not what a person, an operator or a peer gets.\n"
