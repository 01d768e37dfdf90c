package server

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
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
		for err == bufio.ErrBufferFull { // the rest of an overlong line
			var rest []byte
			rest, err = br.ReadSlice('\n')
			_ = rest
		}
		if time.Since(second) > time.Second {
			if dropped > 0 {
				s.log.Warn("log lines dropped", "role", name, "lines", dropped)
			}
			second, lines, dropped = time.Now(), 0, 0
		}
		if lines++; lines > maxLogRate {
			dropped++
		} else if len(line) > 1 {
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
		s.log.Error("role wrote", "role", name, "text", string(line[:len(line)-1]))
		return
	}
	var level slog.Level
	text, _ := rec["level"].(string)
	if level.UnmarshalText([]byte(text)) != nil {
		level = slog.LevelInfo
	}
	msg, _ := rec["msg"].(string)
	attrs := []any{"role", name}
	for k, v := range rec {
		if k != "level" && k != "msg" && k != "time" && k != "role" {
			attrs = append(attrs, k, v)
		}
	}
	s.log.Log(s.ctx, level, msg, attrs...)
}
