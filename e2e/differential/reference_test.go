package differential

import (
	"cmp"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"cofferdam/e2e/system"
)

// unread is a count of a mailbox (RFC 8621, section 2) as it follows from the
// mails: those whose role is trash are apart from all others.
func (v *view) unread(path, count string) any {
	n := map[string]bool{}
	box := v.boxes[path]
	if box == nil {
		return nil
	}
	trash := box["role"] == "trash"
	inTrashOnly := func(e map[string]any) bool {
		in := e["mailboxIds"].(map[string]any)
		return len(in) == 1 && in["Trash"] == true
	}
	here := map[string]bool{}
	for k, e := range v.emails {
		if e["mailboxIds"].(map[string]any)[path] == true {
			here[v.thread[k]] = true
		}
	}
	for k, e := range v.emails {
		in, words := e["mailboxIds"].(map[string]any), e["keywords"].(map[string]any)
		if words["$seen"] == true || words["$draft"] == true {
			continue
		}
		switch {
		case count == "unreadEmails" && in[path] == true:
			n[k] = true
		case count == "unreadThreads" && here[v.thread[k]] && (trash && in[path] == true || !trash && !inTrashOnly(e)):
			n[v.thread[k]] = true
		}
	}
	return float64(len(n))
}

// agrees says that total or ids of an answer are what follows from the properties
// of the mails; of an order by words, only which mails there are.
func (v *view) agrees(q query, answer map[string]any, path string) bool {
	want := v.reference(q)
	if !byWords(q.args) || strings.HasSuffix(path, "/total") {
		return reflect.DeepEqual(want[path[strings.LastIndex(path, "/")+1:]], answer[path[strings.LastIndex(path, "/")+1:]])
	}
	ids, _ := answer["ids"].(string)
	got := strings.Fields(ids)
	for _, key := range got {
		if !v.matches(key, q.args["filter"]) {
			return false
		}
	}
	wanted, _ := want["ids"].(string)
	return want["total"] == answer["total"] && len(got) == len(strings.Fields(wanted))
}

// byWords says that the order is by subject or sender.
func byWords(args system.Args) bool {
	sorts, _ := args["sort"].([]system.Args)
	return slices.ContainsFunc(sorts, func(s system.Args) bool { return s["property"] == "subject" || s["property"] == "from" })
}

// reference answers a query from the mails. A conversation's first mail stands
// for it (RFC 8621, section 4.4.3).
func (v *view) reference(q query) map[string]any {
	sorts, _ := q.args["sort"].([]system.Args)
	var found []string
	for key := range v.emails {
		if v.matches(key, q.args["filter"]) {
			found = append(found, key)
		}
	}
	slices.SortFunc(found, func(a, b string) int { return v.order(sorts, a, b) })
	if q.args["collapseThreads"] == true {
		seen := map[string]bool{}
		found = slices.DeleteFunc(found, func(k string) bool {
			was := seen[v.thread[k]]
			seen[v.thread[k]] = true
			return was
		})
	}
	total := len(found)
	position, _ := q.args["position"].(int)
	position = min(position, total)
	return map[string]any{"ids": strings.Join(found[position:min(total, position+queryWindow)], " "), "total": float64(total), "position": float64(position)}
}

// matches is RFC 8621, section 4.4.1.
func (v *view) matches(key string, filter any) bool {
	f := filter.(system.Args)
	if op, ok := f["operator"]; ok {
		n := 0
		conditions := f["conditions"].([]any)
		for _, c := range conditions {
			if v.matches(key, c) {
				n++
			}
		}
		return op == "AND" && n == len(conditions) || op == "OR" && n > 0 || op == "NOT" && n == 0
	}
	for name, want := range f {
		if !v.condition(key, name, want) {
			return false
		}
	}
	return true
}

func (v *view) condition(key, name string, want any) bool {
	e := v.emails[key]
	in, words := e["mailboxIds"].(map[string]any), e["keywords"].(map[string]any)
	text, _ := want.(string)
	number, _ := want.(int)
	switch name {
	case "inMailbox":
		return in[strings.TrimPrefix(text, "box:")] == true
	case "inMailboxOtherThan":
		for path := range in {
			if !slices.Contains(want.([]string), "box:"+path) {
				return true
			}
		}
		return false
	case "before":
		return e["receivedAt"].(string) < text
	case "after":
		return e["receivedAt"].(string) >= text
	case "minSize":
		return e["size"].(float64) >= float64(number)
	case "maxSize":
		return e["size"].(float64) < float64(number)
	case "hasKeyword":
		return words[text] == true
	case "notKeyword":
		return words[text] != true
	case "header":
		return hasHeader(e, want.([]string))
	case "hasAttachment":
		return e["hasAttachment"] == want
	case "allInThreadHaveKeyword", "someInThreadHaveKeyword", "noneInThreadHaveKeyword":
		some, all := v.inThread(key, text)
		return name[0] == 'a' && all || name[0] == 's' && some || name[0] == 'n' && !some
	}
	value, err := json.Marshal(e[name])
	return err == nil && strings.Contains(strings.ToLower(string(value)), strings.ToLower(text))
}

// hasHeader is the condition header: a field of this name, with this text if one
// is given.
func hasHeader(e map[string]any, want []string) bool {
	for _, h := range e["headers"].([]any) {
		field := h.(map[string]any)
		value := strings.NewReplacer("\r\n", "").Replace(field["value"].(string))
		if strings.EqualFold(field["name"].(string), want[0]) && (len(want) == 1 || strings.Contains(strings.ToLower(value), strings.ToLower(want[1]))) {
			return true
		}
	}
	return false
}

func (v *view) inThread(key, keyword string) (some, all bool) {
	all = true
	for k := range strings.FieldsSeq(v.thread[key]) {
		has := v.emails[k]["keywords"].(map[string]any)[keyword] == true
		some, all = some || has, all && has
	}
	return some, all
}

func (v *view) order(sorts []system.Args, a, b string) int {
	for _, s := range sorts {
		n := 0
		x, y := v.emails[a], v.emails[b]
		p := s["property"].(string)
		keyword, _ := s["keyword"].(string)
		switch p {
		case "size":
			n = cmp.Compare(x[p].(float64), y[p].(float64))
		case "hasKeyword":
			n = cmp.Compare(bit(x["keywords"].(map[string]any)[keyword] == true), bit(y["keywords"].(map[string]any)[keyword] == true))
		case "someInThreadHaveKeyword":
			some, _ := v.inThread(a, keyword)
			other, _ := v.inThread(b, keyword)
			n = cmp.Compare(bit(some), bit(other))
		default:
			n = strings.Compare(instant(x, p), instant(y, p))
		}
		if n != 0 && s["isAscending"] == false {
			n = -n
		}
		if n != 0 {
			return n
		}
	}
	return 0
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// instant is a date as text that sorts; a mail without Date has the date of its
// arrival (RFC 8621, section 4.4.2, leaves this open).
func instant(e map[string]any, property string) string {
	text, ok := e[property].(string)
	if !ok {
		text, _ = e["receivedAt"].(string)
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return at.UTC().Format(time.RFC3339)
}
