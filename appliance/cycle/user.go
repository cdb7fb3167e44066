package cycle

import (
	"os/user"
	"strconv"

	"weir/appliance/conf"
)

// User is whom the server process runs as. The zero User means: as started.
type User struct {
	Name   string
	UID    int
	GID    int
	Groups []int // supplementary groups
	Set    bool
}

func setUser(cx *conf.Cx, it *conf.Item) error {
	m := conf.Target[mainConf](cx)
	if m.user.Set {
		return conf.Tail("is duplicate")
	}
	if !Of(cx).Root {
		cx.Warn("the \"user\" directive makes sense only if the master process runs with super-user privileges, ignored")
		return nil
	}
	group := it.Arg(0)
	if len(it.Args) == 2 {
		group = it.Arg(1)
	}
	u, err := lookupUser(it.Arg(0), group)
	if err != nil {
		return err
	}
	m.user = u
	return nil
}

func lookupUser(name, group string) (User, error) {
	pw, err := user.Lookup(name)
	if err != nil {
		return User{}, conf.Errorf("getpwnam(%q) failed", name)
	}
	gr, err := user.LookupGroup(group)
	if err != nil {
		return User{}, conf.Errorf("getgrnam(%q) failed", group)
	}
	u := User{Name: name, Set: true}
	u.UID, _ = strconv.Atoi(pw.Uid)
	u.GID, _ = strconv.Atoi(gr.Gid)
	u.Groups = []int{u.GID}
	ids, err := pw.GroupIds()
	if err != nil {
		return u, nil // no group file: the primary group is all there is
	}
	for _, id := range ids {
		if n, err := strconv.Atoi(id); err == nil && n != u.GID {
			u.Groups = append(u.Groups, n)
		}
	}
	return u, nil
}

// nobody is the user of last resort: an empty container has no /etc/passwd.
const nobody = 65534

// orDefault is u, or the unprivileged user when root starts without a user
// directive.
func (u User) orDefault() User {
	if u.Set {
		return u
	}
	pw, err := user.Lookup("nobody")
	if err != nil {
		return User{Name: "nobody", UID: nobody, GID: nobody, Groups: []int{nobody}, Set: true}
	}
	u = User{Name: "nobody", Set: true}
	u.UID, _ = strconv.Atoi(pw.Uid)
	u.GID, _ = strconv.Atoi(pw.Gid)
	u.Groups = []int{u.GID}
	return u
}
