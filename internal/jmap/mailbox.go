package jmap

// Mailbox is a named set of Emails (RFC 8621, section 2).
type Mailbox struct {
	ID            MailboxID
	Name          string
	ParentID      MailboxID // "" is null: top level
	Role          Role      // "" is null
	SortOrder     uint32
	TotalEmails   uint64
	UnreadEmails  uint64
	TotalThreads  uint64
	UnreadThreads uint64
	MyRights      Rights
	IsSubscribed  bool
}

// Role is the common purpose of a Mailbox: an attribute of the IANA registry of
// IMAP mailbox names, in lower case, without the backslash.
type Role string

// The roles that this server gives.
const (
	RoleInbox     Role = "inbox"
	RoleDrafts    Role = "drafts"
	RoleSent      Role = "sent"
	RoleTrash     Role = "trash"
	RoleJunk      Role = "junk"
	RoleArchive   Role = "archive"
	RoleAll       Role = "all"
	RoleFlagged   Role = "flagged"
	RoleImportant Role = "important"
)

// Rights is what a person may do with a Mailbox (MailboxRights, RFC 8621,
// section 2).
type Rights uint16

// One bit a right.
const (
	MayReadItems Rights = 1 << iota
	MayAddItems
	MayRemoveItems
	MaySetSeen
	MaySetKeywords
	MayCreateChild
	MayRename
	MayDelete
	MaySubmit

	AllRights Rights = 1<<iota - 1
)

// MailboxProps is a set of properties of a Mailbox.
type MailboxProps uint16

// One bit a property.
const (
	MailboxPropID MailboxProps = 1 << iota
	MailboxPropName
	MailboxPropParentID
	MailboxPropRole
	MailboxPropSortOrder
	MailboxPropTotalEmails
	MailboxPropUnreadEmails
	MailboxPropTotalThreads
	MailboxPropUnreadThreads
	MailboxPropMyRights
	MailboxPropIsSubscribed

	AllMailboxProps MailboxProps = 1<<iota - 1
)

// MailboxSet is one Mailbox/set (RFC 8621, section 2.5).
type MailboxSet struct {
	IfInState State // "" is null
	// Create is in an order in which a parent comes before its children.
	Create                []MailboxCreate
	Update                []MailboxUpdate
	Destroy               []MailboxID
	OnDestroyRemoveEmails bool
}

// MailboxCreate is a Mailbox to be made.
type MailboxCreate struct {
	CreationID CreationID
	Name       string
	ParentID   MailboxID
	// ParentCreation names an earlier item of the same Create; then ParentID is
	// "". If that item was refused, so is this one: invalidProperties.
	ParentCreation CreationID
	Role           Role
	SortOrder      uint32
	IsSubscribed   bool
}

// MailboxUpdate changes the properties that are not nil.
type MailboxUpdate struct {
	ID           MailboxID
	Name         *string
	ParentID     *MailboxID // to "": to the top
	Role         *Role      // to "": none
	SortOrder    *uint32
	IsSubscribed *bool
}

// MailboxSetResult is the outcome of a MailboxSet. A created Mailbox is returned
// whole.
type MailboxSetResult = SetResult[MailboxID, Mailbox]

// MailboxCondition is the FilterCondition of Mailbox/query (RFC 8621, section
// 2.3). What is nil or "" is not asked.
type MailboxCondition struct {
	ParentID     *MailboxID // to "": top level
	Name         string
	Role         *Role // to "": none
	HasAnyRole   *bool
	IsSubscribed *bool
}
