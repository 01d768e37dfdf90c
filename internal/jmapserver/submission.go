package jmapserver

import (
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// submissionProps are the properties of an EmailSubmission (RFC 8621, section 7).
func submissionProps() []string {
	return []string{"identityId", "emailId", "threadId", "envelope", "sendAt", "undoStatus",
		"deliveryStatus", "dsnBlobIds", "mdnBlobIds"}
}

// submissionGet is EmailSubmission/get (RFC 8621, section 7.1).
func submissionGet(c *call) error {
	ids, all, err := getIDs[jmap.SubmissionID](c)
	if err != nil {
		return err
	}
	want := c.properties(submissionProps()...)
	if err := c.args.done(); err != nil {
		return err
	}
	if all {
		ids = nil
	}
	list, notFound, state, err := c.account.(Submitter).SubmissionGet(c.ctx, ids)
	if err != nil {
		return err
	}
	return respondGet(c, state, list, notFound, func(dst []byte, s *jmap.Submission) []byte {
		return s.AppendJSON(dst, want)
	})
}

// submissionQuery is EmailSubmission/query (RFC 8621, section 7.3), done over the
// few that are remembered.
func submissionQuery(c *call) error {
	run := readSubmissionQuery(c)
	w, clamped := readWindow(c)
	total := c.args.boolean("calculateTotal")
	if err := c.args.done(); err != nil {
		return err
	}
	q, err := run()
	if err != nil {
		return err
	}
	return q.answer(c, w, total, clamped)
}

// submissionQueryChanges is EmailSubmission/queryChanges (RFC 8621, section 7.4).
func submissionQueryChanges(c *call) error {
	run := readSubmissionQuery(c)
	a := readChangesArgs(c)
	if err := c.args.done(); err != nil {
		return err
	}
	q, err := run()
	if err != nil {
		return err
	}
	return q.answerChanges(c, a)
}

// readSubmissionQuery reads what EmailSubmission/query and .../queryChanges have
// in common. The result makes the query.
func readSubmissionQuery(c *call) func() (*wholeQuery[jmap.SubmissionID], error) {
	filter := readFilter(&c.args, readSubmissionCondition)
	sort := readSort(&c.args, func(p jmap.SortProperty) bool {
		return p == "emailId" || p == "threadId" || p == "sentAt"
	}, func(jmap.SortProperty) bool { return false })
	q := &wholeQuery[jmap.SubmissionID]{kind: jmap.TypeEmailSubmission, args: digestArgs(c, "filter", "sort")}
	return func() (*wholeQuery[jmap.SubmissionID], error) {
		all, _, state, err := c.account.(Submitter).SubmissionGet(c.ctx, nil)
		if err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(s jmap.Submission) bool {
			return !filter.Match(func(c *jmap.SubmissionCondition) bool { return matchSubmission(c, &s) })
		})
		slices.SortFunc(all, func(a, b jmap.Submission) int { return compareSubmissions(&a, &b, sort) })
		q.ids, q.state = make([]jmap.SubmissionID, len(all)), state
		for i := range all {
			q.ids[i] = all[i].ID
		}
		return q, nil
	}
}

func readSubmissionCondition(name string, v ijson.Value, c *jmap.SubmissionCondition) (bool, error) {
	switch name {
	case "identityIds":
		return readIDs(v, &c.IdentityIDs), nil
	case "emailIds":
		return readIDs(v, &c.EmailIDs), nil
	case "threadIds":
		return readIDs(v, &c.ThreadIDs), nil
	case "undoStatus":
		s, ok := v.Str()
		c.UndoStatus = jmap.UndoStatus(s)
		return ok && s != "", nil
	case "before":
		return readUTCDate(v, &c.Before), nil
	case "after":
		return readUTCDate(v, &c.After), nil
	}
	return false, noCondition(name)
}

func matchSubmission(c *jmap.SubmissionCondition, s *jmap.Submission) bool {
	return (c.IdentityIDs == nil || slices.Contains(c.IdentityIDs, s.IdentityID)) &&
		(c.EmailIDs == nil || slices.Contains(c.EmailIDs, s.EmailID)) &&
		(c.ThreadIDs == nil || slices.Contains(c.ThreadIDs, s.ThreadID)) &&
		(c.UndoStatus == "" || c.UndoStatus == s.UndoStatus) &&
		(c.Before.IsZero() || s.SendAt.Before(c.Before)) &&
		(c.After.IsZero() || !s.SendAt.Before(c.After))
}

// compareSubmissions ends with the id. "sentAt" is what RFC 8621, section 7.3
// calls the property sendAt.
func compareSubmissions(a, b *jmap.Submission, sort []jmap.Comparator) int {
	for _, s := range sort {
		n := 0
		switch s.Property {
		case "emailId":
			n = strings.Compare(string(a.EmailID), string(b.EmailID))
		case "threadId":
			n = strings.Compare(string(a.ThreadID), string(b.ThreadID))
		default:
			n = a.SendAt.Compare(b.SendAt)
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
