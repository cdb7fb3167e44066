// Package errlog writes error logs in the form that nginx's users, log
// shippers and test suites read:
//
//	2026/11/22 18:01:24 [error] 4021#4025: *17 open() "/x" failed (2: No such file or directory), client: ...
//
// It owns the levels, the reopenable log file (File), the other places a line
// can go (standard error, syslog, a ring in memory) and the immutable list of
// outputs that one error_log setting stands for (Log). Beside them, lines can be
// kept for the thread that wrote them (Capture).
//
// It does not open files: the process code does, as the user that may, and
// hands descriptors in (File.Reopen). It knows nothing of requests: a caller
// appends ", client: ..., server: ..." to its message itself.
//
// Callers: every package that reports something; appliance/cycle builds Logs
// from directives; appliance/master and appliance/server open and reopen.
//
// Threads: everything here may be used from any thread. Nothing is buffered: a
// line is one write(2), so lines of several workers never mix.
package errlog
