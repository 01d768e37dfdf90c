package account

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/sieve"
	"cofferdam/internal/vacation"
)

// VacationGet returns the VacationResponse. It is enabled if its script is the
// active one, whoever made it so.
func (a *Account) VacationGet(ctx context.Context) (jmap.Vacation, jmap.State, error) {
	fs, done, err := a.openFilters(ctx)
	if err != nil {
		return jmap.Vacation{}, "", err
	}
	defer done()
	v, _, _ := vacationOf(fs.list) // one that is not ours has no settings to show
	return v, vacationState(fs.list), nil
}

// vacationOf reads the settings out of the script. Without one they are empty.
func vacationOf(list []Filter) (v jmap.Vacation, s vacation.Settings, err error) {
	f := find(list, vacation.ScriptName)
	if f == nil {
		return v, s, nil
	}
	if s, err = vacation.Parse(f.Content); err != nil {
		return jmap.Vacation{}, vacation.Settings{}, err
	}
	return jmap.Vacation{IsEnabled: f.Active, FromDate: s.From, ToDate: s.To, Subject: s.Subject, TextBody: s.Text, HTMLBody: s.HTML}, s, nil
}

// VacationSet changes the VacationResponse (RFC 8621, section 8.2). old and new
// are the states before and after; old is "" if somebody else was there between.
func (a *Account) VacationSet(ctx context.Context, ifInState jmap.State, u *jmap.VacationUpdate) (old, now jmap.State, refused *jmap.SetError, err error) {
	fs, done, err := a.openFilters(ctx)
	if err != nil {
		return "", "", nil, err
	}
	defer done()
	old = vacationState(fs.list)
	if ifInState != "" && ifInState != old {
		return "", "", nil, jmap.StateMismatch
	}
	if u != nil {
		refused, err = fs.change(ctx, func(list []Filter) ([]FilterStep, *jmap.SetError) { return fs.planVacation(list, u) })
	}
	if fs.foreign {
		old = ""
	}
	return old, vacationState(fs.list), refused, err
}

// planVacation says what is to be done.
func (fs *filterSet) planVacation(list []Filter, u *jmap.VacationUpdate) ([]FilterStep, *jmap.SetError) {
	v, s, err := vacationOf(list)
	if err != nil {
		return nil, notOurs()
	}
	was := v.IsEnabled
	u.Apply(&v)
	if bad := checkVacation(&v); bad != nil {
		return nil, bad
	}
	s.From, s.To, s.Subject, s.Text, s.HTML = v.FromDate, v.ToDate, v.Subject, v.TextBody, v.HTMLBody
	if v.IsEnabled && !was {
		s.Own = active(list)
	}
	if v.IsEnabled {
		if bad := conflict(list, s.Own); bad != nil {
			return nil, bad
		}
	}
	if find(list, vacation.ScriptName) == nil && !v.IsEnabled && s == (vacation.Settings{}) {
		return nil, nil // nothing is asked for, and there is nothing
	}
	steps, bad := fs.storeVacation(list, &s)
	switch {
	case bad != nil:
		return nil, bad
	case v.IsEnabled && !was:
		steps = append(steps, FilterStep{Verb: FilterActivate, Name: vacation.ScriptName})
	case !v.IsEnabled && was && find(list, s.Own) != nil:
		steps = append(steps, FilterStep{Verb: FilterActivate, Name: s.Own})
	case !v.IsEnabled && was: // there was none, or it is gone
		steps = append(steps, FilterStep{Verb: FilterActivate})
	}
	return steps, nil
}

func notOurs() *jmap.SetError {
	return &jmap.SetError{Type: jmap.SetForbidden,
		Description: fmt.Sprintf("there is a filter script %q that this server has not written; rename it where you made it", vacation.ScriptName)}
}

// planEnable makes the script the active one, with the settings that it has.
func (fs *filterSet) planEnable(list []Filter) ([]FilterStep, *jmap.SetError) {
	return fs.planVacation(list, &jmap.VacationUpdate{To: jmap.Vacation{IsEnabled: true}, Set: jmap.VacationPropIsEnabled})
}

// checkVacation refuses what cannot be sent.
func checkVacation(v *jmap.Vacation) *jmap.SetError {
	long := func(s *string, most int) bool { return s != nil && len(*s) > most }
	if long(v.TextBody, vacation.MaxBody) || long(v.HTMLBody, vacation.MaxBody) || long(v.Subject, vacation.MaxSubject) {
		return &jmap.SetError{Type: jmap.SetTooLarge,
			Description: fmt.Sprintf("a subject has at most %d bytes, and each body %d", vacation.MaxSubject, vacation.MaxBody)}
	}
	var wrong []string
	if v.Subject != nil && strings.ContainsAny(*v.Subject, "\r\n\x00") {
		wrong = append(wrong, "subject")
	}
	if v.TextBody != nil && strings.Contains(*v.TextBody, "\x00") {
		wrong = append(wrong, "textBody")
	}
	if v.HTMLBody != nil && strings.Contains(*v.HTMLBody, "\x00") {
		wrong = append(wrong, "htmlBody")
	}
	if wrong != nil {
		return &jmap.SetError{Type: jmap.SetInvalidProperties, Properties: wrong}
	}
	return nil
}

// storeVacation writes the script if it is not there as it is to be.
func (fs *filterSet) storeVacation(list []Filter, s *vacation.Settings) ([]FilterStep, *jmap.SetError) {
	content := vacation.Script(s, fs.a.answer(s))
	have := find(list, vacation.ScriptName)
	most := fs.a.info.Load().Sieve
	switch {
	case have != nil && have.Content == content:
		return nil, nil
	case uint64(len(content)) > most.MaxSizeScript:
		return nil, &jmap.SetError{Type: jmap.SetTooLarge, Description: fmt.Sprintf("the script of it would have more than %d bytes", most.MaxSizeScript)}
	case have == nil && uint64(len(list)) >= most.MaxNumberScripts:
		return nil, &jmap.SetError{Type: jmap.SetOverQuota, Description: "there are as many scripts as there may be"}
	}
	return []FilterStep{{Verb: FilterPut, Name: vacation.ScriptName, Content: content}}, nil
}

// answer is what is sent: the text made of the HTML where there is none, and words
// of ours where there is neither.
func (a *Account) answer(s *vacation.Settings) *vacation.Answer {
	w := &vacation.Answer{Addresses: a.cfg.Addresses}
	if s.HTML != nil {
		w.HTML = *s.HTML
	}
	switch {
	case s.Text != nil:
		w.Text = *s.Text
	case s.HTML != nil:
		w.Text = htmlText(*s.HTML)
	default:
		w.Text = vacation.DefaultText
	}
	return w
}

// conflict says why the person's own script cannot run behind a vacation response:
// RFC 5230, section 4.7 lets a delivery answer once, and not refuse what it
// answers. What cannot be read here is the server's to judge.
func conflict(list []Filter, own string) *jmap.SetError {
	for _, name := range reached(list, own) {
		if name == vacation.ScriptName {
			return &jmap.SetError{Type: jmap.SetForbidden, Description: fmt.Sprintf("your filter script %q includes the vacation response", own)}
		}
		script, err := sieve.Parse(find(list, name).Content)
		if err != nil {
			continue
		}
		for _, command := range []string{"vacation", "reject", "ereject", "refuse"} {
			if script.Calls(command) {
				return &jmap.SetError{Type: jmap.SetForbidden,
					Description: fmt.Sprintf("your filter script %q has a command %q, which does not go together with a vacation response", name, command)}
			}
		}
	}
	return nil
}

// reached are the names of a script and of all that it includes.
func reached(list []Filter, name string) []string {
	var names []string
	for next := []string{name}; len(next) > 0; next = next[1:] {
		f, ours := find(list, next[0]), next[0] == vacation.ScriptName
		if f == nil && !ours || slices.Contains(names, next[0]) {
			continue
		}
		names = append(names, next[0])
		if ours {
			continue // it may not even be there yet
		}
		if script, err := sieve.Parse(f.Content); err == nil {
			next = append(next, script.Includes()...)
		}
	}
	return names
}

// wouldConflict says why a script that runs behind the vacation response now cannot
// have this content.
func (fs *filterSet) wouldConflict(list []Filter, name, content string) *jmap.SetError {
	v, s, err := vacationOf(list)
	if err != nil || !v.IsEnabled {
		return nil
	}
	list = after(list, []FilterStep{{Verb: FilterPut, Name: name, Content: content}})
	if !slices.Contains(reached(list, s.Own), name) {
		return nil
	}
	return conflict(list, s.Own)
}

// followRename makes the vacation response include a script by its new name.
func (fs *filterSet) followRename(list []Filter, from, to string) []FilterStep {
	_, s, err := vacationOf(list)
	if err != nil || s.Own != from {
		return nil
	}
	s.Own = to
	return []FilterStep{{Verb: FilterPut, Name: vacation.ScriptName, Content: vacation.Script(&s, fs.a.answer(&s))}}
}
