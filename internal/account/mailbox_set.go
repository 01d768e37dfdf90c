package account

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"

	"cofferdam/internal/jmap"
	"cofferdam/internal/replica"
	"cofferdam/internal/upstream"
)

// MailboxSet makes, changes and destroys Mailboxes (RFC 8621, section 2.5). What
// IMAP cannot keep is refused as invalidProperties: a role given to a mailbox that
// exists, a name with the server's delimiter. A sortOrder is kept in the person's
// settings.
func (a *Account) MailboxSet(ctx context.Context, set *jmap.MailboxSet) (jmap.MailboxSetResult, error) {
	res := jmap.MailboxSetResult{
		Created: map[jmap.CreationID]*jmap.Mailbox{}, NotCreated: map[jmap.CreationID]*jmap.SetError{},
		Updated: map[jmap.MailboxID]*jmap.Mailbox{}, NotUpdated: map[jmap.MailboxID]*jmap.SetError{},
		NotDestroyed: map[jmap.MailboxID]*jmap.SetError{},
	}
	err := a.mail.Change(ctx, func(c *replica.Changer) error {
		if err := c.ListBoxes(ctx); err != nil {
			return err
		}
		res.OldState = a.mail.States()[jmap.TypeMailbox]
		if set.IfInState != "" && set.IfInState != res.OldState {
			return jmap.StateMismatch
		}
		s := &boxSetter{ctx: ctx, a: a, c: c, set: set, res: &res,
			tree: newFolderTree(a.mail.Folders(), a.mail.Info().Prefix)}
		tasks := s.plan()
		s.orderAll(tasks)
		s.run(tasks)
		s.report()
		return nil
	})
	return res, failure(err)
}

// boxSetter is one MailboxSet under way, with the turn.
type boxSetter struct {
	ctx     context.Context
	a       *Account
	c       *replica.Changer
	set     *jmap.MailboxSet
	res     *jmap.MailboxSetResult
	tree    *folderTree
	making  map[jmap.CreationID]bool // creations still to come
	pending map[*folder]*boxTask     // updates and destructions still to come
	done    []*boxTask               // updates that were made
	tried   bool                     // something was asked of the server
	away    bool                     // the server is away: nothing more is tried
}

// boxTask is one of create, update and destroy.
type boxTask struct {
	create  *jmap.MailboxCreate
	update  *jmap.MailboxUpdate
	destroy jmap.MailboxID
	f       *folder        // of update and destroy; nil if there is none
	why     *jmap.SetError // an update that cannot be made
}

func (s *boxSetter) plan() []*boxTask {
	s.making, s.pending = map[jmap.CreationID]bool{}, map[*folder]*boxTask{}
	var tasks []*boxTask
	for i := range s.set.Create {
		s.making[s.set.Create[i].CreationID] = true
		tasks = append(tasks, &boxTask{create: &s.set.Create[i]})
	}
	for i := range s.set.Update {
		tasks = append(tasks, &boxTask{update: &s.set.Update[i], f: s.tree.byID[s.set.Update[i].ID]})
	}
	for _, id := range s.set.Destroy {
		tasks = append(tasks, &boxTask{destroy: id, f: s.tree.byID[id]})
	}
	for _, t := range tasks {
		if t.f != nil {
			s.pending[t.f] = t
		}
	}
	return tasks
}

// run does the tasks, each after those that make room for it: what counts is that
// the final state is valid (RFC 8620, section 5.3). Of names that are exchanged
// one is parked under another name meanwhile.
func (s *boxSetter) run(tasks []*boxTask) {
	for len(tasks) > 0 {
		var rest []*boxTask
		for _, t := range tasks {
			if s.waits(t) {
				rest = append(rest, t)
			} else {
				s.do(t)
			}
		}
		if len(rest) == len(tasks) && !s.park(rest) {
			s.do(rest[0]) // and hear why not
			rest = rest[1:]
		}
		tasks = rest
	}
}

// waits reports whether another task should come first.
func (s *boxSetter) waits(t *boxTask) bool {
	if t.create != nil && s.making[t.create.ParentCreation] {
		return true
	}
	if t.create == nil && t.f == nil {
		return false
	}
	if t.destroy != "" {
		for _, k := range t.f.kids {
			if s.leaves(k) {
				return true
			}
		}
		return false
	}
	parent, leaf, why := s.target(t)
	if why != nil {
		return false
	}
	if t.f != nil && parent.within(t.f) {
		for g := parent; g != t.f; g = g.parent {
			if s.leaves(g) {
				return true
			}
		}
	}
	there := parent.kids[leaf]
	return there != nil && there != t.f && s.leaves(there)
}

// leaves reports whether a task that is still to come frees the name of f.
func (s *boxSetter) leaves(f *folder) bool {
	t := s.pending[f]
	return t != nil && (t.destroy != "" || s.moves(t))
}

func (s *boxSetter) moves(t *boxTask) bool {
	if t.update == nil || t.f == nil {
		return false
	}
	parent, leaf, why := s.target(t)
	return why == nil && (parent != t.f.parent || leaf != t.f.leaf)
}

// target is where a task wants its mailbox to be.
func (s *boxSetter) target(t *boxTask) (parent *folder, leaf string, why *jmap.SetError) {
	if t.create != nil {
		parent, leaf = s.parent(t.create.ParentID), netUnicode(t.create.Name)
		if t.create.ParentCreation != "" {
			parent = s.tree.byMade[t.create.ParentCreation]
		}
	} else {
		parent, leaf = t.f.parent, t.f.leaf
		if t.f.parked != nil {
			parent, leaf = t.f.parked.parent, t.f.parked.leaf
		}
		if t.update.ParentID != nil {
			parent = s.parent(*t.update.ParentID)
		}
		if t.update.Name != nil {
			leaf = netUnicode(*t.update.Name)
		}
	}
	if parent == nil {
		return nil, "", invalid("parentId", "no such mailbox")
	}
	return parent, leaf, nil
}

func (s *boxSetter) parent(id jmap.MailboxID) *folder {
	if id == "" {
		return s.tree.root
	}
	f := s.tree.byID[id]
	if f == nil || f.parent.kids[f.leaf] != f {
		return nil // destroyed by this call
	}
	return f
}

// do carries a task out and notes what became of it.
func (s *boxSetter) do(t *boxTask) {
	delete(s.pending, t.f)
	var err error
	switch {
	case t.create != nil:
		delete(s.making, t.create.CreationID)
		if err = s.create(t.create, t); err != nil {
			s.res.NotCreated[t.create.CreationID] = s.refusal(err)
		}
	case t.update != nil:
		if err = s.update(t); err != nil {
			s.res.NotUpdated[t.update.ID] = s.refusal(err)
			s.unpark(t.f)
		} else {
			s.done = append(s.done, t)
		}
	default:
		if err = s.destroy(t.f); err != nil {
			s.res.NotDestroyed[t.destroy] = s.refusal(err)
		} else {
			s.res.Destroyed = append(s.res.Destroyed, t.destroy)
		}
	}
	if err != nil {
		s.a.log.Info("changing mailboxes", "err", err)
	}
}

// refusal is what a client is told of a mailbox that could not be changed.
func (s *boxSetter) refusal(err error) *jmap.SetError {
	var set *jmap.SetError
	switch {
	case errors.As(err, &set):
		return set
	case errors.Is(err, upstream.ErrExists):
		return invalid("name", "the mail server has such a mailbox")
	case errors.Is(err, upstream.ErrBadName):
		return invalid("name", "the mail server cannot have this name")
	case errors.Is(err, upstream.ErrNoBox):
		return &jmap.SetError{Type: jmap.SetNotFound}
	case errors.Is(err, upstream.ErrUnsupported):
		return &jmap.SetError{Type: jmap.SetForbidden, Description: "the mail server does not permit this"}
	}
	return refusal(err)
}

// ask does one step at the server.
func (s *boxSetter) ask(step func(context.Context) error) error {
	if s.away || s.ctx.Err() != nil {
		return upstream.ErrUnavailable
	}
	s.tried = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), mailboxStep)
	defer cancel()
	err := step(ctx)
	s.away = upstream.Temporary(err)
	return err
}

func (s *boxSetter) create(m *jmap.MailboxCreate, t *boxTask) error {
	parent, leaf, why := s.target(t)
	if why != nil {
		return why
	}
	if why := s.mayPut(nil, parent, leaf); why != nil {
		return why
	}
	role, why := s.newRole(m.Role, parent, leaf)
	if why != nil {
		return why
	}
	name := s.tree.name(parent, leaf)
	err := s.ask(func(ctx context.Context) error { return s.c.CreateBox(ctx, name, role, m.IsSubscribed) })
	if err == nil {
		s.tree.byMade[m.CreationID] = s.tree.add(parent, leaf)
	}
	return err
}

// newRole is the role to ask the server for: "" also where the name alone gives
// the role. A role is had by one mailbox at most (RFC 8621, section 2).
func (s *boxSetter) newRole(role jmap.Role, parent *folder, leaf string) (jmap.Role, *jmap.SetError) {
	if role == "" {
		return "", nil
	}
	for _, f := range s.tree.byID {
		if f.was.Role == role {
			return "", invalid("role", "another mailbox has this role")
		}
	}
	for _, r := range s.a.mail.Info().Roles {
		if r == role {
			return role, nil
		}
	}
	if parent == s.tree.root && replica.UsualName(role, leaf) {
		return "", nil
	}
	return "", invalid("role", "the mail server cannot keep this role")
}

// mayPut checks a place for f, or for a new mailbox if f is nil.
func (s *boxSetter) mayPut(f, parent *folder, leaf string) *jmap.SetError {
	height := 1
	if f != nil {
		height = f.height()
	}
	there := parent.kids[leaf]
	switch {
	case parent != s.tree.root && parent.box.Rights&jmap.MayCreateChild == 0 && (f == nil || f.parent != parent):
		return &jmap.SetError{Type: jmap.SetForbidden, Description: "no mailbox may be made there"}
	case !s.tree.takes(parent, leaf):
		return invalid("name", "the mail server cannot have this name")
	case there != nil && there != f:
		return invalid("name", "there is such a mailbox")
	case parent.depth()+height > MaxMailboxDepth:
		return invalid("parentId", "too many levels")
	case f != nil && parent.within(f):
		return invalid("parentId", "a mailbox cannot be below itself")
	}
	return nil
}

// update subscribes first: that can be undone, should the rename fail.
func (s *boxSetter) update(t *boxTask) error {
	u, f := t.update, t.f
	if f == nil {
		return &jmap.SetError{Type: jmap.SetNotFound}
	}
	switch {
	case u.Role != nil && *u.Role != f.was.Role:
		return invalid("role", "the role cannot be changed")
	case t.why != nil:
		return t.why
	}
	parent, leaf, why := s.target(t)
	if why != nil {
		return why
	}
	moves := parent != f.parent || leaf != f.leaf
	if moves {
		if f.box.Rights&jmap.MayRename == 0 {
			return &jmap.SetError{Type: jmap.SetForbidden, Description: "this mailbox may not be renamed or moved"}
		}
		if why := s.mayPut(f, parent, leaf); why != nil {
			return why
		}
	}
	subscribe := u.IsSubscribed != nil && *u.IsSubscribed != f.was.IsSubscribed
	if subscribe {
		if err := s.subscribe(f, *u.IsSubscribed); err != nil {
			return err
		}
	}
	if !moves {
		return nil
	}
	err := s.rename(f, parent, leaf)
	if err != nil && subscribe {
		if err := s.subscribe(f, f.was.IsSubscribed); err != nil {
			s.a.log.Info("taking a subscription back", "err", err)
		}
	}
	return err
}

func (s *boxSetter) subscribe(f *folder, on bool) error {
	return s.ask(func(ctx context.Context) error { return s.c.SubscribeBox(ctx, f.box.Name, on) })
}

func (s *boxSetter) rename(f, parent *folder, leaf string) error {
	to := s.tree.name(parent, leaf)
	err := s.ask(func(ctx context.Context) error { return s.c.RenameBox(ctx, f.box.Name, to) })
	if err == nil {
		s.tree.move(f, parent, leaf)
	}
	return err
}

// park gives one of several mailboxes that wait for each other's names another
// name for the time being.
func (s *boxSetter) park(rest []*boxTask) bool {
	for _, t := range rest {
		if !s.moves(t) || t.f.parked != nil || t.f.box.Rights&jmap.MayRename == 0 {
			continue
		}
		at := &home{t.f.parent, t.f.leaf}
		// At the top: the parent may wait for its children to leave.
		if s.rename(t.f, s.tree.root, "renaming-"+randomName()) == nil {
			t.f.parked = at
			return true
		}
	}
	return false
}

func randomName() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// unpark takes a mailbox back to where it was before it was parked.
func (s *boxSetter) unpark(f *folder) {
	if f == nil || f.parked == nil || f.parked.parent.kids[f.parked.leaf] != nil {
		return
	}
	if err := s.rename(f, f.parked.parent, f.parked.leaf); err != nil {
		s.a.log.Warn("taking a mailbox back to its name", "err", err)
	}
}

// destroy deletes a mailbox. Whether it is empty is asked of the server at the
// last moment. With OnDestroyRemoveEmails its mails go with it in one step of the
// server: those with copies elsewhere stay there, and if the step fails, all do.
func (s *boxSetter) destroy(f *folder) error {
	switch {
	case f == nil:
		return &jmap.SetError{Type: jmap.SetNotFound}
	case len(f.kids) > 0:
		return &jmap.SetError{Type: jmap.SetMailboxHasChild}
	case f.box.Rights&jmap.MayDelete == 0:
		return &jmap.SetError{Type: jmap.SetForbidden, Description: "this mailbox may not be deleted"}
	}
	if f.box.Selectable {
		if err := s.mayEmpty(f); err != nil {
			return err
		}
	}
	err := s.ask(func(ctx context.Context) error { return s.c.DeleteBox(ctx, f.box.Name) })
	if err == nil {
		s.tree.drop(f)
	}
	return err
}

// mayEmpty checks that what is in a mailbox may go with it. Mails that another
// program has marked as deleted are not seen in JMAP (RFC 8621, section 4.1.1) but
// are there, and are not ours to expunge.
func (s *boxSetter) mayEmpty(f *folder) error {
	var mails uint64
	err := s.ask(func(ctx context.Context) (err error) {
		mails, err = s.c.CountMails(ctx, f.box.Name)
		return err
	})
	switch {
	case err != nil || mails == 0:
		return err
	case !s.set.OnDestroyRemoveEmails:
		return &jmap.SetError{Type: jmap.SetMailboxHasEmail}
	case f.box.Rights&jmap.MayRemoveItems == 0:
		return &jmap.SetError{Type: jmap.SetForbidden, Description: "no mail may be taken from this mailbox"}
	}
	return nil
}

// report reads back what the server made of it all.
func (s *boxSetter) report() {
	var err error
	if s.tried {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), mailboxStep)
		defer cancel()
		if err = s.c.ListBoxes(ctx); err != nil {
			s.a.log.Info("looking at changed mailboxes", "err", err)
		}
	}
	s.orderDone()
	byName := make(map[string]*jmap.Mailbox)
	byID := make(map[jmap.MailboxID]*jmap.Mailbox)
	for _, f := range s.a.mail.Folders() {
		byName[f.Box.Name], byID[f.Mailbox.ID] = &f.Mailbox, &f.Mailbox
	}
	for cid, f := range s.tree.byMade {
		if m := byName[f.box.Name]; m != nil {
			s.res.Created[cid] = m
		} else {
			s.res.NotCreated[cid] = &jmap.SetError{Type: jmap.SetServerFail, Description: "the new mailbox cannot be found"}
		}
	}
	for _, t := range s.done {
		s.res.Updated[t.update.ID] = unlike(byID[t.update.ID], t)
	}
	s.res.NewState = s.a.mail.States()[jmap.TypeMailbox]
	if err != nil || !s.accounted() {
		s.res.OldState = ""
	}
}

// unlike returns the Mailbox if it is not just what the client asked for: a name
// in another normal form, a role that went with the old name.
func unlike(m *jmap.Mailbox, t *boxTask) *jmap.Mailbox {
	u := t.update
	if m == nil || m.Role == t.f.was.Role && (u.Name == nil || *u.Name == m.Name) && (u.ParentID == nil || *u.ParentID == m.ParentID) &&
		(u.SortOrder == nil || *u.SortOrder == m.SortOrder) && (u.IsSubscribed == nil || *u.IsSubscribed == m.IsSubscribed) && (u.IsSubscribed != nil || m.IsSubscribed == t.f.was.IsSubscribed) {
		return nil
	}
	return m
}

// accounted reports whether every change between the two states is in the result,
// so that a client need not ask for more.
func (s *boxSetter) accounted() bool {
	if s.res.OldState == s.res.NewState {
		return true
	}
	ch, err := s.a.mail.Changes(jmap.TypeMailbox, s.res.OldState, 0)
	if err != nil {
		return false
	}
	told := make(map[string]bool)
	for _, m := range s.res.Created {
		told[string(m.ID)] = true
	}
	for id := range s.res.Updated {
		told[string(id)] = true
	}
	for _, id := range s.res.Destroyed {
		told[string(id)] = true
	}
	for _, list := range [][]string{ch.Created, ch.Updated, ch.Destroyed} {
		for _, id := range list {
			if !told[id] {
				return false
			}
		}
	}
	return true
}
