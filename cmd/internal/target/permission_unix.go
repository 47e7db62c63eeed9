//go:build unix

package target

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// socketPermissions says why this user may not connect to a unix socket: the mode and owner of the
// socket, or of the first folder on the way that is closed, and who this user is.
func socketPermissions(path string) string {
	who := "this is " + userName(os.Geteuid())
	if info, err := os.Stat(path); err == nil {
		return fmt.Sprintf("the socket is %s, and %s", modeAndOwner(info), who)
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil {
			return fmt.Sprintf("the folder %.200s is %s, and %s", dir, modeAndOwner(info), who)
		}
		if dir == filepath.Dir(dir) {
			return who
		}
	}
}

// modeAndOwner is such as "0660 www-data:www-data".
func modeAndOwner(info os.FileInfo) string {
	mode := fmt.Sprintf("%04o", info.Mode().Perm())
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%s %s:%s", mode, ownerName(int(s.Uid)), groupName(int(s.Gid)))
	}
	return mode
}

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return fmt.Sprintf("%s (uid %d)", u.Username, uid)
	}
	return fmt.Sprintf("uid %d", uid)
}

func ownerName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}

func groupName(gid int) string {
	if g, err := user.LookupGroupId(strconv.Itoa(gid)); err == nil {
		return g.Name
	}
	return strconv.Itoa(gid)
}
