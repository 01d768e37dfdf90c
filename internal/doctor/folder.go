package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// checkFolder looks at who may read what lies in the data folder.
func checkFolder(data string) Finding {
	f := Finding{Check: "data folder", About: "Each role keeps its files in a sub-folder that it alone can enter; the folder must not be writable by others."}
	info, err := os.Stat(data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return checkParent(f, data)
	case err != nil:
		return f.fail("Run doctor as who runs Cofferdam.", "%s", err)
	case !info.IsDir():
		return f.fail("Set data to a folder of Cofferdam's own.", "%s is not a folder", data)
	}
	wrong := closedWays(data, os.Geteuid() == 0)
	if info.Mode().Perm()&0o022 != 0 {
		wrong = append(wrong, fmt.Sprintf("%s is writable by others (%s): chmod go-w %s", data, info.Mode().Perm(), data))
	}
	for _, name := range []string{"keeper", "vault", "gate"} {
		wrong = append(wrong, tooOpen(filepath.Join(data, name))...)
	}
	for _, name := range []string{"keys.json", "operator-online.key"} {
		wrong = append(wrong, tooOpen(filepath.Join(data, name))...)
	}
	if len(wrong) > 0 {
		return f.fail("Do as said. If a role's files were open, ask who could read them and whether keys must be made anew.", "%s", strings.Join(wrong, "\n"))
	}
	return f.ok("%s is closed to others", data)
}

// closedWays lists the folders on the way to data that the roles cannot pass:
// started by root, they run under user ids of their own.
func closedWays(data string, root bool) []string {
	if !root {
		return nil
	}
	var out []string
	for dir := data; dir != "/" && dir != "."; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o001 == 0 {
			out = append(out, fmt.Sprintf("roles cannot pass %s (%s) to their own folders: chmod a+x %s", dir, info.Mode().Perm(), dir))
		}
	}
	return out
}

// checkParent is for an installation that has not been started yet.
func checkParent(f Finding, data string) Finding {
	parent := data
	for parent != "/" {
		parent = filepath.Dir(parent)
		if info, err := os.Stat(parent); err == nil {
			if !info.IsDir() {
				return f.fail("Set data to a folder of Cofferdam's own.", "%s is not a folder", parent)
			}
			return f.ok("%s will be made at the first start", data)
		}
	}
	return f.fail("Set data to a folder of Cofferdam's own.", "%s cannot be made", data)
}

// tooOpen says what is wrong with the rights of a file or folder that is for one
// user alone. What is not there yet, or lies behind a closed door, is well.
func tooOpen(path string) []string {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s is open to others (%s): chmod go-rwx %s", path, info.Mode().Perm(), path)}
}
