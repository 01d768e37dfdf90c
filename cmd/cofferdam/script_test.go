package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"cofferdam/internal/demo"
)

// binary is the program under test: the one that COFFERDAM_BIN names, else a
// fresh one, built as it is shipped (without cgo; the sandbox needs that).
var binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("COFFERDAM_BIN"); path != "" {
		return filepath.Abs(path)
	}
	dir, err := os.MkdirTemp("", "cofferdam-test-")
	if err != nil {
		return "", err
	}
	// Roles run under user ids of their own and are started from this file.
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "cofferdam")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return path, cmd.Run()
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil && os.Getenv("COFFERDAM_BIN") == "" {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

func program(t *testing.T) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatalf("building the program: %v", err)
	}
	return path
}

// TestScripts runs the program as a person would; see testdata/*.txt.
//
// Each script has $IMAP and $SMTP, a mail platform that answers; $DOWN, an
// address where nothing listens; $PORT, a port that is free; and the command
// certificate FILE KEY HOST.
func TestScripts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bin") // with the program's name, whatever COFFERDAM_BIN calls it
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program(t), filepath.Join(dir, "cofferdam")); err != nil {
		t.Fatal(err)
	}
	platform, err := demo.Start(t.Context(), demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := platform.Close(); err != nil {
			t.Error(err)
		}
	})
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			if err := openWay(e.WorkDir); err != nil {
				return err
			}
			e.Setenv("PATH", dir+string(filepath.ListSeparator)+e.Getenv("PATH"))
			e.Setenv("IMAP", platform.IMAP)
			e.Setenv("SMTP", platform.SMTP)
			e.Setenv("DOWN", freeAddress(t))
			_, port, err := net.SplitHostPort(freeAddress(t))
			e.Setenv("PORT", port)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"certificate": certificate},
	})
}

// openWay lets roles, which run under user ids of their own when started by
// root, pass to folders below dir.
func openWay(dir string) error {
	for dir != filepath.Clean(os.TempDir()) && dir != "/" {
		if err := os.Chmod(dir, 0o711); err != nil {
			return err
		}
		dir = filepath.Dir(dir)
	}
	return nil
}

// freeAddress is an address on this machine where nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// certificate writes a self-signed certificate and its key.
func certificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: certificate FILE KEY HOST")
	}
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: args[2]}, DNSNames: []string{args[2]},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, priv.Public(), priv)
	ts.Check(err)
	key, err := x509.MarshalPKCS8PrivateKey(priv)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
}
