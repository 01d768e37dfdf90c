package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // the keeper's database, to see that it runs under the filter
)

// A task does something a role does; it must work inside.
type task func(args []string) (map[string]float64, error)

func tasks() map[string]task {
	return map[string]task{
		"nothing": func([]string) (map[string]float64, error) { return dataUsed(), nil },
		"http":    serveHTTP,
		"runtime": exerciseRuntime,
		"memory":  eatMemory,
		"crash":   func([]string) (map[string]float64, error) { panic("a crash on purpose") },
		"sleep":   func([]string) (map[string]float64, error) { time.Sleep(time.Minute); return nil, nil },
		"sqlite":  useSQLite,
		"read":    readFile,
		"dial":    dial,
		"hoard":   hoardDescriptors,
		"crowd":   crowd,
		"threads": nil, // oldThreads.check
	}
}

// dataUsed is what RLIMIT_DATA counts, found by lowering nothing: /proc is gone,
// so the runtime's own figures stand in.
func dataUsed() map[string]float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return map[string]float64{"sys": float64(m.Sys)}
}

// serveHTTP runs a real server and client over socket pairs, as the roles do, with
// concurrent calls and a large body, and measures.
func serveHTTP([]string) (map[string]float64, error) {
	l := newPairListener()
	srv := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			w.Write(body) // an echo; errors show at the client
		}
	})}
	go srv.Serve(l)
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return l.dial() },
	}}
	if err := callMany(client); err != nil {
		return nil, err
	}
	small, err := measureCalls(client, 200, 3000)
	if err != nil {
		return nil, err
	}
	large, err := measureCalls(client, 64<<10, 500)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	client.CloseIdleConnections()
	return map[string]float64{"p50_200B_us": small, "p50_64KiB_us": large}, srv.Shutdown(ctx)
}

func callMany(client *http.Client) error {
	errs := make([]error, 20)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = call(client, bytes.Repeat([]byte{byte(i)}, 1<<20)) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func call(client *http.Client, body []byte) error {
	resp, err := client.Post("http://role/", "application/octet-stream", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, body) {
		return fmt.Errorf("%d bytes came back of %d", len(got), len(body))
	}
	return nil
}

// measureCalls is the median of n calls, in microseconds.
func measureCalls(client *http.Client, size, n int) (float64, error) {
	body, took := make([]byte, size), make([]float64, n)
	for i := range took {
		began := time.Now()
		if err := call(client, body); err != nil {
			return 0, err
		}
		took[i] = float64(time.Since(began).Nanoseconds()) / 1000
	}
	slices.Sort(took)
	return took[n/2], nil
}

// pairListener accepts one end of each socket pair that dial makes.
type pairListener struct{ conns chan net.Conn }

func newPairListener() *pairListener { return &pairListener{make(chan net.Conn)} }

func (l *pairListener) dial() (net.Conn, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("socketpair: %w", err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		ends[i], err = net.FileConn(f)
		f.Close()
		if err != nil {
			return nil, err
		}
	}
	l.conns <- ends[0]
	return ends[1], nil
}

func (l *pairListener) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *pairListener) Close() error   { close(l.conns); return nil }
func (l *pairListener) Addr() net.Addr { return &net.UnixAddr{} }

// exerciseRuntime makes the runtime do what it does only now and then: new
// threads, collections, preemption of busy loops, timers, signals.
func exerciseRuntime([]string) (map[string]float64, error) {
	old := runtime.GOMAXPROCS(8)
	defer runtime.GOMAXPROCS(old)
	got := make(chan os.Signal, 1)
	signal.Notify(got, syscall.SIGUSR1)
	if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
		return nil, fmt.Errorf("signalling oneself: %w", err)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			var keep [][]byte
			for range 50 {
				keep = append(keep, make([]byte, 32<<10))
			}
			time.Sleep(time.Millisecond)
			runtime.KeepAlive(keep)
		})
	}
	stop := time.Now().Add(50 * time.Millisecond)
	wg.Go(func() {
		for time.Now().Before(stop) { // a busy loop that must be interrupted for GC
		}
	})
	for range 5 {
		runtime.GC()
	}
	wg.Wait()
	select {
	case <-got:
		return nil, nil
	case <-time.After(5 * time.Second):
		return nil, errors.New("the signal did not arrive")
	}
}

// eatMemory takes args[0] MiB and touches them.
func eatMemory(args []string) (map[string]float64, error) {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return nil, err
	}
	var keep [][]byte
	for range n {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		keep = append(keep, b)
	}
	runtime.KeepAlive(keep)
	return dataUsed(), nil
}

// useSQLite writes and reads a database in the folder args[0].
func useSQLite(args []string) (map[string]float64, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(args[0], "db.sqlite")+"?_pragma=journal_mode(wal)&_pragma=synchronous(full)")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	for _, q := range []string{
		"create table if not exists t (a integer primary key, b blob)",
		"insert into t (b) select randomblob(1000) from (with recursive c(x) as (select 1 union all select x+1 from c where x<1000) select x from c)",
		"update t set b = randomblob(900)", "delete from t where a % 2", "vacuum", "pragma wal_checkpoint(truncate)",
	} {
		if _, err := db.Exec(q); err != nil {
			return nil, fmt.Errorf("%s: %w", q, err)
		}
	}
	var n float64
	err = db.QueryRow("select count(*) from t").Scan(&n)
	return map[string]float64{"rows": n}, err
}

func readFile(args []string) (map[string]float64, error) {
	b, err := os.ReadFile(args[0])
	return map[string]float64{"bytes": float64(len(b))}, err
}

// dial connects to args[0] by TCP and says whether it worked.
func dial(args []string) (map[string]float64, error) {
	c, err := net.DialTimeout("tcp", args[0], time.Second)
	if err != nil {
		return nil, err
	}
	return nil, c.Close()
}

// hoardDescriptors opens until the kernel says no, and counts.
func hoardDescriptors([]string) (map[string]float64, error) {
	const far = 10_000
	for n := range far {
		if _, err := unix.Eventfd(0, unix.EFD_CLOEXEC); errors.Is(err, unix.EMFILE) {
			return map[string]float64{"files": float64(n)}, nil
		} else if err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%d descriptors were granted", far)
}

// crowd starts args[0] threads that stay.
func crowd(args []string) (map[string]float64, error) {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return nil, err
	}
	var up, stay sync.WaitGroup
	up.Add(n)
	stay.Add(1)
	for range n {
		go func() {
			runtime.LockOSThread()
			up.Done()
			stay.Wait()
		}()
	}
	up.Wait()
	stay.Done()
	return nil, nil
}
