package demo

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// record is one change of an account. Op says which fields count.
type record struct {
	Op string `json:"op"`
	// Box is the mailbox's number, which no other mailbox ever has; it is the
	// UIDVALIDITY too.
	Box  uint32 `json:"box,omitempty"`
	Name string `json:"name,omitempty"`
	Use  string `json:"use,omitempty"`
	On   bool   `json:"on,omitempty"`

	UID   uint32   `json:"uid,omitempty"`
	Flags []string `json:"flags,omitempty"`
	// Date is the time of arrival in Unix seconds, Zone its offset in seconds.
	Date int64 `json:"date,omitempty"`
	Zone int   `json:"zone,omitempty"`
	// Size bytes follow the line, with the checksum Sum.
	Size int64  `json:"size,omitempty"`
	Sum  uint32 `json:"sum,omitempty"`
}

// The values of record.Op.
const (
	opBox       = "box"       // create: Box, Name, Use
	opRename    = "rename"    // Box, Name
	opDelete    = "delete"    // Box
	opSubscribe = "subscribe" // Box, On
	opNext      = "next"      // Box, UID: the next UID is at least this
	opMail      = "mail"      // Box, UID, Flags, Date, Zone, Size, Sum and the bytes
	opFlags     = "flags"     // Box, UID, Flags
	opExpunge   = "expunge"   // Box, UID
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode appends the record with its body to dst.
func (r record) encode(dst []byte, body []byte) ([]byte, error) {
	if r.Op == opMail {
		r.Size, r.Sum = int64(len(body)), crc32.Checksum(body, castagnoli)
	}
	line, err := json.Marshal(r)
	if err != nil {
		return dst, err
	}
	dst = append(append(dst, line...), '\n')
	if r.Op == opMail {
		dst = append(append(dst, body...), '\n')
	}
	return dst, nil
}

// errTorn marks a last record that was not written whole.
var errTorn = errors.New("record is not whole")

// readLog calls apply for each record with the offset of its body, and returns
// how many bytes are good. What follows them is a torn record.
func readLog(f io.Reader, apply func(r record, body int64) error) (good int64, err error) {
	br := bufio.NewReaderSize(f, 64<<10)
	for {
		r, head, err := readRecord(br)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, errTorn):
			return good, nil
		case err != nil:
			return good, fmt.Errorf("record at byte %d: %w", good, err)
		}
		if err := apply(r, good+head); err != nil {
			return good, fmt.Errorf("record at byte %d: %w", good, err)
		}
		good += head
		if r.Op == opMail {
			good += r.Size + 1
		}
	}
}

// readRecord reads one record and checks its body; head is the length of its
// line.
func readRecord(br *bufio.Reader) (r record, head int64, err error) {
	line, err := readLine(br)
	if err != nil {
		return r, 0, err
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, 0, err
	}
	if r.Op != opMail {
		return r, int64(len(line)), nil
	}
	if r.Size < 0 || r.Size > maxMessage {
		return r, 0, fmt.Errorf("mail of %d bytes", r.Size)
	}
	h := crc32.New(castagnoli)
	if _, err := io.CopyN(h, br, r.Size); err != nil {
		return r, 0, errTorn
	}
	if b, err := br.ReadByte(); err != nil || b != '\n' || h.Sum32() != r.Sum {
		return r, 0, errTorn
	}
	return r, int64(len(line)), nil
}

func readLine(br *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := br.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, errTorn
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(line) > maxRecordLine:
			return nil, errors.New("record line too long")
		}
	}
}

// writeFile replaces a file as a whole: the old or the new one is there after a
// crash, never half of it.
func writeFile(name string, data []byte, sync bool) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already after the rename
	_, err = io.Copy(f, bytes.NewReader(data))
	if err == nil && sync {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil || !sync {
		return err
	}
	return syncDir(filepath.Dir(name))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
