package runner

import (
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// defaultPath is where programs are looked for without PATH, as the C library does.
const defaultPath = "/bin:/usr/bin"

// candidates are the files that execvp would try for a program, in order. dir is the working directory of the command,
// from which relative ones are found.
func candidates(program, search string) []string {
	if program == "" || strings.Contains(program, "/") {
		return []string{program}
	}
	var list []string
	for dir := range strings.SplitSeq(search, ":") {
		if dir == "" {
			dir = "." // as ever since the first shell
		}
		list = append(list, dir+"/"+program)
	}
	return list
}

// find returns the file that a command is to execute, or why there is none: a file that may not be executed counts
// only when no other is found.
func find(program, search, dir string) (string, error) {
	list := candidates(program, search)
	if len(list) == 1 {
		return list[0], nil // the kernel says what is wrong with it
	}
	failure := error(syscall.ENOENT)
	for _, file := range list {
		at := file
		if !filepath.IsAbs(at) && dir != "" {
			at = filepath.Join(dir, at)
		}
		var st unix.Stat_t
		if unix.Stat(at, &st) != nil {
			continue
		}
		if st.Mode&unix.S_IFMT != unix.S_IFREG || unix.Access(at, unix.X_OK) != nil {
			failure = syscall.EACCES
			continue
		}
		return file, nil
	}
	return "", failure
}
