package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"
)

// copyLog passes the log of a role on: lines that are our JSON as records of the
// supervisor's log, anything else (a crash) as text. A role that writes too much
// is cut, so that a hostile one cannot fill the disk.
func (s *supervisor) copyLog(name string, r io.ReadCloser) {
	defer r.Close()
	br := bufio.NewReaderSize(r, maxLogLine)
	second, lines, dropped := time.Now(), 0, 0
	for {
		line, err := br.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			line = bytes.Clone(line) // the buffer is used again
			for err == bufio.ErrBufferFull {
				_, err = br.ReadSlice('\n') // the rest of an overlong line
			}
		}
		line = bytes.TrimRight(line, "\r\n")
		if time.Since(second) > time.Second {
			if dropped > 0 {
				s.log.Warn("log lines dropped", "role", name, "lines", dropped)
			}
			second, lines, dropped = time.Now(), 0, 0
		}
		if lines++; lines > maxLogRate {
			dropped++
		} else if len(line) > 0 {
			s.relay(name, line)
		}
		if err != nil {
			return
		}
	}
}

func (s *supervisor) relay(name string, line []byte) {
	var rec map[string]any
	if json.Unmarshal(line, &rec) != nil {
		s.log.Error("role wrote", "role", name, "text", string(line))
		return
	}
	var level slog.Level
	text, _ := rec["level"].(string)
	if level.UnmarshalText([]byte(text)) != nil {
		level = slog.LevelInfo
	}
	msg, _ := rec["msg"].(string)
	s.log.Log(s.ctx, level, msg, relayed(name, rec)...)
}

// relayed are the attributes of a role's log line. A role may be hostile: its
// words cannot take the place of ours, nor make keys that a reader of the log
// takes for something else.
func relayed(name string, rec map[string]any) []any {
	attrs := []any{"role", name}
	for _, k := range slices.Sorted(maps.Keys(rec)) {
		switch k {
		case slog.LevelKey, slog.MessageKey, slog.TimeKey, slog.SourceKey, "role":
			continue
		}
		if len(attrs) < 2*maxLogAttrs && isLogKey(k) {
			attrs = append(attrs, k, rec[k])
		}
	}
	return attrs
}

func isLogKey(k string) bool {
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	}
	return k != "" && len(k) <= maxLogKey && !strings.ContainsFunc(k, odd)
}
