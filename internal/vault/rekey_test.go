package vault

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/seal"
	"cofferdam/internal/user"
)

func TestRekeyKeepsEverythingReadable(t *testing.T) {
	dir := t.TempDir()
	v := mustOpen(t, Config{Dir: dir})
	uid := newPerson(t, v)
	s := newSlot(t, v, uid, "pw")
	before := v.wrapKey()
	old := append([]byte(nil), before.key.Reveal()...)
	must(t, v.Rekey(t.Context()))
	s.mustOpen(t, v, uid, "pw")
	if now := v.wrapKey(); now.number != before.number+1 || bytes.Equal(now.key.Reveal(), old) {
		t.Errorf("key number %d after %d", now.number, before.number)
	}
	if !before.key.IsZero() {
		t.Error("the old key was not wiped")
	}
	text, err := os.ReadFile(filepath.Join(dir, keyFileName))
	must(t, err)
	if bytes.Contains(text, []byte(seal.EncodeBase64(old))) {
		t.Error("the key file still has the old key")
	}
	v.Close()
	v = mustOpen(t, Config{Dir: dir})
	s.mustOpen(t, v, uid, "pw")
}

// After a rekey, an older copy of the database has nothing that the key file of
// today opens: that is what makes a deletion hold.
func TestDestructionHoldsInOldCopies(t *testing.T) {
	dir := t.TempDir()
	v := mustOpen(t, Config{Dir: dir})
	uid := newPerson(t, v)
	s := newSlot(t, v, uid, "pw")
	must(t, v.db.Checkpoint(t.Context()))
	copied, err := os.ReadFile(filepath.Join(dir, "vault.db"))
	must(t, err)
	must(t, v.CloseUser(t.Context(), uid, 0))
	must(t, v.changePerson(t.Context(), "hurrying", "UPDATE people SET destroy_after = 1 WHERE uid = ?", uid[:]))
	gone, _, err := v.DestroyDue(t.Context())
	if err != nil || len(gone) != 1 {
		t.Fatalf("DestroyDue = %v, %v", gone, err)
	}
	must(t, v.Rekey(t.Context()))
	key, err := os.ReadFile(filepath.Join(dir, keyFileName))
	must(t, err)

	stolen := t.TempDir()
	must(t, os.WriteFile(filepath.Join(stolen, "vault.db"), copied, 0o600))
	must(t, os.WriteFile(filepath.Join(stolen, keyFileName), key, 0o600))
	if again, err := Open(t.Context(), Config{Dir: stolen}, slog.New(slog.DiscardHandler)); err == nil {
		_, err = s.open(t, again, uid, "pw")
		again.Close()
		if err == nil {
			t.Fatal("an old copy and today's key file open a destroyed person's slot")
		}
	}
}

// A crash at any point of a rekey leaves a vault that opens and finishes it.
func TestInterruptedRekey(t *testing.T) {
	for name, until := range map[string]func(*testing.T, *Vault){
		"before any row":   func(*testing.T, *Vault) {},
		"after the keys":   func(t *testing.T, v *Vault) { _, err := v.moveKeys(t.Context(), v.wrapKey()); must(t, err) },
		"after the people": func(t *testing.T, v *Vault) { _, err := v.movePeople(t.Context(), v.wrapKey()); must(t, err) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			v := mustOpen(t, Config{Dir: dir})
			uid := newPerson(t, v)
			s := newSlot(t, v, uid, "pw")
			must(t, v.startRekey())
			until(t, v)
			s.mustOpen(t, v, uid, "pw") // while both keys are there
			v.Close()
			v = mustOpen(t, Config{Dir: dir})
			s.mustOpen(t, v, uid, "pw")
			keys, err := readKeyFile(dir)
			if err != nil || len(keys) != 1 || keys[0].number != 2 {
				t.Errorf("key file has %d keys, %v; want number 2 alone", len(keys), err)
			}
		})
	}
}

func TestRekeyBesideOtherCalls(t *testing.T) {
	v := mustOpen(t, Config{})
	uid := newPerson(t, v)
	s := newSlot(t, v, uid, "pw")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := v.Wrap(t.Context(), uid, s.header.Bytes(), make([]byte, seal.SlotInnerSize)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	wg.Go(func() {
		for range 10 {
			if err := v.NewUser(t.Context(), user.NewID()); err != nil {
				t.Error(err)
			}
			if _, err := v.NewPepper(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	for range 4 {
		must(t, v.Rekey(t.Context()))
	}
	close(stop)
	wg.Wait()
	s.mustOpen(t, v, uid, "pw")
	var old int
	must(t, v.DB().QueryRow("SELECT (SELECT count(*) FROM people WHERE key_number <> ?1) + (SELECT count(*) FROM keys WHERE key_number <> ?1)", v.wrapKey().number).Scan(&old))
	if old != 0 {
		t.Errorf("%d rows are wrapped under a key that is gone", old)
	}
}

func TestManyPeopleAreMovedInSteps(t *testing.T) {
	v := mustOpen(t, Config{})
	first := newPerson(t, v)
	s := newSlot(t, v, first, "pw")
	for range rekeyStep + 10 {
		// Straight into the table: NewUser would wait for the disk each time.
		uid := user.NewID()
		shred, k := seal.NewShredKey(), v.wrapKey()
		wrapped, err := k.key.WrapShred(k.number, uid, shred)
		must(t, err)
		if _, err := v.testOnlyExec(t.Context(), "INSERT INTO people (uid, key_number, wrapped, created) VALUES (?, ?, ?, 1)", uid[:], k.number, wrapped); err != nil {
			t.Fatal(err)
		}
	}
	must(t, v.Rekey(t.Context()))
	s.mustOpen(t, v, first, "pw")
	var old int
	must(t, v.DB().QueryRow("SELECT count(*) FROM people WHERE key_number <> 2").Scan(&old))
	if old != 0 {
		t.Errorf("%d people were left behind", old)
	}
}

func TestRekeyDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &Vault{keys: []vaultKey{newVaultKey(0)}}
		time.Sleep(KeyLife - time.Second)
		if v.RekeyDue() {
			t.Error("due before its time")
		}
		time.Sleep(2 * time.Second)
		if !v.RekeyDue() {
			t.Error("not due after its time")
		}
	})
}

func TestParseKeyFileIsStrict(t *testing.T) {
	k := seal.EncodeBase64(bytes.Repeat([]byte{7}, seal.KeySize))
	good := keyFileHeader + "\n1 1700000000 " + k + "\n2 1700000000 " + k + "\n"
	if keys, err := parseKeyFile([]byte(good)); err != nil || len(keys) != 2 {
		t.Fatalf("a good file: %v, %v", keys, err)
	}
	for name, text := range map[string]string{
		"empty":          "",
		"no key":         keyFileHeader + "\n",
		"header":         "other\n1 1 " + k + "\n",
		"no final break": keyFileHeader + "\n1 1 " + k,
		"three keys":     good + "3 1 " + k + "\n",
		"gap":            keyFileHeader + "\n1 1 " + k + "\n3 1 " + k + "\n",
		"number":         keyFileHeader + "\n0 1 " + k + "\n",
		"time":           keyFileHeader + "\n1 x " + k + "\n",
		"short key":      keyFileHeader + "\n1 1 " + k[:40] + "\n",
		"zero key":       keyFileHeader + "\n1 1 " + seal.EncodeBase64(make([]byte, 32)) + "\n",
		"fields":         keyFileHeader + "\n1 1 1 " + k + "\n",
	} {
		if _, err := parseKeyFile([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzParseKeyFile(f *testing.F) {
	f.Add([]byte(keyFileHeader + "\n1 1 " + seal.EncodeBase64(bytes.Repeat([]byte{7}, seal.KeySize)) + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := parseKeyFile(text)
		if err == nil && (len(keys) == 0 || len(keys) > 2) {
			t.Errorf("%d keys", len(keys))
		}
	})
}
