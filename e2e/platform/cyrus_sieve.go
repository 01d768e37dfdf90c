package platform

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// CyrusSieve compiles a script as Cyrus does before it stores one; the error has
// its words. Where there is no Cyrus it skips or fails the test as Require does.
func CyrusSieve(t testing.TB, script string) error {
	t.Helper()
	root := os.Getenv(CyrusVariable)
	if root == "" {
		root = cyrusRoot
	}
	program := filepath.Join(root, cyrusBin, "sievec")
	if _, err := os.Stat(program); err != nil {
		Unmet(t, "Cyrus is missing: .ci/packages unpacks it to "+cyrusRoot+", or name its folder in "+CyrusVariable)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"imapd.conf": "configdirectory: " + dir + "\ndefaultpartition: default\npartition-default: " + dir + "\n", "script": script} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), program, "-C", filepath.Join(dir, "imapd.conf"), filepath.Join(dir, "script"), filepath.Join(dir, "bytecode"))
	c := Cyrus{root: root}
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+c.libraries())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
