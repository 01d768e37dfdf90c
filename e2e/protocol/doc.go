// Package protocol asks JMAP of the whole product in front of every kind of mail
// server: one suite of black-box tests, by family of methods, over the tiers that
// platforms are of (DESIGN section 4). What a tier lacks must not show: the tests
// are the same for all, and know nothing of the server but another mail program
// that shares the mailbox.
//
// The tiers are
//
//   - memory: the account above a platform in memory, without the other roles;
//   - demo: the embedded platform of "cofferdam demo", which has no ids of mails,
//     no mod-sequences and no NOTIFY;
//   - Dovecot with all that it has, and cut down by imap_capability in three ways;
//   - Cyrus 3.6.1 with ids of its own (RFC 8474) and without NOTIFY.
//
// Submission goes through Postfix, except in memory and in the demo. Each family
// has a person of its own, so that families run at the same time; tests of one
// family follow one another, each in mailboxes that it makes.
//
// docs/results/tiers.md has the number of tests, tier by family; "make tiers"
// writes it, and a run of the suite fails when it is not true any more.
package protocol
