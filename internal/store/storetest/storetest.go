// Package storetest is the contract of store.Store as a test: any
// implementation passes Run. It says what a keeper may rely on, not how.
package storetest

import (
	"errors"
	"testing"
	"time"

	"cofferdam/internal/store"
	"cofferdam/internal/user"
)

// Run checks an implementation. open returns an empty store and closes it when
// the test ends.
func Run(t *testing.T, open func(*testing.T) store.Store) {
	for name, f := range map[string]func(*testing.T, store.Store){
		"Logins":          testLogins,
		"LoginsMove":      testLoginsMove,
		"Slots":           testSlots,
		"SlotLimit":       testSlotLimit,
		"UserKeys":        testUserKeys,
		"Sessions":        testSessions,
		"SessionReplace":  testSessionReplace,
		"SessionSweeps":   testSessionSweeps,
		"SessionLimit":    testSessionLimit,
		"Records":         testRecords,
		"RecordConflicts": testRecordConflicts,
		"RecordFence":     testRecordFence,
		"RecordBatch":     testRecordBatch,
		"RecordLimits":    testRecordLimits,
		"RecordRace":      testRecordRace,
		"List":            testList,
		"PageBytes":       testPageBytes,
		"Changes":         testChanges,
		"Kept":            testKept,
		"Derived":         testDerived,
		"Purge":           testPurge,
		"Roots":           testRoots,
		"Leases":          testLeases,
		"LeaseRelease":    testLeaseRelease,
		"DeleteUser":      testDeleteUser,
		"NoSuchUser":      testNoSuchUser,
		"ClosedContext":   testClosedContext,
	} {
		t.Run(name, func(t *testing.T) { f(t, open(t)) })
	}
}

// person makes a person with a login derived from n.
func person(t *testing.T, s store.Store, n byte) user.ID {
	t.Helper()
	uid := user.NewID()
	if _, err := s.AddLogin(t.Context(), store.LoginID{n}, uid); err != nil {
		t.Fatal(err)
	}
	return uid
}

// owned makes a person whom a cell holds, and returns the fence.
func owned(t *testing.T, s store.Store, n byte) (user.ID, int64) {
	t.Helper()
	uid := person(t, s, n)
	return uid, lease(t, s, uid, "node", "cell").Fence
}

func lease(t *testing.T, s store.Store, uid user.ID, node, cell string) store.Lease {
	t.Helper()
	now := time.Now()
	l, err := s.AcquireLease(t.Context(), store.Lease{UID: uid, Node: node, Cell: cell, Expires: now.Add(time.Minute)}, now, true)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
